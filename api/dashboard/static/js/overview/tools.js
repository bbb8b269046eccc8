// The overview's own filters: line, span, points of the charts, synthetic parts, wider limits.

import { element } from "../lib/dom.js";
import { t } from "../shell/words.js";
import { PARTS, SPANS } from "./scope.js";

export class Tools {
  /** `change({name: value})` writes into the URL and shows what it asks for. */
  constructor(change) {
    this.line = select("line", (value) => change({ line: value }));
    this.parts = select("points", (value) => change({ parts: value }));
    this.parts.replaceChildren(option("", t("overview.by_time")), ...PARTS.map((count) => option(count, t("overview.by_parts", { count }))));
    this.simulated = check("simulated", (on) => change({ simulated: on ? "true" : "" }));
    this.laney = check("laney", (on) => change({ laney: on ? "true" : "" }));
    this.spans = Object.keys(SPANS).map((span) => element("button", { type: "button", "data-span": span, onclick: () => change({ span, until: "" }) }, t(`window.${span}`)));
    this.root = element("div", { class: "overview-tools" },
      element("div", { class: "segments", role: "group", "aria-label": t("overview.span") }, ...this.spans),
      this.line.parentNode, this.parts.parentNode, this.laney.parentNode, this.simulated.parentNode);
  }

  show(scope, lines) {
    const names = [...new Set([...lines, ...(scope.line ? [scope.line] : [])])].sort();
    this.line.replaceChildren(option("", t("overview.all_lines")), ...names.map((name) => option(name, name)));
    this.line.value = scope.line;
    this.parts.value = scope.parts;
    this.simulated.checked = scope.simulated;
    this.laney.checked = scope.laney;
    for (const one of this.spans) one.setAttribute("aria-pressed", String(one.dataset.span === scope.span && !scope.ends));
  }
}

function select(name, pick) {
  const field = element("select", { onchange: (event) => pick(event.target.value) });
  element("label", { class: "inline-field" }, element("span", {}, t(`pick.${name}`)), field);
  return field;
}

function check(name, pick) {
  const field = element("input", { type: "checkbox", onchange: (event) => pick(event.target.checked) });
  element("label", { class: "inline-field", title: t(`pick.${name}_why`) }, field, element("span", {}, t(`pick.${name}`)));
  return field;
}

function option(value, label) {
  return element("option", { value }, label);
}
