// A key in every tier, and how far behind the commits each one is.
import {call, json, segment} from "./client.js";
import {confirmed, count, h, note, replace, say, table} from "./dom.js";
import {collections} from "./schema.js";

const TIERS = [["l1", "memory of this instance"], ["redis", "Redis"], ["replica", "replica"], ["primary", "primary"]];

const VERDICTS = {
  none: "It holds nothing.",
  current: "It is what the primary holds.",
  behind: "Older than a commit that this instance has heard of: it is not served.",
  unchecked: "It may be served; the primary cannot be asked.",
  pending: "It may be served; the primary has a commit that this instance has not heard of yet.",
  ahead: "It may be served; the primary lost commits in a failover, and the writer applies them again.",
  changed: "It may be served; the row was changed outside Sluice.",
  stale: "It may be served, and this instance has heard of all that the primary holds: the row was changed outside Sluice, or there is a bug.",
};
const LIVE_MS = 1000;
const GOOD = ["none", "current"];

export async function show(page, {rest, signal}) {
  const names = await collections();
  const of = h("select", {id: "of"}, names.map((name) => h("option", {}, name)));
  const key = h("input", {id: "key", required: true, maxlength: 255, autocomplete: "off"});
  const live = h("input", {id: "live", type: "checkbox"});
  const result = h("div", {id: "inspected"});
  const form = h("form", {class: "row end"}, h("div", {}, h("label", {for: "of"}, "Collection"), of),
    h("div", {}, h("label", {for: "key"}, "Key"), key), h("button", {class: "main", id: "inspect"}, "Look"),
    h("label", {for: "live"}, live, " again every second: a change is seen live"));
  if (rest[0]) of.value = rest[0];
  key.value = rest.slice(1).join("/");

  async function look() {
    history.replaceState(null, "", `#/key/${of.value}/${encodeURIComponent(key.value)}`);
    try {
      const said = await json(`/inspect/${of.value}/${segment(key.value)}`);
      if (!signal.aborted) replace(result, ...report(said, look));
    } catch (failure) {
      replace(result, note(failure.message, "bad"));
    }
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    look();
  });
  page.append(h("h2", {}, "A key in every tier"), form, result);
  if (rest.length > 1) await look();
  let busy = false;
  const timer = setInterval(async () => {
    if (busy || !live.checked || !key.value || document.hidden) return;
    busy = true;
    await look();
    busy = false;
  }, LIVE_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

function row(title, tier) {
  if (!tier) return h("tr", {}, h("td", {}, title), h("td", {colspan: 5}, "none is configured"));
  return h("tr", {}, h("td", {}, title), h("td", {}, tier.expired ? `${tier.state}, expired` : tier.state), h("td", {}, tier.version ?? "–"),
    h("td", {}, tier.as_of ?? "–"), h("td", {}, tier.ttl_ms === undefined ? "–" : `${count(tier.ttl_ms / 1000)} s`),
    h("td", {class: "wrap"}, h("strong", {class: GOOD.includes(tier.verdict) ? "good" : "bad"}, tier.verdict), ` ${VERDICTS[tier.verdict] ?? ""}`));
}

function report(said, again) {
  const {instance} = said;
  const outcome = h("div");

  async function purge() {
    if (!await confirmed(`Remove ${said.collection}/${said.key} from the memory of this instance and from Redis?`, "Clear")) return;
    try {
      await call(`/cache/${said.collection}/${segment(said.key)}`, {method: "DELETE"});
      say("Cleared.");
      await again();
    } catch (failure) {
      outcome.replaceChildren(note(failure.message, "bad"));
    }
  }
  return [
    note(`All tiers: ${said.verdict}. ${VERDICTS[said.verdict] ?? ""}`, GOOD.includes(said.verdict) ? "good" : "bad"),
    table("The tiers", ["tier", "state", "version", "as of", "lives for", "verdict"], TIERS.map(([name, title]) => row(title, said[name]))),
    h("h3", {}, "Its place"),
    h("dl", {}, [["key", said.key], ["partition", said.partition], ["bucket", said.bucket], ["watermark of this instance", instance.watermark],
      ["floor of the bucket", instance.floor ?? "commits are not heard yet"],
      ["writes of the partition that wait", instance.pending_writes ?? "unknown"]]
      .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))])),
    h("p", {class: "row"},
      h("a", {href: `#/document/${said.collection}/${encodeURIComponent(said.key)}`}, "The document"),
      h("button", {type: "button", id: "again", onclick: again}, "Look again"),
      h("button", {type: "button", id: "purge-key", class: "danger", onclick: purge}, "Clear this key")), outcome,
  ];
}
