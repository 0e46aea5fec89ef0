// What this instance does now, and did in the last 15 minutes.
import {card, count, h, note, percent, seconds, short} from "./dom.js";
import {json} from "./client.js";
import {plotOf} from "./plot.js";

const EVERY_MS = 5000;
const KEPT = 180;

const ratio = (hits, misses) => ({series}) =>
  series[hits].map((hit, i) => {
    const all = hit + series[misses][i];
    return hit === null || all === 0 ? null : (100 * hit) / all;
  });

const PLOTS = [
  {title: "Reads, by the tier that answered", unit: "/s",
    lines: [["reads_l1", "memory"], ["reads_redis", "Redis"], ["reads_replica", "replica"],
      ["reads_primary", "primary"], ["reads_failed", "failed"]]},
  {title: "Found in a cache", unit: "%",
    lines: [[ratio("l1_hits", "l1_misses"), "memory"], [ratio("redis_hits", "redis_misses"), "Redis, of the rest"]]},
  {title: "Time of a request, median", unit: "ms",
    lines: [["read_p50", "read"], ["list_p50", "list"], ["create_p50", "create"], ["update_p50", "update"],
      ["delete_p50", "delete"]]},
  {title: "Time of a request, 99 of 100 are faster", unit: "ms",
    lines: [["read_p99", "read"], ["list_p99", "list"], ["create_p99", "create"], ["update_p99", "update"],
      ["delete_p99", "delete"]]},
  {title: "Writes", unit: "/s",
    lines: [["writes_accepted", "accepted here"], ["writes_committed", "committed"], ["writes_rejected", "rejected"],
      ["writes_refused", "refused here"]]},
  {title: "Time of a write, by stage, median", unit: "ms",
    lines: [["acknowledge_p50", "in the log"], ["commit_p50", "committed"], ["heard_p50", "heard of"]]},
  {title: "Writes that wait", unit: "",
    lines: [["backlog", "for a commit"], ["redis_behind", "for the projector"], ["replica_behind", "for the replica"]]},
  {title: "For how long they wait", unit: "s",
    lines: [["backlog_age", "partition without a commit"], ["redis_lag", "projector"], ["replica_lag", "replica"]]},
  {title: "Values of the replica that were too old", unit: "/s", lines: [["replica_old", "replica"]]},
  {title: "Answers", unit: "/s",
    lines: [["answers_2xx", "2xx, 3xx"], ["answers_5xx", "5xx"], ["answers_4xx", "4xx"]]},
  {title: "Open now", unit: "", lines: [["connections", "connections"], ["feeds", "change feeds"]]},
  {title: "Instances", unit: "",
    lines: [["apis", "api"], ["writers", "writer"], ["projectors", "projector"]]},
];

const PARTS = [
  ["primary", "Postgres, primary"], ["replica", "Postgres, replica"], ["cache", "Redis"], ["log", "Kafka, the log"],
  ["l1_cache", "memory (commits are heard)"],
];

const INSTANCES = [
  ["instances of the api", "api_instances", count],
  ["writers", "writer_instances", count],
  ["projectors", "projector_instances", count],
  ["Redis is behind", "redis_lag", seconds],
  ["the replica is behind", "replica_lag", seconds],
];

const CARDS = [
  ["found in memory, since the start", "l1_hit_rate", percent],
  ["found in Redis, of the rest", "l2_hit_rate", percent],
  ["rows from Postgres", "db_reads", count],
  ["documents and pages in memory", "l1_size", count],
  ["documents in Redis", "keys", count],
  ["writes accepted here", "writes_queued", count],
  ["writes rejected", "writes_failed", count],
  ["writes that wait", "queue_depth", count],
];

function join(old, more) {
  if (!old || more.started !== old.started) return more;
  const keep = (a, b) => [...a, ...b].slice(-KEPT);
  const series = {};
  for (const name of Object.keys(more.series)) series[name] = keep(old.series[name], more.series[name]);
  return {...more, times: keep(old.times, more.times), series};
}

async function health() {
  try {
    return await json("/health");
  } catch (failure) {
    // A 503 of /health has the same body.
    if (failure.problem?.worker_active !== undefined) return failure.problem;
    throw failure;
  }
}

export async function show(page, {signal}) {
  const parts = h("ul", {class: "cards", "aria-label": "Parts"});
  const reasons = h("div");
  const instances = h("ul", {class: "cards", id: "instances", "aria-label": "Instances"});
  const cards = h("ul", {class: "cards", "aria-label": "Counters"});
  const about = h("p", {class: "soft"});
  const trouble = h("div");
  const plots = PLOTS.map(plotOf);
  page.append(h("h2", {}, "Overview"), trouble, h("h3", {}, "Parts"), parts, reasons,
    h("h3", {}, "Instances, and how far the stores are"), instances,
    h("h3", {}, "The last 15 minutes"), about, h("div", {class: "plots"}, plots.map((plot) => plot.element)),
    h("h3", {}, "Since the start"), cards);
  if (!globalThis.uPlot)
    trouble.append(note("The plots need the files of uPlot, in the folder docs.dir. compose/up fetches them."));
  signal.addEventListener("abort", () => plots.forEach((plot) => plot.end()));

  let history = null;
  const failed = h("div");
  trouble.append(failed);

  function showHealth(said) {
    const all = [...PARTS.map(([part, title]) => [title, said[part]]),
      ["writer", said.worker_active ? "healthy" : "unavailable"]];
    parts.replaceChildren(...all.map(([title, state]) =>
      card(title, state, state === "unavailable" ? "bad" : state === "healthy" ? "good" : "")));
    reasons.replaceChildren(...(said.reasons ?? []).map((reason) => note(reason, "bad")));
  }

  async function refresh() {
    if (document.hidden) return;
    try {
      showHealth(await health());
      const stats = await json("/stats");
      for (const [place, all] of [[instances, INSTANCES], [cards, CARDS]])
        place.replaceChildren(...all.map(([title, name, as]) => card(title, as(stats[name]))));
      const after = history?.times.at(-1);
      history = join(history, await json(`/stats/history${after ? `?after=${after}` : ""}`));
      about.textContent = `This instance, with ${short(history.threads)} request threads, since ` +
        `${new Date(history.started).toLocaleString()}; ${count(history.times.length)} points, one every ${history.step} s.`;
      for (const plot of plots) plot.show(history);
      failed.replaceChildren();
    } catch (failure) {
      failed.replaceChildren(note(failure.message, "bad"));
    }
  }

  await refresh();
  const timer = setInterval(refresh, EVERY_MS);
  document.addEventListener("visibilitychange", refresh, {signal});
  signal.addEventListener("abort", () => clearInterval(timer));
}
