// Lines and shifts: a row each, with what they did.

import { element } from "../lib/dom.js";
import { day, integer, percent } from "../lib/format.js";
import { t } from "../shell/words.js";

const COLUMNS = ["line", "shift", "images", "ng", "reject", "fpy"];

/** `spans` with bucket=shift; of a plant without shifts those of the trend, added up by line. */
export function linesTable(shifts, spans, leads) {
  const rows = shifts.length ? [...shifts].reverse() : byLine(spans);
  const head = element("tr", {}, ...COLUMNS.map((name) => element("th", { scope: "col" }, t(`column.${name}`))));
  const lines = rows.map((row) => element("tr", {},
    element("th", { scope: "row" }, element("a", { href: leads(row) }, row.line)),
    element("td", {}, row.shift ? `${day(new Date(row.start))} ${row.shift}` : "–"),
    ...["images", "ng"].map((name) => element("td", { class: name === "ng" && row.ng ? "ng" : null }, integer(row[name]))),
    element("td", {}, percent(row.judged ? row.ng / row.judged : null)),
    element("td", {}, percent(row.parts ? row.first_ok / row.parts : null))));
  return element("table", { class: "figures" }, element("caption", { class: "unseen" }, t("overview.lines")), element("thead", {}, head), element("tbody", {}, ...lines));
}

function byLine(spans) {
  const found = new Map();
  for (const span of spans) {
    const sum = found.get(span.line) ?? { line: span.line, shift: null, images: 0, judged: 0, ok: 0, ng: 0, review: 0, parts: 0, first_ok: 0 };
    for (const name of ["images", "judged", "ok", "ng", "review", "parts", "first_ok"]) sum[name] += span[name];
    found.set(span.line, sum);
  }
  return [...found.values()].sort((one, other) => one.line.localeCompare(other.line));
}
