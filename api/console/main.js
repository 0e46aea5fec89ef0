// The frame of the console: which page is shown, who is signed in, how it goes.
import {$, h, note, say} from "./dom.js";
import {call, credential} from "./client.js";

const PAGES = [
  ["overview", "Overview"], ["browse", "Collections"], ["key", "Key"], ["changes", "Changes"],
  ["rejections", "Rejections"], ["caches", "Caches"],
];
const HIDDEN = ["document"];
const STATUS_MS = 5000;
let shown = null;

/** `#/browse/products?category=eq.Books`: a page, its path and its query. */
function place() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(decodeURIComponent);
  const known = [...PAGES.map(([page]) => page), ...HIDDEN].includes(name);
  return {name: known ? name : "overview", rest, query: new URLSearchParams(query)};
}

function showNav(name) {
  const current = name === "document" ? "browse" : name;
  $("nav").replaceChildren(...PAGES.map(([page, title]) =>
    h("a", {href: `#/${page}`, "aria-current": page === current ? "page" : null}, title)));
}

async function show(moved) {
  const {name, rest, query} = place();
  shown?.abort();
  shown = new AbortController();
  const {signal} = shown;
  const page = h("main", {id: "page", tabindex: "-1"});
  $("page").replaceWith(page);
  showNav(name);
  document.title = `${PAGES.find(([each]) => each === name)?.[1] ?? "Document"} – Sluice`;
  if (moved) page.focus();
  try {
    const module = await import(`./${name}.js`);
    if (!signal.aborted) await module.show(page, {rest, query, signal});
  } catch (failure) {
    if (signal.aborted) return;
    if (!page.querySelector("h2")) page.append(h("h2", {}, document.title.split(" – ")[0]));
    page.append(note(failure.message, "bad"));
  }
}

async function showStatus() {
  if (document.hidden) return;
  let text = "does not answer";
  try {
    text = (await call("/health")).json().status;
  } catch (failure) {
    if (failure.status) text = failure.problem.status ?? "needs a key";
  }
  if (typeof text !== "string") text = "needs a key";
  $("status").textContent = text;
  $("status").className = text === "healthy" ? "good" : "bad";
}

function showWho() {
  $("open-sign-in").textContent = credential.get() ? "Signed in" : "Sign in";
}

function signed(text) {
  $("credential").value = "";
  $("sign-in").close();
  showWho();
  say(text);
  show(false);
  showStatus();
}

$("open-sign-in").addEventListener("click", () => $("sign-in").showModal());
$("close-sign-in").addEventListener("click", () => $("sign-in").close());
$("sign-out").addEventListener("click", () => {
  credential.clear();
  signed("Signed out.");
});
$("sign-in").querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  credential.set($("credential").value.trim());
  signed("Signed in.");
});
$("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the place of the page is in the hash
  $("page").focus();
});
window.addEventListener("hashchange", () => show(true));
document.addEventListener("visibilitychange", showStatus);
setInterval(showStatus, STATUS_MS);
showWho();
showStatus();
show(false);
