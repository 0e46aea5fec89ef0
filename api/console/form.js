// A form that is made from a JSON Schema, and the document that is typed into it.
import {h} from "./dom.js";
import {exact} from "./schema.js";

const LONG = 300; // characters from which a text gets several lines

const typesOf = (schema) => [schema.type ?? schema.then?.type ?? "string"].flat();
const valuesOf = (schema) => schema.enum ?? schema.then?.enum;

const LIMITS = [
  ["minLength", "at least % characters"], ["maxLength", "at most % characters"], ["minimum", "at least %"],
  ["exclusiveMinimum", "more than %"], ["maximum", "at most %"], ["exclusiveMaximum", "less than %"],
  ["pattern", "matches %"], ["format", "%"],
];

function hintOf(schema, required) {
  const parts = [typesOf(schema).join(" or ")];
  for (const [keyword, text] of LIMITS)
    if (schema[keyword] !== undefined && schema[keyword] !== "int64") parts.push(text.replace("%", schema[keyword]));
  if (schema.default !== undefined) parts.push(`without a value: ${JSON.stringify(schema.default)}`);
  if (schema.description) parts.push(schema.description);
  return `${parts.join(", ")}${required ? ", required" : ""}`;
}

const textOf = (value, types) => {
  if (value === undefined || value === null) return "";
  return typeof value === "string" && types.includes("string") ? value : JSON.stringify(value, null, 1);
};

function controlOf(schema, id, value) {
  const types = typesOf(schema);
  const values = valuesOf(schema) ?? (types.includes("boolean") ? [true, false] : null);
  const about = {id, name: id, "aria-describedby": `${id}-hint`};
  if (values) {
    const chosen = value === undefined ? "" : JSON.stringify(value);
    const options = values.map((v) => h("option", {value: JSON.stringify(v)}, v === null ? "null" : String(v)));
    const select = h("select", about, h("option", {value: ""}, "– no value –"), options);
    select.value = chosen;
    return select;
  }
  const text = textOf(value, types);
  const many = types.includes("object") || types.includes("array") ||
    (types.includes("string") && !schema.format && !(schema.maxLength <= LONG));
  return h(many ? "textarea" : "input", {...about, value: text, spellcheck: "false", autocomplete: "off"});
}

/** The value that was typed; undefined: none. Throws an Error if it is not JSON. */
function typed(field) {
  const types = typesOf(field.schema);
  const text = field.control.value;
  if (field.empty?.checked) return null;
  if (field.control.tagName === "SELECT") return text === "" ? nothing(field, types) : JSON.parse(text);
  if (types.includes("string")) return text === "" && !field.required && !field.had ? nothing(field, types) : text;
  if (text.trim() === "") return nothing(field, types);
  if (types.includes("object") || types.includes("array")) return exact(text);
  // A number keeps its digits. Of what is none, the API says so.
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text.trim()) ? exact(text.trim()) : text;
}

const nothing = (field, types) => (types.includes("null") && field.had ? null : undefined);

/**
 * `schema`: of an object. `document`: its values. Returns {element, read(), show
 * (violations)}: `read` returns the document or null, if something is no JSON.
 */
export function formOf(schema, document = {}) {
  const fields = Object.entries(schema.properties).map(([name, of]) => fieldOf(name, of, schema, document[name]));
  const others = h("div");
  const known = new Map(fields.map((field) => [field.name, field]));

  function fault(name, text) {
    const field = known.get(name);
    if (!field) return false;
    field.wrong.textContent = text;
    field.control.setAttribute("aria-invalid", "true");
    return true;
  }

  function clear() {
    others.replaceChildren();
    for (const field of fields) {
      field.wrong.textContent = "";
      field.control.removeAttribute("aria-invalid");
    }
  }

  return {
    element: h("div", {}, others, fields.map((field) => field.element)),
    read() {
      const made = {};
      let good = true;
      clear();
      for (const field of fields) {
        try {
          const value = typed(field);
          if (value !== undefined) made[field.name] = value;
        } catch (error) {
          good = !fault(field.name, `This is not JSON: ${error.message}`);
        }
      }
      if (!good) focusFirst(fields);
      return good ? made : null;
    },
    /** Shows each violation at its field: [{pointer, detail}]. */
    show(violations) {
      for (const {pointer, detail} of violations) {
        const name = pointer.split("/")[1]?.replaceAll("~1", "/").replaceAll("~0", "~");
        if (!fault(name, detail)) others.append(h("p", {class: "wrong bad"}, `${pointer}: ${detail}`));
      }
      focusFirst(fields);
    },
    names: fields.map((field) => field.name),
  };
}

function focusFirst(fields) {
  fields.find((field) => field.control.hasAttribute("aria-invalid"))?.control.focus();
}

function fieldOf(name, of, schema, value) {
  const required = (schema.required ?? []).includes(name);
  const id = `field-${name}`;
  const control = controlOf(of, id, value);
  const types = typesOf(of);
  const wrong = h("div", {class: "wrong", role: "alert", id: `${id}-wrong`});
  const empty = types.includes("null") && types.includes("string") && !valuesOf(of)
    ? h("input", {type: "checkbox", id: `${id}-null`, checked: value === null}) : null;
  empty?.addEventListener("change", () => { control.disabled = empty.checked; });
  control.disabled = empty?.checked ?? false;
  const element = h("div", {class: "field"}, h("label", {for: id}, name), control,
    empty && h("label", {class: "row", for: empty.id}, empty, `${name} is null`),
    h("div", {class: "hint", id: `${id}-hint`}, hintOf(of, required)), wrong);
  control.setAttribute("aria-describedby", `${id}-hint ${id}-wrong`);
  return {name, schema: of, required, control, empty, wrong, element, had: value !== undefined};
}
