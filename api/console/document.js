// One document: look at it, create it, edit it, delete it. A change names the
// version that it was made from, so two people cannot overwrite each other.
import {banner} from "./browse.js";
import {call, pathOf, write} from "./client.js";
import {confirmed, h, note, once, replace, say, shown} from "./dom.js";
import {formOf} from "./form.js";
import {collection, exact} from "./schema.js";

const BIG = 2000;

export async function show(page, {rest, signal}) {
  const of = await collection(rest[0]);
  if (rest.length > 1) await showDocument(page, of, rest.slice(1).join("/"), signal);
  else showNew(page, of);
}

const links = (of) => h("p", {class: "row"}, h("a", {href: `#/browse/${of.name}`}, `All ${of.name}`));

/** What became of a write: at the fields it is about, or above the form. */
function showFailure(failure, form, result) {
  const errors = (failure.problem?.errors ?? []);
  const constraint = failure.problem?.constraint;
  result.replaceChildren(note(failure.message, "bad"));
  if (errors.length) form.show(errors);
  const named = form.names.filter((name) => constraint?.includes(`_${name}_`));
  if (named.length)
    form.show(named.map((name) => ({pointer: `/${name}`, detail: `violates ${constraint}`})));
  if (failure.type === "key-exists" && form.names.length)
    form.show([{pointer: `/${form.names[0]}`, detail: "a document has this key already"}]);
}

/** Runs `send`, once at a time. The form stays whatever happens. */
const sending = (button, form, result, send) => once(button, async () => {
  try {
    await send();
  } catch (failure) {
    if (failure.status === undefined) throw failure;
    showFailure(failure, form, result);
  }
});

const pending = (answer) =>
  `The log has the write, and it was not committed within 10 s. Its state: ${answer.headers.get("Location")}`;

function showNew(page, of) {
  const withKey = of.parts || of.create.properties[of.key] ? of.create
    : {...of.create, properties: {[of.key]: of.fields[of.key], ...of.create.properties}};
  const form = formOf(withKey);
  const result = h("div");
  const save = h("button", {class: "main", id: "save"}, "Create");
  const element = h("form", {novalidate: true}, form.element, h("p", {class: "row"}, save));
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const document = form.read();
    if (!document) return;
    sending(save, form, result, async () => {
      const answer = await write("POST", `/v1/${of.name}`, document);
      if (answer.status === 202) {
        result.replaceChildren(note(pending(answer)));
        return;
      }
      say("Created.");
      location.hash = `#/document/${of.name}/${encodeURIComponent(answer.json().key)}`;
    });
  });
  page.append(h("h2", {}, `New document of ${of.name}`), links(of), result, element);
}

function viewOf(of, document) {
  return h("dl", {id: "view"}, Object.keys(of.fields).flatMap((name) => [
    h("dt", {}, name),
    h("dd", {}, document[name] === null || document[name] === undefined ? h("span", {class: "soft"}, "null")
      : whole(document[name])),
  ]));
}

function whole(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 1);
  if (text.length <= BIG) return text;
  const short = shown(text, BIG);
  const place = h("span", {}, short);
  const all = h("button", {type: "button", onclick: () => {
    place.textContent = text;
    all.remove();
  }}, `Show all ${text.length.toLocaleString("en")} characters`);
  return h("span", {}, place, " ", all);
}

async function showDocument(page, of, key, signal) {
  const path = pathOf(of.name, key);
  const result = h("div", {id: "outcome"});
  const body = h("div", {id: "document"});
  page.append(h("h2", {}, `${of.name}: ${shown(key)}`), links(of), result, body);

  async function load(headers = {}) {
    try {
      const answer = await call(path, {headers, signal});
      showIt(answer);
    } catch (failure) {
      if (failure.name === "AbortError") return;
      replace(body);
      result.replaceChildren(note(failure.message, "bad"));
    }
  }

  function showIt(answer) {
    const document = exact(answer.text);
    const etag = answer.headers.get("ETag");
    replace(body, banner(answer), h("p", {class: "row"},
      h("button", {type: "button", id: "again", onclick: () => load()}, "Load again"),
      h("button", {type: "button", id: "fresh", onclick: () => load({"Cache-Control": "no-cache"})}, "Load from the database"),
      h("button", {type: "button", id: "edit", onclick: () => edit(document, etag)}, "Edit"),
      h("button", {type: "button", id: "delete", class: "danger", onclick: () => remove(etag)}, "Delete"),
      h("a", {href: `#/key/${of.name}/${encodeURIComponent(key)}`}, "In every tier"),
      h("span", {class: "soft"}, `ETag ${etag}`)), viewOf(of, document));
  }

  function edit(document, etag) {
    const form = formOf(of.put, document);
    const save = h("button", {class: "main", id: "save"}, "Save");
    const element = h("form", {novalidate: true}, form.element, h("p", {class: "row"}, save,
      h("button", {type: "button", id: "cancel", onclick: () => {
        result.replaceChildren();
        load();
      }}, "Cancel"), h("span", {class: "soft"}, `If-Match: ${etag}`)));
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      const made = form.read();
      if (made) sending(save, form, result, () => put(made, etag));
    });
    result.replaceChildren();
    body.replaceChildren(element);
    element.querySelector("input, textarea, select")?.focus();
  }

  async function put(document, etag) {
    try {
      const answer = await write("PUT", path, document, {"If-Match": etag});
      result.replaceChildren(note(answer.status === 202 ? pending(answer) : "Saved.", "good"));
      await load();
    } catch (failure) {
      if (failure.status === 412) await offerCurrent(document);
      throw failure;
    }
  }

  /** After a 412: what is there now, and the choice to write over it knowingly. */
  async function offerCurrent(mine) {
    const answer = await call(path, {signal}).catch(() => null);
    document.getElementById("theirs")?.remove();
    if (!answer) return;
    const now = answer.headers.get("ETag");
    body.prepend(h("section", {id: "theirs", "aria-label": "What is stored now"},
      h("h3", {}, `What is stored now (ETag ${now})`), viewOf(of, exact(answer.text)),
      h("p", {class: "row"},
        h("button", {type: "button", id: "take-theirs", onclick: () => edit(exact(answer.text), now)}, "Edit that one"),
        h("button", {type: "button", id: "keep-mine", onclick: () => edit({...exact(answer.text), ...mine}, now)}, "Keep my values, and save over it"))));
  }

  async function remove(etag) {
    if (!await confirmed(`Delete ${of.name} ${shown(key, 60)}?`, "Delete it")) return;
    try {
      await write("DELETE", path, undefined, {"If-Match": etag});
      say("Deleted.");
      replace(body);
      result.replaceChildren(note("Deleted.", "good"));
    } catch (failure) {
      result.replaceChildren(note(failure.message, "bad"));
      if (failure.status === 412) await load();
    }
  }

  await load();
}
