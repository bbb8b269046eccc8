// What stands around every page: navigation, the status strip, the account, the banner, the help.
//
//   [Inspector | Live Overview Gallery | * Live · last part 2 s ago · Queue 0 · Workers 1 | keys  language  theme  account]
//
// The strip says how old things are, and what is away: nobody must take an old picture for a new one.

import { byId, element, setText } from "../lib/dom.js";
import { DASH, seconds } from "../lib/format.js";
import { PAGES } from "../pages.js";
import { ask } from "./api.js";
import { openHelp } from "./help.js";
import { startHeartbeat } from "./heartbeat.js";
import { session, signOut } from "./session.js";
import { isDark, toggleTheme } from "./theme.js";
import { LANGUAGES, language, speak, t } from "./words.js";

// Beyond the pause between two parts of a slow line, and short enough that a stopped camera is noticed.
const STALE_AFTER_S = 10;
// So long "connection back" stays.
const RECOVERED_MS = 5_000;

const link = { stream: null, server: "up", shown: "connecting" };
let status = null;
let lastPart = null; // performance.now() at which the newest part ended
let recoveredUntil = 0;
const listeners = new Set();
let beat = () => {};

/** `listener("up" | "no-key" | "queue-down" | "down")` after each heartbeat, until `signal` ends. */
export function onHeartbeat(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener("abort", () => listeners.delete(listener));
}

/** The live page says how its stream is ("live", "lost", "connecting"); null when it has none. */
export function streamIs(state) {
  link.stream = state;
  drawLink();
}

/** A part ended at `at` (performance.now()). */
export function partSeen(at) {
  if (at !== null) lastPart = Math.max(lastPart ?? -Infinity, at);
}

export function startFrame({ spoken, signedOutByHand }) {
  byId("theme").addEventListener("click", toggleTheme);
  byId("help").addEventListener("click", openHelp);
  byId("language").addEventListener("change", (event) => { speak(event.target.value); drawFrame(); spoken(); });
  byId("sign-out").addEventListener("click", async () => { await signOut(); signedOutByHand(); });
  document.documentElement.addEventListener("themechange", drawTheme);
  byId("language").replaceChildren(...Object.entries(LANGUAGES).map(([code, name]) => element("option", { value: code, lang: code }, name)));
  drawFrame();
  beat = startHeartbeat(onBeat);
  setInterval(drawAge, 1_000);
}

/** Asks at once: somebody has just signed in or out. */
export function beatNow() {
  beat();
}

export function markPage(page) {
  for (const item of byId("nav").children) {
    if (item.dataset.page === page.name) item.setAttribute("aria-current", "page");
    else item.removeAttribute("aria-current");
  }
  document.body.dataset.page = page.name;
}

/** Everything that has words in it. */
export function drawFrame() {
  for (const node of document.querySelectorAll("[data-t]")) setText(node, t(node.dataset.t));
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
  const current = document.body.dataset.page;
  byId("nav").replaceChildren(...PAGES.filter((page) => page.nav).map((page) => element("a", {
    href: page.path, "data-page": page.name, "aria-current": page.name === current ? "page" : null,
  }, t(`page.${page.name}`))));
  byId("language").value = language();
  drawTheme();
  drawAccount();
  drawLink();
  drawStatus();
  drawAge();
}

export function drawAccount() {
  const holder = session();
  byId("account").hidden = !holder || holder.open;
  if (!holder || holder.open) return;
  setText(byId("account-name"), holder.name);
  setText(byId("account-role"), t(`role.${holder.role}`));
}

function drawTheme() {
  const label = t(isDark() ? "theme.to_light" : "theme.to_dark");
  byId("theme").setAttribute("aria-label", label);
  byId("theme").title = label;
}

function onBeat(state, seen) {
  link.server = state;
  status = seen;
  for (const listener of [...listeners]) listener(state);
  drawLink();
  drawStatus();
  if (state === "up" && link.stream === null) lookForLastPart();
}

/** Without a stream the newest part is asked for: a page that shows the past must know how old "now" is. */
async function lookForLastPart() {
  const asked = performance.now();
  const list = await ask("/v1/inspections?limit=1").catch(() => null);
  const finished = Date.parse(list?.inspections[0]?.result?.finished_at ?? "");
  if (!Number.isNaN(finished)) partSeen(asked - Math.max(0, Date.now() - finished));
  drawAge();
}

function stateOf({ stream, server }) {
  if (server === "no-key") return "no-key";
  if (server === "down" || stream === "lost") return "lost";
  if (server === "queue-down") return "queue-down";
  return stream ?? (status ? "connected" : "connecting");
}

function drawLink() {
  const state = stateOf(link);
  const away = (name) => name === "lost" || name === "queue-down";
  if (away(link.shown) && !away(state)) recoveredUntil = performance.now() + RECOVERED_MS;
  link.shown = state;
  document.body.dataset.link = state;
  setText(byId("link"), t(`link.${state}`));
  drawBanner(away(state) ? `banner.${state}` : null);
}

function drawBanner(alarm) {
  const back = !alarm && performance.now() < recoveredUntil;
  byId("banner").hidden = alarm === null;
  setText(byId("banner"), alarm === "banner.lost" ? t("banner.lost") : alarm ? t("banner.queue-down") : "");
  byId("recovered").hidden = !back;
  setText(byId("recovered"), back ? t("banner.back") : "");
}

function drawAge() {
  drawBanner({ lost: "banner.lost", "queue-down": "banner.queue-down" }[link.shown] ?? null);
  const age = lastPart === null ? null : (performance.now() - lastPart) / 1000;
  const stale = age !== null && age > STALE_AFTER_S;
  setText(byId("age"), age === null ? "" : t("strip.last_part", { ago: seconds(Math.max(0, age)) }));
  byId("age").hidden = age === null;
  byId("age").classList.toggle("stale", stale);
}

function drawStatus() {
  const workers = status?.workers ?? [];
  const { queue } = status ?? {};
  setText(byId("queue-depth"), queue ? String(queue.depth) : DASH);
  setText(byId("queue-age"), queue?.depth ? t("strip.oldest", { age: seconds(queue.oldest_age_s) }) : "");
  setText(byId("workers"), status ? String(workers.length) : DASH);
  setText(byId("workers-detail"), status ? detailOf(workers) : "");
  byId("workers-item").classList.toggle("alarm", status !== null && workers.length === 0);
  setText(byId("dead-letters"), String(queue?.dead_letters ?? 0));
  byId("dead-item").hidden = !queue?.dead_letters;
}

function detailOf(workers) {
  if (!workers.length) return t("strip.no_worker");
  return [...new Set(workers.map((worker) => `${worker.device} ${worker.engine}`))].join(", ");
}
