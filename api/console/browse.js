// The collections, and the pages of one: filters, order, where a page came from.
import {call, source} from "./client.js";
import {card, count, h, ms, note, replace, shown, table} from "./dom.js";
import {formOf} from "./form.js";
import {collection, collections, exact, keyOf} from "./schema.js";

const OPERATORS = ["eq", "neq", "gt", "gte", "lt", "lte", "in", "like", "ilike", "is"];
const LIMITS = [10, 25, 100];

export async function show(page, {rest, query, signal}) {
  if (rest[0]) await showOne(page, await collection(rest[0]), query, signal);
  else await showAll(page);
}

async function showAll(page) {
  const names = await collections();
  page.append(h("h2", {}, "Collections"));
  if (!names.length) page.append(note("No collection is declared."));
  page.append(table("Collections", ["collection", "create", "follow"], names.map((name) => h("tr", {},
    h("td", {}, h("a", {href: `#/browse/${name}`}, name)),
    h("td", {}, h("a", {href: `#/document/${name}`, "aria-label": `new document of ${name}`}, "new document")),
    h("td", {}, h("a", {href: `#/changes/${name}`, "aria-label": `changes of ${name}`}, "changes"))))));
}

/** What an answer came from, as a banner. */
export function banner(answer) {
  const from = source(answer);
  return h("div", {class: `note source ${from.cached ? "good" : ""}`, role: "status"},
    h("strong", {}, `From ${from.tier}`),
    ` in ${ms(from.took)}${from.server === null ? "" : `, ${ms(from.server)} of it in the server`}.`,
    h("div", {class: "soft"}, `Cache-Status: ${from.text} · Server-Timing: ${from.timing}`));
}

const names = (collection) => [...new Set([...(collection.parts ? [] : [collection.key]), ...collection.filters])];

function filterRow(of, removed, at = {}) {
  const field = h("select", {"aria-label": "field"}, names(of).map((name) => h("option", {}, name)));
  const op = h("select", {"aria-label": "operator"}, OPERATORS.map((name) => h("option", {}, name)));
  const value = h("input", {"aria-label": "value", value: at.value ?? "", autocomplete: "off"});
  if (at.field) field.value = at.field;
  if (at.op) op.value = at.op;
  const row = h("div", {class: "row filter"}, field, op, value,
    h("button", {type: "button", "aria-label": "remove the filter", onclick: () => {
      row.remove();
      removed();
    }}, "✕"));
  row.read = () => [field.value, `${op.value}.${value.value}`];
  return row;
}

function toolbar(of, query, go) {
  const filters = h("div");
  const add = h("button", {type: "button", id: "add-filter", onclick: () => {
    filters.append(filterRow(of, removed));
    filters.lastChild.querySelector("select").focus();
  }}, "Add a filter");
  const removed = () => add.focus();
  for (const [name, text] of query) {
    const [op, ...value] = text.split(".");
    if (names(of).includes(name)) filters.append(filterRow(of, removed, {field: name, op, value: value.join(".")}));
  }
  const [by, way] = (query.get("order") ?? "").split(".");
  const order = h("select", {id: "order"}, h("option", {value: ""}, "as declared"),
    [...new Set([of.key, ...names(of)])].map((n) => h("option", {}, n)));
  const direction = h("select", {"aria-label": "direction"}, h("option", {value: "asc"}, "ascending"), h("option", {value: "desc"}, "descending"));
  const limit = h("select", {id: "limit"}, LIMITS.filter((n) => n <= of.limit.maximum).map((n) => h("option", {}, n)));
  order.value = by;
  direction.value = way || "asc";
  limit.value = query.get("limit") ?? "25";
  const asked = () => {
    const wanted = new URLSearchParams([...filters.children].map((row) => row.read()));
    if (order.value) wanted.set("order", `${order.value}.${direction.value}`);
    wanted.set("limit", limit.value);
    return wanted;
  };
  const form = h("form", {}, filters, h("div", {class: "row end"}, add,
    h("div", {}, h("label", {for: "order"}, "Order"), order, direction),
    h("div", {}, h("label", {for: "limit"}, "Limit"), limit),
    h("button", {class: "main", id: "load"}, "Load"),
    h("button", {type: "button", id: "fresh", onclick: () => go(asked(), {"Cache-Control": "no-cache"})}, "Load from the database"),
    h("button", {type: "button", id: "count", onclick: () => go(asked(), {Prefer: "count=exact"})}, "Load and count")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(asked());
  });
  return {form, asked};
}

