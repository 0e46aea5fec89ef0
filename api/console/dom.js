// Elements and texts. Nothing here, or anywhere in the console, makes markup of a
// text: what a document has in it is shown as it is.

/** An element: its attributes, functions for `on…`, and its children. */
export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value") made.value = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export const $ = (id) => document.getElementById(id);

/**
 * Replaces the children of an element. If the focus was on one of them, it stays on the
 * one with the same id, or else in the element: whoever uses the keyboard goes on there.
 */
export function replace(place, ...children) {
  const at = document.activeElement;
  const inside = place.contains(at);
  place.replaceChildren(...children);
  if (!inside || place.contains(document.activeElement)) return;
  const same = at.id && $(at.id);
  if (same && place.contains(same) && !same.disabled) {
    same.focus();
  } else {
    place.tabIndex = -1;
    place.focus();
  }
}

/** Does the work of a button. It cannot be used again meanwhile, and keeps the focus. */
export async function once(button, work) {
  if (button.ariaDisabled) return;
  button.ariaDisabled = "true";
  try {
    await work();
  } finally {
    button.ariaDisabled = null;
  }
}

/** Tells a screen reader what happened. */
export function say(text) {
  $("said").textContent = text;
}

export function note(text, kind = "") {
  return h("p", {class: `note ${kind}`, role: kind === "bad" ? "alert" : "status"}, text);
}

export function table(caption, heads, rows) {
  return h("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": caption},
    h("table", {},
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", {scope: "col"}, head)))),
      h("tbody", {}, rows)));
}

export function card(title, value, kind = "") {
  return h("li", {class: "card"}, h("b", {class: kind}, value), h("span", {}, title));
}

/** Asks before something is done that cannot be undone. */
export function confirmed(question, action) {
  return new Promise((done) => {
    const dialog = h("dialog", {"aria-label": question});
    const end = (answer) => {
      dialog.close();
      dialog.remove();
      done(answer);
    };
    dialog.addEventListener("cancel", () => end(false));
    dialog.append(h("p", {}, question), h("p", {class: "row"},
      h("button", {type: "button", class: "danger", onclick: () => end(true)}, action),
      h("button", {type: "button", onclick: () => end(false)}, "Cancel")));
    document.body.append(dialog);
    dialog.showModal();
  });
}

const unknown = "–";
export const count = (n) => (n === null || n === undefined ? unknown : Math.round(n).toLocaleString("en"));
export const short = (n) => (n === null || n === undefined ? unknown : Number(n.toPrecision(3)).toLocaleString("en"));
export const ms = (n) => (n === null || n === undefined ? unknown : `${short(n)} ms`);
export const seconds = (n) => (n === null || n === undefined ? unknown : `${count(n)} s`);
export const percent = (n) => (n === null || n === undefined ? unknown : `${n.toFixed(1)} %`);
export const clock = (t) => new Date(t).toLocaleTimeString();

/** A value of a document, as one text of at most `most` characters. */
export function shown(value, most = 120) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
