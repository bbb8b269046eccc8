// The live page, put together. Parts come in as fast as they like; the page is drawn four times a second.

import { byId, setText } from "./dom.js";
import { clock, milliseconds, percent, plural, seconds } from "./format.js";
import { History, LAST_PARTS } from "./history.js";
import { announce, showPart } from "./panel.js";
import { readPart } from "./part.js";
import { Stage } from "./stage.js";
import { watchStatus } from "./status.js";
import { Stream } from "./stream.js";
import { drawStrip } from "./strip.js";
import { Tally } from "./tally.js";

const DRAW_EVERY_MS = 250;
// Beyond the pause between two parts of a slow line, and short enough that a stopped camera is noticed.
const STALE_AFTER_S = 10;

const history = new History();
const tally = new Tally();
const stage = new Stage();
const openedAt = new Date();
const link = { stream: "connecting", server: "up" };
let drawn = { part: undefined, list: null };

const stream = new Stream({
  envelope: take,
  known: (id) => tally.knows(id),
  state: (state) => { link.stream = state; drawLink(); },
  gap: () => setText(byId("gap"), "; parts that finished while the connection was lost are missing"),
});

function take(envelope, ageMs) {
  const part = readPart(envelope);
  if (tally.add(part, ageMs)) history.add(part);
}

function draw() {
  drawCounts();
  drawAge();
  const part = history.current;
  if (part !== drawn.part || history.shown !== drawn.list) drawParts(part);
}

function drawParts(part) {
  if (part !== drawn.part) {
    stage.show(part);
    showPart(part, chooseFinding);
    if (part) announce(part);
  }
  drawStrip(history.shown, { currentId: part?.id, held: history.held, onPick: inspect });
  byId("empty").hidden = !history.empty;
  drawn = { part, list: history.shown };
}

function drawCounts() {
  const { ok, ng, review, none } = tally.counts;
  for (const [id, count] of Object.entries({ ok, ng, review, none })) setText(byId(`count-${id}`), count.toLocaleString());
  setText(byId("reject-rate"), percent(tally.rejectRate));
  setText(byId("reject-of"), tally.inspected ? `${ng.toLocaleString()} of ${tally.inspected.toLocaleString()} inspected` : "no part inspected yet");
  setText(byId("latency"), milliseconds(tally.medianMs));
  setText(byId("latency-of"), `p50, ${plural(tally.measured, "part")}`);
  setText(byId("rate"), tally.rate.toFixed(1));
}

function drawAge() {
  const age = tally.lastArrival === null ? null : (performance.now() - tally.lastArrival) / 1000;
  const stale = age !== null && age > STALE_AFTER_S;
  setText(byId("age"), stale ? `last part ${seconds(age)} ago` : "");
  byId("age").hidden = !stale;
  setText(byId("held-count"), history.held && history.arrivedWhileHeld ? `${history.arrivedWhileHeld} new` : "");
}

const LINK_WORDS = {
  live: ["Live", ""],
  connecting: ["Connecting", ""],
  lost: ["Connection lost", "Connection to the gateway lost. What is shown is old. Trying again…"],
  "no-key": ["Key needed", "This gateway asks for an API key, and this page has none to send: see the operating guide, “People, under keys”."],
  "queue-down": ["Queue down", "The queue does not answer: no part is inspected. Trying again…"],
};

function drawLink() {
  const state = link.server === "no-key" ? "no-key" : link.server === "down" ? "lost" : link.server === "queue-down" && link.stream !== "lost" ? "queue-down" : link.stream;
  const [word, banner] = LINK_WORDS[state];
  document.body.dataset.link = state;
  setText(byId("link"), word);
  setText(byId("banner-text"), banner);
  byId("banner").hidden = banner === "";
}

function serverSeen(state) {
  const back = state === "up" && link.server !== "up";
  const gone = link.server === "down";
  link.server = state;
  if (back && gone) stream.open();
  else if (back) stream.refill();
  drawLink();
}

function inspect(part) {
  history.hold(part);
  changedHold();
}

function togglePause() {
  if (history.held) history.release();
  else history.hold();
  changedHold();
}

function step(by) {
  history.step(by);
  changedHold();
}

function changedHold() {
  document.body.classList.toggle("held", history.held);
  byId("pause").setAttribute("aria-pressed", String(history.held));
  setText(byId("pause-word"), history.held ? "Resume" : "Pause");
  drawn.list = null; // the strip fills in the images that a fast line left out
  draw();
}

function toggleView(name, button) {
  stage.view[name] = !stage.view[name];
  button.setAttribute("aria-pressed", String(stage.view[name]));
  document.body.classList.toggle(`with-${name}`, stage.view[name]);
  stage.refresh();
}

/** Shows one finding alone among the others; a second time ends it. */
function chooseFinding(at, button) {
  const chosen = stage.view.chosen === at ? null : at;
  for (const other of document.querySelectorAll("#findings .pick")) other.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-pressed", String(chosen !== null));
  if (!history.held) inspect(history.current);
  stage.view.chosen = chosen;
  stage.refresh();
}

const KEYS = {
  " ": togglePause,
  Escape: () => history.held && togglePause(),
  ArrowRight: () => step(1),
  ArrowLeft: () => step(-1),
  m: () => toggleView("map", byId("map")),
  b: () => toggleView("below", byId("below")),
};

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  // The slider needs its arrows, and a focused tool its space bar. A tile is opened with Enter: after a look at
  // it, the space bar goes back to live.
  if (event.target.closest(".tool")) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function start() {
  byId("pause").addEventListener("click", togglePause);
  byId("map").addEventListener("click", () => toggleView("map", byId("map")));
  byId("below").addEventListener("click", () => toggleView("below", byId("below")));
  byId("opacity").addEventListener("input", (event) => {
    stage.view.opacity = Number(event.target.value) / 100;
    stage.refresh();
  });
  document.addEventListener("keydown", onKey);
  setText(byId("since"), `since ${clock(openedAt)}, and up to ${LAST_PARTS} before`);
  setText(byId("post-example"), `curl --data-binary @part.jpg '${new URL("v1/inspections?line=L1", document.baseURI)}'`);
  stream.open();
  watchStatus(serverSeen);
  setInterval(draw, DRAW_EVERY_MS);
  draw();
}

start();
