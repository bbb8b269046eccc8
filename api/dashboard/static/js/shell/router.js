// One page at a time, by its real URL. A page is a module that exports
//
//     mount(root, ctx) -> nothing, or a function that is called when the page is left
//
// and is loaded when it is first asked for. `ctx` is what a page gets from the shell; see makeContext.

import { letGo } from "../lib/dom.js";
import { PAGES } from "../pages.js";
import { t } from "./words.js";

let root = null;
let leave = () => {};
let onPage = () => {};
let shown = null; // the number of the navigation that is on the screen, or on its way

/** `changed(page)` after each page that is shown. */
export function startRouter(main, changed) {
  root = main;
  onPage = changed;
  history.scrollRestoration = "manual"; // a page that is long puts its place back itself
  addEventListener("popstate", () => show());
  document.addEventListener("click", followLink);
  return show({ first: true });
}

/** Goes to a path (with its query), as a click on a link does. */
export function go(path, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  return show();
}

/** The page of this URL once more: another language, another person. */
export function showAgain() {
  return show();
}

/** {page, params} of a path, or null. */
export function pageOf(path) {
  for (const page of PAGES) {
    const names = [...page.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const found = path.match(new RegExp(`^${page.path.replace(/\{\w+\}/g, "([^/]+)")}$`));
    if (found) return { page, params: Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(found[at + 1])])) };
  }
  return null;
}

async function show({ first = false } = {}) {
  const mine = Symbol("navigation");
  shown = mine;
  const { page, params } = pageOf(location.pathname) ?? pageOf("/");
  const module = await page.load();
  if (shown !== mine) return; // somebody went on meanwhile
  leave();
  const ending = new AbortController();
  const place = document.createElement("div");
  place.className = `page page-${page.name}`;
  letGo(root);
  root.replaceChildren(place);
  scrollTo(0, 0);
  document.title = `${t(`page.${page.name}`)} · Inspector`;
  onPage(page);
  const unmount = module.mount(place, makeContext(params, ending.signal));
  leave = () => { ending.abort(); unmount?.(); leave = () => {}; };
  if (!first) focusHeading(place);
}

/**
 * params: of the path. query: a copy of the URL's. signal: aborted when the page is left; give it to fetch and to
 * addEventListener. setQuery(changes): the same page under another query, an empty value takes a name out; the
 * page itself draws what changed. every(ms, act): now and then, until the page is left.
 */
function makeContext(params, signal) {
  return {
    params,
    signal,
    go,
    get query() { return new URLSearchParams(location.search); },
    setQuery(changes, { replace = true } = {}) {
      const query = new URLSearchParams(location.search);
      for (const [name, value] of Object.entries(changes)) {
        if (value === null || value === undefined || value === "") query.delete(name);
        else query.set(name, String(value));
      }
      const text = query.toString();
      history[replace ? "replaceState" : "pushState"](null, "", location.pathname + (text ? `?${text}` : ""));
    },
    every(ms, act) {
      const timer = setInterval(act, ms);
      signal.addEventListener("abort", () => clearInterval(timer));
    },
  };
}

// A screen reader is taken to the new page, as it is by a browser.
function focusHeading(place) {
  const heading = place.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}

function followLink(event) {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || link.target || link.hasAttribute("download") || !pageOf(url.pathname)) return;
  event.preventDefault();
  go(url.pathname + url.search);
}
