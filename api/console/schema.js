// What the API says of its collections: /v1 and /openapi.json.
import {json} from "./client.js";

let description = null;

const whole = () => (description ??= json("/openapi.json").catch((failure) => {
  description = null; // the next page asks again
  throw failure;
}));

export const collections = async () => (await json("/v1")).collections.map(({name}) => name);

const NO_FILTERS = ["or", "and", "not.or", "not.and", "select", "order", "limit", "cursor"];

/**
 * {name, key, parts, fields of a document, filters, limit, create and put: schemas}.
 * `parts`: the names of the fields that are the key; null: the key is one member.
 */
export async function collection(name) {
  const {paths, components: {schemas}} = await whole();
  const list = paths[`/v1/${name}`]?.get;
  if (!list) throw new Error(`There is no collection ${name}.`);
  const one = Object.keys(paths).find((path) => path.startsWith(`/v1/${name}/{`));
  const parameters = list.parameters.filter((p) => p.in === "query");
  return {
    name,
    key: /\{(.*)\}/.exec(one)[1],
    parts: partsOf(paths[one]),
    fields: schemas[`${name}_document`].properties,
    create: schemas[`${name}_new`],
    put: schemas[`${name}_put`],
    filters: parameters.map((p) => p.name).filter((p) => !NO_FILTERS.includes(p)),
    limit: parameters.find((p) => p.name === "limit").schema,
  };
}

const partsOf = (path) => Object.values(path).flatMap((operation) => operation.parameters ?? [])
  .find((p) => p["x-key-fields"])?.["x-key-fields"] ?? null;

/** The key of a document. In documents that are read, each value has the text of the key. */
export function keyOf(of, document) {
  const part = (value) => (typeof value === "string" ? value.replaceAll("%", "%25").replaceAll(",", "%2C") : JSON.stringify(value));
  return of.parts ? of.parts.map((name) => part(document[name])).join(",") : document[of.key];
}

/**
 * Parses JSON without the loss of a digit: a number that JavaScript would round
 * stays as it was written.
 */
export function exact(text) {
  return JSON.parse(text, (name, value, context) => {
    if (typeof value !== "number" || !context?.source || !JSON.rawJSON) return value;
    return String(value) === context.source ? value : JSON.rawJSON(context.source);
  });
}