const cell = (value) => h("td", {}, value === null || value === undefined ? h("span", {class: "soft"}, "null") : shown(value));

function rowsOf(of, documents) {
  const columns = Object.keys(of.fields);
  const linked = of.parts?.[0] ?? of.key;
  return table(`Documents of ${of.name}`, columns, documents.map((document) => h("tr", {},
    columns.map((name) => (name === linked
      ? h("td", {}, h("a", {href: placeOf(of, document)}, shown(document[name]) || "(empty)"))
      : cell(document[name]))))));
}

const placeOf = (of, document) =>
  `#/document/${of.name}/${encodeURIComponent(shown(keyOf(of, document), Infinity))}`;

/** An input for each part of a key; it leads to the document. */
function opener(of) {
  const schema = {properties: Object.fromEntries(of.parts.map((name) => [name, of.fields[name]])), required: of.parts};
  const form = formOf(schema);
  const element = h("form", {novalidate: true, id: "open", "aria-label": "Open a document"}, form.element,
    h("p", {class: "row"}, h("button", {id: "open-document"}, "Open")));
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const document = form.read();
    const missing = document && of.parts.filter((name) => document[name] === undefined);
    if (missing?.length) form.show(missing.map((name) => ({pointer: `/${name}`, detail: "is a part of the key"})));
    else if (document) location.hash = placeOf(of, document);
  });
  return h("details", {}, h("summary", {}, "Open a document by its key"), element);
}

const next = (answer) => /<([^>]*)>; *rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1];

async function showOne(page, of, query, signal) {
  const trail = []; // the pages before this one
  let asking = null;
  const result = h("div", {id: "result"});

  /** Of two requests, only the later one is shown. */
  async function load(path, headers = {}) {
    asking?.abort();
    asking = new AbortController();
    try {
      const answer = await call(path, {headers, signal: AbortSignal.any([signal, asking.signal])});
      showPage(path, answer);
    } catch (failure) {
      if (failure.name === "AbortError") return;
      const parameter = failure.problem?.parameter;
      replace(result, note(parameter ? `${failure.message} (parameter ${parameter})` : failure.message, "bad"));
    }
  }

  function showPage(path, answer) {
    const documents = exact(answer.text);
    const more = next(answer);
    const total = /\/(\d+)$/.exec(answer.headers.get("Content-Range") ?? "")?.[1];
    const follow = (to, then) => () => {
      then();
      load(to);
    };
    replace(result, banner(answer),
      ...(total ? [h("ul", {class: "cards"}, card("documents in all", count(Number(total))))] : []),
      documents.length ? rowsOf(of, documents)
        : note("No document. The collection is empty, or none matches the filters."),
      h("p", {class: "row"},
        h("button", {type: "button", id: "back", disabled: !trail.length, onclick: () => load(trail.pop())}, "Page before"),
        h("button", {type: "button", id: "next", disabled: !more, onclick: more && follow(more, () => trail.push(path))}, "Next page"),
        h("span", {class: "soft"}, `${documents.length} documents on this page`)));
  }

  function go(wanted, headers) {
    trail.length = 0;
    history.replaceState(null, "", `#/browse/${of.name}?${wanted}`);
    return load(`/v1/${of.name}?${wanted}`, headers);
  }

  const {form, asked} = toolbar(of, query, go);
  page.append(h("h2", {}, of.name), h("p", {class: "row"},
    h("a", {href: `#/document/${of.name}`, id: "new"}, "New document"),
    h("a", {href: `#/changes/${of.name}`}, "Changes"),
    h("a", {href: "#/browse"}, "All collections")), ...(of.parts ? [opener(of)] : []), form, result);
  await go(asked());
}
