// The overview: what the lines did in a span of time, whether they still run as they did, and where it went wrong.
// Every figure, point, bar and cell leads to its parts.

import { button, element, keepingFocus, setText } from "../lib/dom.js";
import { ControlPanel } from "../overview/control.js";
import { HeatPanel } from "../overview/heatmap.js";
import { linesTable } from "../overview/lines.js";
import { ParetoPanel } from "../overview/pareto.js";
import { Scope } from "../overview/scope.js";
import { tilesOf } from "../overview/tiles.js";
import { Tools } from "../overview/tools.js";
import { TrendPanel } from "../overview/trend.js";
import { ask } from "../shell/api.js";
import { counted, t } from "../shell/words.js";

const EVERY_MS = 15_000;

export function mount(root, ctx) {
  const page = new Overview(root, ctx);
  page.look();
  ctx.every(EVERY_MS, () => document.hidden || page.look());
  document.documentElement.addEventListener("themechange", () => page.drawAgain(), { signal: ctx.signal });
  return () => page.close();
}

class Overview {
  #ctx;
  #found = null; // what was answered last
  #asking = null;
  #chosen = ""; // the line whose control charts are shown, of several
  #otherBaseline = {};

  constructor(root, ctx) {
    this.#ctx = ctx;
    this.root = root;
    this.tools = new Tools((changes) => this.#change(changes));
    this.note = element("p", { class: "overview-note", role: "status", hidden: true });
    this.tiles = element("dl", { class: "figure-tiles", "aria-label": t("overview.figures") });
    this.p = new ControlPanel("p");
    this.u = new ControlPanel("u");
    this.pareto = new ParetoPanel();
    this.heat = new HeatPanel();
    this.trend = new TrendPanel();
    this.lines = element("div", { class: "lines-table" });
    const shifts = element("section", { class: "panel chart-panel chart-lines", "aria-labelledby": "lines-title" }, element("h2", { id: "lines-title" }, t("overview.lines")), this.lines);
    this.picks = element("div", { class: "line-picks", role: "group", "aria-label": t("pick.line") });
    this.baseline = button("", { class: "pick", title: t("overview.baseline_why"), onclick: () => this.#change(this.#otherBaseline) });
    this.p.tools.append(this.picks, this.baseline);
    this.grid = element("div", { class: "overview-grid" }, this.p.root, this.pareto.root, this.u.root, this.heat.root, this.trend.root, shifts);
    root.append(element("div", { class: "page-head overview-head" }, element("h1", {}, t("page.overview")), this.tools.root), this.note, this.tiles, this.grid);
    this.tools.show(new Scope(ctx.query), []);
  }

  async look() {
    this.#asking?.abort();
    const mine = (this.#asking = new AbortController());
    const signal = AbortSignal.any([mine.signal, this.#ctx.signal]);
    const scope = new Scope(this.#ctx.query);
    const times = scope.times();
    try {
      const [stats, shifts, charts, status] = await Promise.all([
        ask(scope.stats(times, scope.bar), { signal }),
        ask(scope.stats(times, "shift"), { signal }),
        ask(scope.charts(times), { signal }),
        ask("/v1/status", { signal }).catch(() => null),
      ]);
      if (signal.aborted) return;
      this.#found = { scope, times, stats, shifts, charts, status };
      this.drawAgain();
    } catch (error) {
      if (!signal.aborted) this.#refused(error);
    }
  }

  drawAgain() {
    if (this.#found) keepingFocus(this.root, () => this.#draw());
  }

  close() {
    for (const panel of [this.p, this.u, this.pareto, this.heat, this.trend]) panel.close();
  }

  #change(changes) {
    this.#ctx.setQuery(changes, { replace: false });
    this.tools.show(new Scope(this.#ctx.query), this.#found ? namesOf(this.#found.charts) : []);
    this.look();
  }

  #draw() {
    const { scope, times, stats, shifts, charts, status } = this.#found;
    const go = (href) => this.#ctx.go(href);
    this.grid.hidden = this.tiles.hidden = false;
    this.#sayEmpty(scope, stats);
    this.tools.show(scope, namesOf(charts));
    this.tiles.replaceChildren(...tilesOf(stats, status, scope, times));
    const line = this.#lineOf(charts.lines);
    const leadsFrom = (point, more) => scope.gallery({ since: point.start, until: point.end }, more);
    const ofLine = (more) => ({ line: line?.line, ...more });
    this.p.show(line, (point) => leadsFrom(point, ofLine({ verdict: "NG" })), go);
    this.#offerBaseline(scope, times);
    this.u.show(line, (point) => leadsFrom(point, ofLine({ verdict: "NG" })), go);
    this.pareto.show(stats.classes, (one) => scope.gallery(times, { class: one.name }), go);
    this.heat.show(stats.positions, (place) => scope.gallery(times, { place }), go);
    this.heat.background(scope.mean(scope.line), this.#ctx.signal);
    this.trend.show(stats.spans, (bar, verdict) => leadsFrom(bar, { verdict }), go);
    this.lines.replaceChildren(linesTable(shifts.spans, stats.spans, (row) => scope.gallery(row.start ? { since: row.start, until: row.end } : times, { line: row.line })));
    this.grid.dataset.drawn = times.until;
  }

  /** The one that was picked, else the one with most points out. */
  #lineOf(lines) {
    const outs = new Map(lines.map((one) => [one, one.p.points.filter((point) => point.rules.length).length]));
    const worst = [...lines].sort((one, other) => outs.get(other) - outs.get(one))[0];
    const shown = lines.find((one) => one.line === this.#chosen) ?? worst;
    const picks = lines.map((one) => button(outs.get(one) ? [`${one.line} `, element("b", {}, String(outs.get(one)))] : one.line, {
      class: "pick", "aria-pressed": String(one === shown), title: outs.get(one) ? counted("overview.out", outs.get(one)) : t("overview.in_control"),
      onclick: () => { this.#chosen = one.line; this.drawAgain(); },
    }));
    this.picks.replaceChildren(...(picks.length > 1 ? picks : []));
    return shown;
  }

  /** To hold what comes against the span that is shown, or again against what was before it. */
  #offerBaseline({ baseline: { baseline_since: stated } }, { since, until }) {
    this.#otherBaseline = stated ? { baseline_since: "", baseline_until: "" } : { baseline_since: since, baseline_until: until };
    setText(this.baseline, t(stated ? "overview.baseline_usual" : "overview.baseline_this"));
  }

  #sayEmpty(scope, stats) {
    const empty = stats.total.images === 0;
    this.note.hidden = !empty;
    if (!empty) return;
    const other = scope.simulated ? "overview.show_real" : "overview.show_simulated";
    this.note.replaceChildren(t("overview.empty"), " ", button(t(other), { onclick: () => this.#change({ simulated: scope.simulated ? "" : "true" }) }));
  }

  #refused(error) {
    const none = error.problem?.type === "/problems/no-records";
    this.grid.hidden = this.tiles.hidden = none || !this.#found;
    this.note.hidden = false;
    setText(this.note, none ? t("overview.no_records") : t("overview.refused", { why: error.message }));
  }
}

function namesOf(charts) {
  return charts.lines.map((one) => one.line);
}
