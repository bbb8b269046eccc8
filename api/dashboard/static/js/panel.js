// What is said about one part: the verdict, why, every finding, and the facts that trace it.

import { byId, element, setText, symbol } from "./dom.js";
import { clock, DASH, milliseconds, plural } from "./format.js";

const verdict = byId("verdict");
const announcer = byId("announcer");

// A screen reader cannot keep up with a line; it hears the newest verdict at most this often.
const ANNOUNCE_EVERY_MS = 2_000;
let announcedAt = -Infinity;

/** `part` is null before the first one. */
export function showPart(part, onFinding) {
  showVerdict(part);
  byId("reasons").replaceChildren(...(part ? reasonsOf(part) : []));
  setText(byId("findings-title"), findingsTitle(part));
  byId("findings-table").hidden = !part?.findings.length;
  byId("findings").replaceChildren(...(part?.findings ?? []).map((finding, at) => findingRow(finding, at, onFinding)));
  byId("facts").replaceChildren(...factsOf(part).flatMap(([name, value]) => factRow(name, value)));
}

export function announce(part) {
  if (performance.now() - announcedAt < ANNOUNCE_EVERY_MS) return;
  announcedAt = performance.now();
  setText(announcer, `${part.kind.word}, part ${nameOf(part)}, ${summaryOf(part)}`);
}

export function nameOf(part) {
  return part.trace.part_id ?? part.id;
}

function showVerdict(part) {
  verdict.dataset.kind = part?.kind.key ?? "waiting";
  byId("verdict-symbol").replaceChildren(...(part ? [symbol(part.kind.key)] : []));
  setText(byId("verdict-word"), part?.kind.word ?? "WAITING");
  setText(byId("verdict-part"), part ? nameOf(part) : "for the first part");
  setText(byId("verdict-summary"), part ? summaryOf(part) : "");
  byId("verdict-flags").replaceChildren(...(part ? flagsOf(part) : []));
}

function summaryOf(part) {
  if (!part.result) return part.state === "expired" ? "expired before its inspection" : "the inspection failed";
  const counted = part.findings.filter((finding) => finding.role === "counted").length;
  if (counted) return plural(counted, "defect");
  const doubts = part.result.reasons?.length ?? 0;
  return doubts ? `${plural(doubts, "doubt")}, a person decides` : "no defect found";
}

function flagsOf(part) {
  const flags = [part.accept ? "ACCEPT" : "NOT ACCEPTED"];
  if (part.late) flags.push("LATE");
  if (part.simulated) flags.push("SIMULATED");
  return flags.map((flag) => element("span", { class: "flag" }, flag));
}

function reasonsOf(part) {
  if (part.error) return errorLines(part.error);
  const reasons = part.result?.reasons ?? [];
  if (!reasons.length) return [element("li", {}, "every finding is below its threshold")];
  const lines = reasons.slice(0, REASONS_SHOWN).map((reason) => element("li", {}, String(reason.text)));
  const rest = reasons.length - REASONS_SHOWN;
  return rest > 0 ? [...lines, element("li", { class: "more" }, `and ${rest} more`)] : lines;
}

// Three lines of two: the findings stand in full right below.
const REASONS_SHOWN = 5;

function errorLines(error) {
  return [error.title, error.detail, error.advice].filter(Boolean).map((text) => element("li", {}, String(text)));
}

function findingsTitle(part) {
  if (!part?.findings.length) return part?.result ? "Findings · none" : "Findings";
  const counted = part.findings.filter((finding) => finding.role === "counted").length;
  return `Findings · ${counted} counted of ${part.findings.length}`;
}

const ROLE_WORDS = { counted: "counted", review: "review", below: "below" };

function findingRow(finding, at, onFinding) {
  const [x1, y1, x2, y2] = finding.box.map(Math.round);
  const pick = element("button", { type: "button", class: "pick", "aria-pressed": "false" }, finding.name);
  pick.addEventListener("click", () => onFinding(at, pick));
  return element("tr", { class: finding.role, "data-finding": at },
    element("th", { scope: "row" }, element("span", { class: "swatch", "aria-hidden": "true" }), pick),
    element("td", { class: "figure" }, finding.score.toFixed(2)),
    element("td", { class: "figure" }, finding.threshold.toFixed(2)),
    element("td", {}, ROLE_WORDS[finding.role]),
    element("td", { class: "figure quiet" }, `${x1}, ${y1} · ${x2 - x1}×${y2 - y1}`));
}

function factsOf(part) {
  if (!part) return [];
  const { result, trace } = part;
  const whose = [
    ["Part", trace.part_id],
    ["Lot", trace.lot_id],
    ["Place", [trace.line, trace.station, trace.view].filter(Boolean).join(" · ")],
  ];
  if (!result) return [...whose, ["Received", clock(part.receivedAt)], ["Id", part.id]];
  return [
    ...whose,
    ["Finished", clock(part.finishedAt)],
    ["Recipe", `${result.recipe.id} v${result.recipe.version}`],
    ["Model", `${result.model.name} ${result.model.version}`],
    ["Took", milliseconds(result.timings_ms.total)],
    ["Queue", milliseconds(result.timings_ms.queued)],
    ["Inference", milliseconds(result.timings_ms.inference)],
    ["Image", `${result.image.width}×${result.image.height} ${result.image.format}`],
    ["Id", part.id],
  ];
}

function factRow(name, value) {
  const text = value ? String(value) : DASH;
  return [element("dt", {}, name), element("dd", { title: text }, text)];
}
