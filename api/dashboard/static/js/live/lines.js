// One card a line: its last verdict, its pace, and how long it has been silent. A card shows its line alone.

import { element, setText, symbol } from "../lib/dom.js";
import { integer, percent, seconds } from "../lib/format.js";
import { nameOf, wordOf } from "../part/part.js";
import { t } from "../shell/words.js";

// As the strip of the frame: longer than between two parts of a slow line.
const SILENT_AFTER_S = 10;

export class Lines {
  #root;
  #cards = new Map(); // line -> its card

  constructor(root, onPick) {
    this.#root = root;
    this.onPick = onPick;
  }

  /** Nothing for a plant of one line: the page is its card. */
  draw(tally, chosen) {
    const lines = tally.lines;
    this.#root.hidden = lines.length < 2 && !chosen;
    if (this.#root.hidden) return;
    const names = ["", ...new Set([...lines, ...(chosen ? [chosen] : [])])];
    const cards = names.map((line) => this.#cards.get(line) ?? this.#newCard(line));
    if (cards.length !== this.#root.children.length) this.#root.replaceChildren(...cards.map((card) => card.node));
    names.forEach((line, at) => fill(cards[at], tally.of(line), line === chosen));
  }

  #newCard(line) {
    const card = {
      node: element("button", { type: "button", class: "line-card", onclick: () => this.onPick(line) }),
      mark: element("span", { class: "line-mark" }), part: element("span", { class: "line-part" }), pace: element("span", { class: "line-pace" }),
    };
    card.node.append(card.mark, element("span", { class: "line-text" }, element("span", { class: "line-name" }, line || t("lines.all")), card.part), card.pace);
    this.#cards.set(line, card);
    return card;
  }
}

function fill(card, tally, chosen) {
  const { last, lastAt } = tally;
  const silentS = lastAt === null ? null : (performance.now() - lastAt) / 1000;
  const silent = silentS !== null && silentS > SILENT_AFTER_S;
  const kind = last?.kind ?? "waiting";
  card.node.setAttribute("aria-pressed", String(chosen));
  card.node.classList.toggle("silent", silent);
  if (card.node.dataset.kind !== kind) {
    card.node.dataset.kind = kind;
    card.mark.replaceChildren(...(last ? [symbol(kind)] : []));
  }
  setText(card.part, last ? `${wordOf(last)} · ${nameOf(last)}` : t("lines.none"));
  setText(card.pace, silent
    ? t("lines.silent", { ago: seconds(silentS) })
    : t("lines.pace", { rate: tally.rate.toFixed(1), rejects: percent(tally.rejectRate), parts: integer(tally.all) }));
}
