// A panel of the overview: its heading, its chart, and the same as a table. The table is what a screen reader and
// the keyboard get; each of its rows leads to its parts, as a point of the chart does.

import { element, setText } from "../lib/dom.js";
import { t } from "../shell/words.js";
import { forget } from "./plotly.js";

export class ChartPanel {
  /** `height` in pixels. */
  constructor(name, { height, columns }) {
    this.columns = columns;
    this.note = element("p", { class: "chart-note" });
    this.tools = element("div", { class: "chart-tools" });
    this.chart = element("div", { class: "chart", "aria-hidden": "true" });
    this.chart.style.height = `${height}px`;
    this.table = element("div", { class: "chart-table" });
    this.aside = element("details", { class: "as-table" }, element("summary", {}, t("overview.as_table")), this.table);
    this.root = element("section", { class: `panel chart-panel chart-${name}`, "aria-labelledby": `${name}-title` },
      element("header", { class: "chart-head" }, element("h2", { id: `${name}-title` }, t(`overview.${name}`)), this.tools),
      this.note, this.chart, this.aside);
  }

  say(text) {
    setText(this.note, text);
  }

  /** rows: [{cells: [text], href, mark}]; the first cell leads to `href`. */
  list(rows) {
    const head = element("tr", {}, ...this.columns.map((name) => element("th", { scope: "col" }, t(`column.${name}`))));
    const lines = rows.map(({ cells: [first, ...rest], href, mark }) => element("tr", { class: mark ? "marked" : null },
      element("th", { scope: "row" }, element("a", { href }, first)), ...rest.map((cell) => element("td", {}, cell))));
    this.table.replaceChildren(element("table", { class: "figures" }, element("thead", {}, head), element("tbody", {}, ...lines)));
  }

  close() {
    forget(this.chart);
  }
}
