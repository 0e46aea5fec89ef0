// Requests to the API, and what to say about the answers.

// The credential lives as long as the tab. /docs uses it, too.
const CREDENTIAL = "sluice.credential";

export const credential = {
  get: () => sessionStorage.getItem(CREDENTIAL),
  set: (key) => sessionStorage.setItem(CREDENTIAL, key),
  clear: () => sessionStorage.removeItem(CREDENTIAL),
};

/** An answer that is no success, or no answer (status 0). */
export class Failure extends Error {
  constructor(status, problem, headers, cause) {
    super(explanation(status, problem, headers, cause));
    this.status = status;
    this.problem = problem;
  }

  get type() {
    return (this.problem.type ?? "").replace("urn:sluice:problem:", "");
  }
}

const SAID = {
  401: "This needs an API key, and the one you use is not valid or missing: sign in.",
  403: "Your key does not have the right to do this.",
  404: "It does not exist.",
  412: "Somebody else has changed it since you loaded it. Nothing was written.",
  429: "You have sent too many requests.",
};

function explanation(status, problem, headers, cause) {
  if (status === 0)
    return `The API does not answer (${cause}). Nothing on this page is lost: try again in a moment.`;
  const parts = [SAID[status] ?? problem.title ?? `The API answered ${status}.`];
  if (problem.detail) parts.push(problem.detail);
  if (problem.constraint) parts.push(`Constraint: ${problem.constraint}.`);
  const wait = headers?.get("Retry-After");
  if (wait) parts.push(`Try again in ${wait} s.`);
  return `${status}: ${parts.join(" ")}`;
}

async function problemOf(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text);
  } catch {
    return {detail: text.slice(0, 200)};
  }
}

// After a write, reads wait for its commit: behind a load balancer, another instance
// may answer them, which has not heard of it yet.
const REMEMBERED_MS = 10000;
const written = {position: null, at: -Infinity};

function readAfter(path, options, headers) {
  const recent = written.position && performance.now() - written.at < REMEMBERED_MS;
  const reads = (options.method ?? "GET") === "GET" && path.startsWith("/v1/") && !options.stream;
  if (recent && reads) headers.set("Sluice-Read-After", written.position);
}

/**
 * Sends a request. Returns the answer with its text and the time it took, or
 * throws a Failure. `options`: those of fetch.
 */
export async function call(path, options = {}) {
  const headers = new Headers(options.headers);
  // Without this header, a browser that must not use its own cache says `no-cache`,
  // which would go past Sluice's caches, too.
  if (!headers.has("Cache-Control")) headers.set("Cache-Control", "max-age=0");
  readAfter(path, options, headers);
  if (credential.get()) headers.set("Authorization", `Bearer ${credential.get()}`);
  const began = performance.now();
  let answer, text;
  try {
    answer = await fetch(path, {cache: "no-store", ...options, headers});
    if (options.stream && answer.ok) return answer;
    text = answer.ok ? await answer.text() : "";
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(0, {}, null, error.message);
  }
  if (!answer.ok) throw new Failure(answer.status, await problemOf(answer), answer.headers);
  return {
    status: answer.status,
    headers: answer.headers,
    took: performance.now() - began,
    text,
    json: () => JSON.parse(text),
  };
}

export const json = async (path) => (await call(path, {headers: {Accept: "application/json"}})).json();

/** Sends a document, and waits for the outcome of the write. */
export async function write(method, path, body, headers = {}) {
  const type = body === undefined ? {} : {"Content-Type": "application/json"};
  const answer = await call(path, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: {Prefer: "wait=10", ...type, ...headers},
  });
  // A write that is not committed yet would hold the reads up.
  if (answer.status !== 202) {
    written.position = answer.headers.get("Sluice-Position");
    written.at = performance.now();
  }
  return answer;
}

// A key that begins with `_` is sent as `%5F…`.
export const segment = (key) => encodeURIComponent(key).replace(/^_/, "%5F");
export const pathOf = (collection, key) => `/v1/${collection}/${segment(key)}`;

const TIERS = {l1: "memory", redis: "Redis", replica: "the replica", primary: "the primary"};

/** Where an answer came from, and how long that took. */
export function source(answer) {
  const status = answer.headers.get("Cache-Status") ?? "";
  const detail = /^sluice[^,]*detail=(\w+)/.exec(status)?.[1];
  const total = /total;dur=([\d.]+)/.exec(answer.headers.get("Server-Timing") ?? "")?.[1];
  return {
    cached: /^sluice; hit/.test(status),
    tier: TIERS[detail] ?? "no tier",
    server: total === undefined ? null : Number(total),
    took: answer.took,
    text: status,
    timing: answer.headers.get("Server-Timing") ?? "",
  };
}
