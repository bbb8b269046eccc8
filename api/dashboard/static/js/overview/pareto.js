// Pareto of defect classes: the most frequent first, and what they add up to.

import { integer, percent } from "../lib/format.js";
import { colour } from "../shell/theme.js";
import { t } from "../shell/words.js";
import { ChartPanel } from "./panel.js";
import { draw } from "./plotly.js";

const MOST = 8;
const TALL = .16; // of the highest bar: room for a line of text

export class ParetoPanel extends ChartPanel {
  constructor() {
    super("pareto", { height: 184, columns: ["class", "defects", "images", "share"] });
  }

  async show(classes, leads, go) {
    const all = classes.reduce((sum, one) => sum + one.defects, 0);
    this.say(all ? t("overview.pareto_says", { count: integer(all), classes: integer(classes.length) }) : t("overview.no_defects"));
    this.list(classes.map((one) => ({ cells: [one.name, integer(one.defects), integer(one.images), percent(one.defects / all)], href: leads(one) })));
    const shown = classes.slice(0, MOST);
    let sum = 0;
    const together = shown.map((one) => (sum += one.defects) / all);
    const names = shown.map((_, at) => at);
    // At the foot of a bar, where the line of sums does not cross it; beside one that has no room for it.
    const tall = shown.map((one) => one.defects > TALL * shown[0].defects);
    const bars = {
      type: "bar", x: names, y: shown.map((one) => one.defects), customdata: shown.map(leads),
      marker: { color: shown.map((_, at) => colour(at ? "--accent" : "--ng-ink")) },
      text: shown.map((one) => integer(one.defects)), textposition: tall.map((is) => (is ? "inside" : "outside")), insidetextanchor: "start", textangle: 0,
      cliponaxis: false, textfont: { color: tall.map((is) => colour(is ? "--on-accent" : "--text")) },
      hovertemplate: "%{y}<extra></extra>",
    };
    const line = {
      x: names, y: together, yaxis: "y2", mode: "lines+markers", line: { color: colour("--quiet"), width: 1.4 }, marker: { size: 5 },
      hovertemplate: "%{y:.0%}<extra></extra>", customdata: shown.map(leads),
    };
    await draw(this.chart, all ? [bars, line] : [], {
      bargap: .38,
      margin: { l: 8, r: 8, t: 18, b: 4 },
      // Names as tick texts: of a model's classes, which are words of whoever trained it, so without marks.
      xaxis: { tickvals: names, ticktext: shown.map((one) => plain(one.name)), tickangle: 0, tickfont: { color: colour("--text"), size: shown.length > 4 ? 11 : 12 } },
      yaxis: { nticks: 5 },
      yaxis2: { overlaying: "y", side: "right", range: [0, 1.08], tickformat: ".0%", tickvals: [0, .25, .5, .75, 1], showgrid: false, fixedrange: true, automargin: true },
    }, go);
  }
}

/** The library reads a few marks (<b>, <a>): none of a client's text are meant. */
export function plain(text) {
  const short = text.length > 14 ? `${text.slice(0, 13)}…` : text;
  return short.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
