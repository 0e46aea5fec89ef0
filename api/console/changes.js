// The changes of a collection, as they are committed.
import {call} from "./client.js";
import {clock, h, note, replace, shown, table} from "./dom.js";
import {collections} from "./schema.js";

const KEPT = 200;
const AGAIN_MS = 2000;

/** Calls `take` for each event of a stream of server-sent events. */
async function read(stream, take) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const made = {};
      for (const line of event.split("\n")) {
        const [, name, text] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
        if (name) made[name] = text;
      }
      take(made);
    }
  }
}

export async function show(page, {rest, signal}) {
  const names = await collections();
  const of = h("select", {id: "of"}, names.map((name) => h("option", {}, name)));
  if (rest[0]) of.value = rest[0];
  const kind = h("select", {id: "kind"}, h("option", {value: ""}, "all"), h("option", {}, "put"), h("option", {}, "delete"));
  const text = h("input", {id: "text", autocomplete: "off"});
  const state = h("p", {class: "soft", role: "status", id: "feed"});
  const pause = h("button", {type: "button", id: "pause", "aria-pressed": "false"}, "Pause");
  const body = h("div", {id: "events"});
  let events = [], seen = 0, paused = false, stop = null;

  const wanted = (event) => (!kind.value || event.event === kind.value) &&
    (!text.value || event.text.includes(text.value));
  const row = (event) => h("tr", {}, h("td", {}, clock(event.at)), h("td", {}, event.event),
    h("td", {}, event.key === undefined ? "–" : h("a", {id: `change-${event.number}`, href: `#/document/${of.value}/${encodeURIComponent(event.key)}`}, shown(event.key, 60))),
    h("td", {}, event.version ?? "–"), h("td", {}, event.by ?? "–"),
    h("td", {}, event.document === undefined ? "–" : shown(event.document)));

  function draw() {
    if (paused) return;
    const chosen = events.filter(wanted);
    replace(body, chosen.length ? table("Changes", ["time", "what", "key", "version", "by", "document"], chosen.map(row))
      : note(events.length ? "No change matches." : "No change yet. The newest will be shown here."));
  }

  function take(event) {
    if (!event.event) return;
    let data = {};
    if (event.data) data = JSON.parse(event.data);
    seen += 1;
    events = [{...data, number: seen, event: event.event, at: Date.now(), text: event.data ?? ""}, ...events].slice(0, KEPT);
    draw();
  }

  /** Follows the feed until the page or the collection changes; after a loss, from
   * where it was. */
  async function follow(name, {signal: ended}) {
    let last = null;
    while (!ended.aborted) {
      try {
        const headers = last ? {"Last-Event-ID": last, Accept: "text/event-stream"} : {Accept: "text/event-stream"};
        const answer = await call(`/v1/${name}/_changes`, {headers, stream: true, signal: ended});
        state.textContent = `Following ${name}.`;
        await read(answer.body, (event) => {
          last = event.id ?? last;
          take(event);
        });
        state.textContent = "The feed has ended. It is opened again.";
      } catch (failure) {
        if (ended.aborted) return;
        state.textContent = failure.message;
        if ([401, 403, 404].includes(failure.status)) return;
        if (failure.status === 410) last = null;
      }
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }

  function begin() {
    stop?.abort();
    stop = new AbortController();
    events = [];
    state.textContent = "Opening the feed…";
    draw();
    follow(of.value, stop);
  }

  of.addEventListener("change", begin);
  kind.addEventListener("change", draw);
  text.addEventListener("input", draw);
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    draw();
  });
  signal.addEventListener("abort", () => stop?.abort());
  page.append(h("h2", {}, "Changes"), h("div", {class: "row end"},
    h("div", {}, h("label", {for: "of"}, "Collection"), of), h("div", {}, h("label", {for: "kind"}, "What"), kind),
    h("div", {}, h("label", {for: "text"}, "Has the text"), text), pause), state, body);
  begin();
}
