// p chart and u chart: points, centre line, limits as steps, and which run rules a point breaks.

import { integer, moment, percent } from "../lib/format.js";
import { colour } from "../shell/theme.js";
import { counted, t } from "../shell/words.js";
import { ChartPanel } from "./panel.js";
import { draw } from "./plotly.js";

const VALUE = { p: percent, u: (value) => (value === null ? "–" : value.toFixed(value < 1 ? 3 : 2)) };

export class ControlPanel extends ChartPanel {
  #kind;

  /** `kind`: "p" or "u". */
  constructor(kind) {
    super(`${kind}_chart`, { height: 184, columns: ["time", "inspected", kind === "p" ? "defective" : "defects", "value", "limits", "rules"] });
    this.#kind = kind;
  }

  /** `line`: of the API's charts, or undefined. `leads(point)`: the address of a point's parts. */
  async show(line, leads, go) {
    const chart = line?.[this.#kind];
    const points = chart?.points ?? [];
    const out = points.filter((point) => point.rules.length);
    this.root.classList.toggle("out", out.length > 0);
    this.say(chart ? this.#says(line, chart, out.length) : t("overview.nothing"));
    this.list([...points].reverse().map((point) => this.#row(point, leads(point))));
    await draw(this.chart, traces(this.#kind, chart, points, leads), this.#layout(points), go);
  }

  #says(line, { centre, dispersion, widened }, out) {
    const show = VALUE[this.#kind];
    const { source, provisional, subgroups } = line.baseline;
    const parts = [
      out ? counted("overview.out", out) : t("overview.in_control"),
      t("overview.centre", { value: show(centre), source: t(`baseline.${source}`), count: integer(subgroups) }),
    ];
    if (provisional) parts.push(t("overview.provisional"));
    if (widened > 1) parts.push(t("overview.widened", { times: widened.toFixed(1) }));
    else if (dispersion !== null && dispersion > 1.3) parts.push(t("overview.dispersed", { times: dispersion.toFixed(1) }));
    return parts.join(" · ");
  }

  #row(point, href) {
    const show = VALUE[this.#kind];
    const limits = `${point.lower === null ? "–" : show(point.lower)} … ${point.upper === null ? "–" : show(point.upper)}`;
    const rules = point.rules.map((number) => t(`rule.${number}`)).join(", ");
    return { cells: [moment(new Date(point.start)), integer(point.inspected), integer(point.count), show(point.value), limits, rules], href, mark: point.rules.length > 0 };
  }

  #layout(points) {
    const percentage = this.#kind === "p";
    return {
      margin: { l: 8, r: 12, t: 8, b: 4 },
      hovermode: "closest",
      xaxis: timeAxis(points),
      yaxis: { tickformat: percentage ? ".0%" : "", nticks: 5 },
    };
  }
}

const LEAST_AXIS_MS = 10 * 60_000;

/** Times as this place's clock shows them: the library knows of no zones. */
export function local(text) {
  const date = new Date(text);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 23);
}

export function timeAxis(points) {
  const days = points.length > 1 && new Date(points.at(-1).start) - new Date(points[0].start) > 2 * 86_400_000;
  const first = new Date(points[0]?.start ?? Date.now()).getTime(), last = new Date(points.at(-1)?.end ?? Date.now()).getTime();
  const range = [local(Math.min(first, last - LEAST_AXIS_MS)), local(last)];
  return { type: "date", range, nticks: 8, tickformat: days ? "%m-%d\n%H:%M" : "%H:%M", hoverformat: days ? "%m-%d %H:%M" : "%H:%M:%S" };
}

function traces(kind, chart, points, leads) {
  if (!points.length) return [];
  const x = points.map((point) => local(point.start));
  const quiet = colour("--quiet"), accent = colour("--accent"), ng = colour("--ng-ink"), review = colour("--review-ink");
  const limit = (name) => ({
    x, y: points.map((point) => point[name]), mode: "lines", hoverinfo: "skip", connectgaps: false,
    line: { color: quiet, width: 1, dash: "4px,3px", shape: "hvh" },
  });
  const centre = { x: [x[0], x.at(-1)], y: [chart.centre, chart.centre], mode: "lines", hoverinfo: "skip", line: { color: quiet, width: 1.2 } };
  const isOut = (point) => point.rules.length > 0;
  const colours = points.map((point) => (!isOut(point) ? accent : point.score > 0 ? ng : review));
  return [
    limit("lower"), limit("upper"), ...(chart.centre === null ? [] : [centre]),
    {
      x, y: points.map((point) => point.value), mode: "lines+markers", cliponaxis: false,
      line: { color: accent, width: 1.6 },
      marker: {
        color: colours,
        size: points.map((point) => (isOut(point) ? 11 : points.length > 150 ? 3 : 6)),
        symbol: points.map((point) => (!isOut(point) ? "circle" : point.score > 0 ? "diamond" : "triangle-down")),
        opacity: 1,
        line: { width: 0 },
      },
      customdata: points.map((point) => leads(point)),
      text: points.map((point) => hover(kind, point)),
      hovertemplate: "%{x}<br>%{text}<extra></extra>",
    },
  ];
}

// Of numbers and the page's own words alone: the library would read marks in a client's text.
function hover(kind, point) {
  const of = t(kind === "p" ? "overview.hover_p" : "overview.hover_u", { count: integer(point.count), all: integer(point.inspected), value: VALUE[kind](point.value) });
  return [of, ...point.rules.map((number) => t(`rule.${number}`))].join("<br>");
}
