// What the caches have, what they save, and how to empty them.
import {call, json} from "./client.js";
import {card, confirmed, count, h, ms, note, once, percent, say} from "./dom.js";
import {collections} from "./schema.js";

const EVERY_MS = 2000;

const CARDS = [
  ["hits, both tiers", "hits", count], ["misses, both tiers", "misses", count], ["hit rate", "hit_rate", percent],
  ["hit rate of memory", "l1_hit_rate", percent], ["hit rate of Redis", "l2_hit_rate", percent],
  ["entries in memory", "l1_size", count], ["bytes in memory", "l1_bytes", count],
  ["bytes that fit", "l1_max_bytes", count], ["entries in Redis", "keys", count], ["rows from Postgres", "db_reads", count],
];

export async function show(page, {signal}) {
  const cards = h("ul", {class: "cards", id: "cache-stats", "aria-label": "Counters of the caches"});
  const trouble = h("div");

  async function refresh() {
    if (document.hidden) return;
    try {
      const stats = await json("/cache-stats");
      cards.replaceChildren(...CARDS.map(([title, name, as]) => card(title, as(stats[name]))));
      trouble.replaceChildren();
    } catch (failure) {
      trouble.replaceChildren(note(failure.message, "bad"));
    }
  }

  page.append(h("h2", {}, "Caches"), trouble, cards, measure(), await purge(refresh));
  await refresh();
  const timer = setInterval(refresh, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

function measure() {
  const result = h("div", {id: "performance"});
  const button = h("button", {type: "button", id: "measure", onclick: () => once(button, run)}, "Performance test");

  async function run() {
    try {
      const said = await json("/cache/performance");
      const cached = said.cached_response_time * 1000, database = said.database_response_time * 1000;
      result.replaceChildren(h("ul", {class: "cards"}, card("from memory", ms(cached), "good"),
        card("from the database", ms(database), "warm"), card("less time", said.performance_improvement)),
      h("p", {class: "soft"}, `Medians of ${said.rounds} reads of ${said.document}, measured in the server.`));
    } catch (failure) {
      result.replaceChildren(note(failure.message, "bad"));
    }
  }
  return h("section", {}, h("h3", {}, "Cached against database"), button, result,
    h("p", {}, "How a change ends the cached values is seen live for ", h("a", {href: "#/key"}, "a key in every tier"), "."));
}

async function purge(refresh) {
  const names = await collections().catch(() => []);
  const of = h("select", {id: "purge-of"}, h("option", {value: ""}, "all collections"), names.map((name) => h("option", {}, name)));
  const key = h("input", {id: "purge-key", autocomplete: "off", maxlength: 255});
  const result = h("div", {id: "purged"});
  const form = h("form", {class: "row end"}, h("div", {}, h("label", {for: "purge-of"}, "Collection"), of),
    h("div", {}, h("label", {for: "purge-key"}, "Key (empty: all)"), key),
    h("button", {class: "danger", id: "purge"}, "Clear"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (key.value && !of.value) {
      result.replaceChildren(note("Choose the collection of the key.", "bad"));
      return;
    }
    const path = ["/cache", of.value, key.value].filter(Boolean).map((part, i) => (i ? encodeURIComponent(part) : part)).join("/");
    const what = key.value ? `the entry ${of.value}/${key.value}` : of.value ? `all entries of ${of.value}` : "everything";
    if (!await confirmed(`Remove ${what} from the memory of this instance and from Redis? Reads go to the database until the caches are warm again.`, "Clear")) return;
    try {
      const said = (await call(path, {method: "DELETE"})).json();
      say("Cleared.");
      result.replaceChildren(note(`Cleared: ${said.purged}. ${said.l1_entries} entries of memory; Redis: ${said.redis}.`, "good"));
      refresh();
    } catch (failure) {
      result.replaceChildren(note(failure.message, "bad"));
    }
  });
  return h("section", {}, h("h3", {}, "Clear"),
    h("p", {class: "soft"}, "Every other instance has a memory of its own, which this does not reach."), form, result);
}
