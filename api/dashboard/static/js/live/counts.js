// The counts of what is shown: outcomes, reject rate with its denominator, latency.

import { element, setText } from "../lib/dom.js";
import { clock, integer, milliseconds, percent } from "../lib/format.js";
import { counted, t } from "../shell/words.js";
import { LAST_PARTS } from "./history.js";

const KINDS = ["ok", "ng", "review", "none"];

export class Counts {
  #figures = {};

  constructor(root) {
    const box = (key, kind) => {
      const wide = kind === null;
      this.#figures[key] = { figure: element("span", { class: "count-figure", id: `count-${key}` }), of: element("small", { id: `${key}-of` }) };
      return element("div", { class: wide ? "count wide" : "count", "data-kind": kind },
        element("span", { class: "count-name" }, t(`count.${key}`)), this.#figures[key].figure, ...(wide ? [this.#figures[key].of] : []));
    };
    this.since = element("p", { class: "since" });
    root.append(element("div", { class: "counts" }, ...KINDS.map((kind) => box(kind, kind)), box("rejects", null), box("latency", null)), this.since);
  }

  draw(tally, { openedAt, gap }) {
    for (const kind of KINDS) this.#show(kind, integer(tally.counts[kind]));
    const of = { ng: integer(tally.counts.ng), inspected: integer(tally.inspected) };
    this.#show("rejects", percent(tally.rejectRate), tally.inspected ? t("count.of_inspected", of) : t("count.none_yet"));
    this.#show("latency", milliseconds(tally.medianMs), counted("count.p50", tally.measured));
    const since = t("count.since", { time: clock(openedAt), before: LAST_PARTS, rate: tally.rate.toFixed(1) });
    setText(this.since, gap ? `${since} ${t("count.gap")}` : since);
    this.since.classList.toggle("warned", gap);
  }

  #show(key, figure, of = "") {
    setText(this.#figures[key].figure, figure);
    setText(this.#figures[key].of, of);
  }
}
