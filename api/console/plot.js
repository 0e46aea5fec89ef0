// Plots of the last minutes by uPlot, on a canvas. Without uPlot (its file is a
// package of its own) the numbers beside the plots remain.
import {h, short} from "./dom.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const HEIGHT = 170;
const SECONDS = 15 * 60; // that the instance keeps (api/service/history.h)

// The whole time that is kept, unless somebody has chosen a part of it. By itself,
// uPlot would make years of a single point.
function shownTimes(u, from, to) {
  const times = u.data[0];
  const last = times.at(-1) ?? Date.now() / 1000;
  const all = times.length === 0 || (from === times[0] && to === last);
  return all ? [last - SECONDS, last] : [from, to];
}

function options(plot, width) {
  const style = getComputedStyle(document.documentElement);
  const axis = {
    stroke: style.getPropertyValue("--soft"),
    grid: {stroke: style.getPropertyValue("--line"), width: 1},
    ticks: {stroke: style.getPropertyValue("--line"), width: 1},
  };
  return {
    width,
    height: HEIGHT,
    cursor: {drag: {x: true, y: false}, sync: {key: "sluice"}},
    legend: {show: false},
    scales: {
      x: {range: shownTimes},
      y: {range: (u, low, high) => [0, high > 0 ? high * 1.1 : 1]},
    },
    axes: [axis, {...axis, size: 56, values: (u, marks) => marks.map(short)}],
    series: [{}, ...plot.lines.map(([, label], i) => ({
      label,
      stroke: style.getPropertyValue(`--line-${i}`),
      width: 1.5,
      spanGaps: true,
      points: {show: false},
    }))],
  };
}

/**
 * A plot: {title, unit, lines: [[series, label], …]}. `line` of a series may be a
 * function of the history. Returns its element, and `show(history)`.
 */
export function plotOf(plot) {
  const place = h("div", {class: "plot", "aria-hidden": "true"});
  const now = h("ul", {class: "legend", "aria-label": `${plot.title}, ${plot.unit}`});
  const figure = h("figure", {}, h("figcaption", {}, `${plot.title} `, h("span", {}, plot.unit)), place, now);
  let made = null, data = null;

  /** The values at a place of the plot, or the newest ones. */
  function show(at) {
    now.replaceChildren(...plot.lines.map(([, label], i) =>
      h("li", {class: `line-${i}`}, `${label} ${valueOf(data[i + 1], at, plot.unit)}`)));
  }

  function draw() {
    if (!globalThis.uPlot || !data || !place.clientWidth) return;
    made?.destroy();
    made = new globalThis.uPlot({...options(plot, place.clientWidth),
      hooks: {setCursor: [(u) => show(u.cursor.idx)]}}, data, place);
  }
  const changed = () => draw();
  dark.addEventListener("change", changed);
  const size = new ResizeObserver(() => made && made.width !== place.clientWidth && draw());
  size.observe(place);

  return {
    element: figure,
    show(history) {
      data = [history.times.map((t) => t / 1000),
        ...plot.lines.map(([line]) => (typeof line === "function" ? line(history) : history.series[line]))];
      show(null);
      if (made) made.setData(data);
      else draw();
    },
    end() {
      dark.removeEventListener("change", changed);
      size.disconnect();
      made?.destroy();
    },
  };
}

function valueOf(values, at, unit) {
  const value = (at ?? null) === null ? values.findLast((v) => v !== null) : values[at];
  return value === undefined || value === null ? "–" : `${short(value)} ${unit}`;
}
