// One inspection, all that is known of it: image, verdict, every finding and what became of it, where the time
// went, recipe and model, and the other looks at the same part.

import { button, element, setText } from "../lib/dom.js";
import { drawFacts } from "../part/facts.js";
import { Findings } from "../part/findings.js";
import { drawLooks, looksAt } from "../part/lookback.js";
import { nameOf, placeOf, readPart } from "../part/part.js";
import { Stage } from "../part/stage.js";
import { drawTimings } from "../part/timings.js";
import { Verdict } from "../part/verdict.js";
import { ask, withQuery } from "../shell/api.js";
import { t } from "../shell/words.js";

const ASK_AGAIN_MS = 1_000;

export function mount(root, ctx) {
  showInspection(root, ctx, ctx.params.id);
}

/** Fills `root` with the inspection of an id. */
export async function showInspection(root, ctx, id) {
  const heading = element("h1", {}, t("page.inspection"));
  root.replaceChildren(heading);
  const part = await read(root, ctx, id);
  if (!part) return;
  draw(root, ctx, part);
  if (part.trace.part_id) showLooks(root.querySelector(".history"), ctx, part);
  if (part.state === "queued") setTimeout(() => ctx.signal.aborted || showInspection(root, ctx, id), ASK_AGAIN_MS);
}

async function read(root, ctx, id) {
  try {
    return readPart(await ask(`/v1/inspections/${encodeURIComponent(id)}`, { signal: ctx.signal }));
  } catch (error) {
    if (!ctx.signal.aborted) root.append(element("p", { class: "gallery-note" }, error.status === 404 ? t("inspection.unknown", { id }) : error.message));
    return null;
  }
}

function draw(root, ctx, part) {
  const stageRoot = element("section", { "aria-label": t("live.image") });
  const side = element("section", { class: "side", "aria-label": t("live.verdict") });
  const why = element("div", { class: "panel why" });
  const timings = element("div", { class: "panel timings" });
  const facts = element("dl", { id: "facts", class: "facts" });
  const copied = element("span", { role: "status", class: "quiet copied" });
  const copy = button(t("inspection.copy"), { onclick: () => copyLink(copied) });
  root.replaceChildren(
    element("div", { class: "page-head" }, element("h1", {}, nameOf(part)), element("p", { class: "quiet" }, placeOf(part)), copied, copy, gallery(part)),
    element("div", { class: "inspection" }, stageRoot, side),
    element("section", { class: "history", "aria-label": t("history.title") }));
  new Verdict(side).show(part);
  const stage = new Stage(stageRoot, ctx.signal);
  new Findings(why, (at) => stage.choose(at, { closer: true }), { reasons: 20, why: true }).show(part);
  drawTimings(timings, part);
  drawFacts(facts, part, { full: true });
  side.append(why, timings, element("div", { class: "panel" }, element("h2", {}, t("live.trace")), facts));
  stage.show(part);
  document.addEventListener("keydown", (event) => onKey(event, stage), { signal: ctx.signal });
}

/** The parts beside this one: of the same line and lot. */
function gallery(part) {
  const { line, lot_id: lot } = part.trace;
  return element("a", { class: "tool", href: withQuery("/gallery", { line, lot_id: lot }) }, lot ? t("inspection.lot") : t("inspection.line"));
}

async function copyLink(copied) {
  try {
    await navigator.clipboard.writeText(location.href);
    setText(copied, t("inspection.copied"));
  } catch {
    setText(copied, location.href); // without TLS a browser lets no page write there
  }
}

async function showLooks(root, ctx, part) {
  try {
    const looks = await looksAt(part.trace.part_id, ctx.signal);
    drawLooks(root, looks.length ? looks : [part], part.id);
  } catch (error) {
    if (ctx.signal.aborted) return;
    const text = error.problem?.type === "/problems/no-records" ? t("history.no_records") : error.message;
    root.replaceChildren(element("h2", {}, t("history.title")), element("p", { class: "quiet" }, text));
  }
}

function onKey(event, stage) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, dialog")) return;
  const act = stage.keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act && act(event) !== false) event.preventDefault();
}
