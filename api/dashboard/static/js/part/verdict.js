// The verdict: colour, shape and word, to be read from five metres; the part and what was found in small.

import { byId, element, setText, symbol } from "../lib/dom.js";
import { counted, t } from "../shell/words.js";
import { nameOf, wordOf } from "./part.js";

// A screen reader cannot keep up with a line; it hears the newest verdict at most this often.
const ANNOUNCE_EVERY_MS = 2_000;
let announcedAt = -Infinity;

export class Verdict {
  #nodes;

  constructor(root) {
    const node = (name, attributes) => element(name, attributes);
    this.#nodes = {
      panel: node("div", { id: "verdict", class: "verdict", "data-kind": "waiting" }),
      symbol: node("span", { class: "verdict-symbol" }),
      word: node("p", { id: "verdict-word", class: "verdict-word" }),
      part: node("span", { id: "verdict-part", class: "verdict-part" }),
      summary: node("span", { id: "verdict-summary" }),
      flags: node("span", { id: "verdict-flags", class: "verdict-flags" }),
    };
    const { panel, symbol: shape, word, part, summary, flags } = this.#nodes;
    panel.append(shape, element("div", { class: "verdict-text" }, word, element("p", { class: "verdict-line" }, part, summary), flags));
    root.append(panel);
  }

  /** `part` is null before the first one. */
  show(part) {
    const nodes = this.#nodes;
    nodes.panel.dataset.kind = part?.kind ?? "waiting";
    nodes.symbol.replaceChildren(...(part ? [symbol(part.kind)] : []));
    setText(nodes.word, part ? wordOf(part) : t("kind.waiting"));
    setText(nodes.part, part ? nameOf(part) : t("live.for_first"));
    setText(nodes.summary, part ? summaryOf(part) : "");
    nodes.flags.replaceChildren(...(part ? flagsOf(part) : []));
  }
}

export function announce(part) {
  if (performance.now() - announcedAt < ANNOUNCE_EVERY_MS) return;
  announcedAt = performance.now();
  setText(byId("announcer"), t("live.announce", { verdict: wordOf(part), part: nameOf(part), summary: summaryOf(part) }));
}

export function summaryOf(part) {
  if (!part.result) return t(part.state === "expired" ? "summary.expired" : part.state === "queued" ? "summary.queued" : "summary.failed");
  const defects = part.findings.filter((finding) => finding.role === "counted").length;
  if (defects) return counted("summary.defects", defects);
  const doubts = part.result.reasons?.length ?? 0;
  return doubts ? counted("summary.doubts", doubts) : t("summary.none");
}

function flagsOf(part) {
  const flags = [t(part.accept ? "flag.accept" : "flag.not_accepted")];
  if (part.late) flags.push(t("flag.late"));
  if (part.simulated) flags.push(t("flag.simulated"));
  return flags.map((flag) => element("span", { class: "flag" }, flag));
}
