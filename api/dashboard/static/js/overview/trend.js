// What came, bar by bar of the span: OK, REVIEW, NG on each other, and the share of NG behind them.

import { integer, moment, percent } from "../lib/format.js";
import { colour } from "../shell/theme.js";
import { t } from "../shell/words.js";
import { local, timeAxis } from "./control.js";
import { ChartPanel } from "./panel.js";
import { draw } from "./plotly.js";

const VERDICTS = ["ok", "review", "ng"];

export class TrendPanel extends ChartPanel {
  constructor() {
    super("trend", { height: 170, columns: ["time", "images", "ok", "ng", "review", "reject", "fpy"] });
  }

  /** `spans`: of the API's statistics, of one or several lines. */
  async show(spans, leads, go) {
    const bars = together(spans);
    this.say(bars.length ? t("overview.trend_says") : t("overview.nothing"));
    this.list([...bars].reverse().map((bar) => ({
      cells: [moment(new Date(bar.start)), integer(bar.images), integer(bar.ok), integer(bar.ng), integer(bar.review), percent(share(bar.ng, bar.judged)), percent(share(bar.first_ok, bar.parts))],
      href: leads(bar),
    })));
    const x = bars.map((bar) => local(bar.start));
    const width = bars.map((bar) => .8 * (new Date(bar.end) - new Date(bar.start)));
    const middle = bars.map((bar) => (new Date(bar.end) - new Date(bar.start)) * .1);
    await draw(this.chart, VERDICTS.map((name) => ({
      type: "bar", name: t(`outcome.${name}`), x, width, offset: middle, y: bars.map((bar) => bar[name]),
      customdata: bars.map((bar) => leads(bar, name.toUpperCase())),
      marker: { color: colour(name === "ok" ? "--accent" : `--${name}-ink`), opacity: name === "ok" ? .55 : 1 },
      hovertemplate: `%{y} ${t(`outcome.${name}`)}<extra></extra>`,
    })), {
      barmode: "stack",
      hovermode: "x unified",
      xaxis: timeAxis(bars),
      yaxis: { nticks: 5 },
    }, go);
  }
}

/** Of all lines at one time. */
function together(spans) {
  const found = new Map();
  for (const span of spans) {
    const sum = found.get(span.start) ?? { start: span.start, end: span.end, images: 0, judged: 0, ok: 0, ng: 0, review: 0, parts: 0, first_ok: 0 };
    for (const name of ["images", "judged", "ok", "ng", "review", "parts", "first_ok"]) sum[name] += span[name];
    found.set(span.start, sum);
  }
  return [...found.values()];
}

function share(part, whole) {
  return whole ? part / whole : null;
}
