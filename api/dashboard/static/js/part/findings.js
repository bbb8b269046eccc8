// Why the verdict is what it is, and every finding of the image: those that counted, and those that did not,
// with what they lacked.

import { element, setText } from "../lib/dom.js";
import { language, t } from "../shell/words.js";

export class Findings {
  #nodes;

  /** `onChoose(at)`: a finding was picked, or none (null). `reasons`: how many are listed. `why`: a column that
      says what became of each finding. */
  constructor(root, onChoose, { reasons = 5, why = false } = {}) {
    this.onChoose = onChoose;
    this.limit = reasons;
    this.why = why;
    const heads = ["class", "score", "limit", why ? "became" : "role", "box"];
    this.#nodes = {
      reasons: element("ul", { id: "reasons", class: "reasons" }),
      title: element("h2", { id: "findings-title" }),
      body: element("tbody", { id: "findings" }),
    };
    this.#nodes.table = element("table", { id: "findings-table", class: "findings", hidden: true },
      element("thead", {}, element("tr", {}, ...heads.map((name) => element("th", { scope: "col" }, t(`findings.${name}`))))),
      this.#nodes.body);
    root.append(element("h2", {}, t("findings.why")), this.#nodes.reasons, this.#nodes.title,
      element("div", { class: "findings-scroll", tabindex: 0, role: "region", "aria-labelledby": "findings-title" }, this.#nodes.table));
  }

  show(part) {
    const { reasons, title, table, body } = this.#nodes;
    const findings = part?.findings ?? [];
    reasons.replaceChildren(...(part ? reasonsOf(part, this.limit) : []));
    setText(title, titleOf(part));
    table.hidden = !findings.length;
    body.replaceChildren(...findings.map((finding, at) => this.#row(finding, at, part)));
  }

  #row(finding, at, part) {
    const [x1, y1, x2, y2] = finding.box.map(Math.round);
    const pick = element("button", { type: "button", class: "pick", "aria-pressed": "false", onclick: () => this.#choose(at, pick) }, finding.name);
    const role = this.why ? becameOf(finding, part) : t(`role_of.${finding.role}`, { other: finding.samePlaceAs });
    return element("tr", { class: finding.role, "data-finding": at },
      element("th", { scope: "row" }, element("span", { class: "swatch", "aria-hidden": "true" }), pick),
      element("td", { class: "figure" }, finding.score.toFixed(2)),
      element("td", { class: "figure" }, finding.threshold.toFixed(2)),
      element("td", {}, role),
      element("td", { class: "figure quiet" }, `${x1}, ${y1} · ${x2 - x1}×${y2 - y1}`));
  }

  /** Shows one finding alone among the others; a second time ends it. */
  #choose(at, pick) {
    const on = pick.getAttribute("aria-pressed") !== "true";
    for (const other of this.#nodes.body.querySelectorAll(".pick")) other.setAttribute("aria-pressed", "false");
    pick.setAttribute("aria-pressed", String(on));
    this.onChoose(on ? at : null);
  }
}

/** What the recipe made of a finding, as a sentence. */
function becameOf(finding, part) {
  const apart = Math.abs(finding.score - finding.threshold);
  const margin = apart.toFixed(apart < 0.01 ? 4 : 2); // close is not "0.00"
  if (finding.role === "counted") return t("became.counted", { margin });
  if (finding.role === "review") return t("became.review", { margin });
  if (finding.role === "same") return t("became.same", { other: finding.samePlaceAs, margin });
  if (finding.score < finding.threshold) return t("became.below", { margin });
  return t("became.left_out", { recipe: part.result.recipe.id });
}

function reasonsOf(part, limit) {
  if (part.error) return [part.error.title, part.error.detail, part.error.advice].filter(Boolean).map((text) => element("li", {}, String(text)));
  const reasons = part.result?.reasons ?? [];
  if (!part.result) return [];
  if (!reasons.length) return [element("li", {}, t("findings.all_below"))];
  const lines = reasons.slice(0, limit).map((reason) => element("li", {}, sentenceOf(reason)));
  const rest = reasons.length - limit;
  return rest > 0 ? [...lines, element("li", { class: "more" }, t("findings.more", { count: rest }))] : lines;
}

// The worker's own sentence is English; in another language it is made of the same facts, where they are known.
const REASONS = new Set(["above_threshold", "in_review_band", "image_defective"]);

function sentenceOf(reason) {
  const figures = { class: reason.class ?? "", score: reason.score?.toFixed(2), threshold: reason.threshold?.toFixed(2) };
  if (language() === "en" || !REASONS.has(reason.code) || !figures.score || !figures.threshold) return String(reason.text);
  return t(`reason.${reason.code}`, figures);
}

function titleOf(part) {
  if (!part?.findings.length) return t(part?.result ? "findings.none" : "findings.title");
  const counted = part.findings.filter((finding) => finding.role === "counted").length;
  return t("findings.counted_of", { counted, all: part.findings.length });
}
