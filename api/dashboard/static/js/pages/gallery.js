// The gallery: every part that the filters let through, newest first, page behind page as one scrolls.

import { filtersOf, Filters } from "../gallery/filters.js";
import { tileOf } from "../gallery/tile.js";
import { button, element, letGo, setText } from "../lib/dom.js";
import { readPart } from "../part/part.js";
import { ask, withQuery } from "../shell/api.js";
import { counted, language, t } from "../shell/words.js";

const PAGE = 48;
const LOOK_FOR_NEW_MS = 10_000;
// Whoever looked at a part and comes back within that time finds the list, and the place in it, as it was.
const REMEMBERED_MS = 5 * 60_000;

let left = null; // {search, envelopes, next, scroll, at}: the list that was left last

export function mount(root, ctx) {
  const page = new Gallery(root, ctx);
  if (!page.takeUp()) page.load();
  ctx.every(LOOK_FOR_NEW_MS, () => page.lookForNew());
  return () => page.leave();
}

class Gallery {
  #ctx;
  #parts = [];
  #next = null;
  #asking = null; // AbortController of the question under way

  constructor(root, ctx) {
    this.#ctx = ctx;
    const form = element("form", { class: "panel filters", role: "search", "aria-label": t("gallery.filters"), onsubmit: (event) => event.preventDefault() });
    this.count = element("p", { class: "gallery-count", role: "status" });
    this.csv = element("a", { class: "tool", download: true }, "CSV");
    this.coco = element("a", { class: "tool", download: true }, "COCO");
    this.report = element("a", { class: "tool", hidden: true }, t("gallery.lot_report"));
    this.fresh = button(t("gallery.new"), { class: "tool primary", hidden: true, onclick: () => this.load() });
    this.grid = element("div", { class: "grid" });
    this.note = element("div", { class: "gallery-note", hidden: true });
    this.more = button(t("gallery.more"), { hidden: true, onclick: () => this.#loadMore() });
    root.append(element("div", { class: "page-head" }, element("h1", {}, t("page.gallery")), this.count, this.fresh,
      element("span", { class: "exports" }, this.report, element("span", { class: "quiet" }, t("gallery.export")), this.csv, this.coco)),
    form, this.note, this.grid, element("div", { class: "gallery-end" }, this.more));
    this.filters = new Filters(form, ctx.query, (changes) => this.#change(changes));
    const end = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.#loadMore(), { rootMargin: "600px" });
    end.observe(this.more);
    ctx.signal.addEventListener("abort", () => end.disconnect());
  }

  /** The first page of what the URL says. */
  async load() {
    this.#parts = [];
    this.#next = null;
    this.grid.setAttribute("aria-busy", "true");
    this.#showLinks();
    const list = await this.#page(null);
    if (!list) return;
    letGo(this.grid);
    this.grid.replaceChildren();
    this.fresh.hidden = true;
    this.#add(list);
  }

  async lookForNew() {
    if (document.hidden || this.#asking || !this.#parts.length) return;
    const list = await ask(withQuery("/v1/inspections", { ...filtersOf(this.#ctx.query), limit: 1 }), { signal: this.#ctx.signal }).catch(() => null);
    const newest = list?.inspections[0]?.id;
    this.fresh.hidden = !newest || newest === this.#parts[0]?.id;
  }

  takeUp() {
    const fits = left && left.search === location.search && performance.now() - left.at < REMEMBERED_MS;
    if (!fits) return false;
    this.#showLinks();
    this.#add({ inspections: left.envelopes, next: left.next });
    const { scroll } = left;
    requestAnimationFrame(() => scrollTo(0, scroll));
    return true;
  }

  leave() {
    left = this.search === undefined ? null : { search: this.search, envelopes: this.envelopes, next: this.#next, scroll: scrollY, at: performance.now() };
  }

  #change(changes) {
    this.#ctx.setQuery(changes, { replace: false });
    this.filters.show(this.#ctx.query);
    this.load();
  }

  #loadMore() {
    if (this.#next === null || this.#asking) return;
    this.#page(this.#next).then((list) => list && this.#add(list));
  }

  /** One page of the list, or null: it was refused (and said), or is of no interest any more. */
  async #page(cursor) {
    this.#asking?.abort();
    const mine = new AbortController();
    this.#asking = mine;
    const signal = AbortSignal.any([mine.signal, this.#ctx.signal]);
    try {
      return await ask(withQuery("/v1/inspections", { ...filtersOf(this.#ctx.query), limit: PAGE, cursor }), { signal });
    } catch (error) {
      if (!signal.aborted) this.#refused(error);
      return null;
    } finally {
      if (this.#asking === mine) this.#asking = null;
    }
  }

  #add({ inspections, next }) {
    this.grid.removeAttribute("aria-busy");
    const parts = inspections.map(readPart);
    this.#parts.push(...parts);
    this.#next = next;
    this.envelopes = this.#parts.length === parts.length ? inspections : [...this.envelopes, ...inspections];
    this.search = location.search;
    this.grid.append(...parts.map((part) => tileOf(part)));
    this.note.hidden = this.#parts.length > 0;
    this.note.replaceChildren(...(this.#parts.length ? [] : [element("p", {}, t("gallery.nothing"))]));
    this.more.hidden = next === null;
    const { length } = this.#parts;
    setText(this.count, next === null ? counted("gallery.all", length) : counted("gallery.shown", length));
    this.#showReport();
    this.#offerWords(parts);
  }

  #refused(error) {
    this.grid.removeAttribute("aria-busy");
    this.grid.replaceChildren();
    this.more.hidden = true;
    setText(this.count, "");
    this.note.hidden = false;
    const known = { "/problems/no-records": t("gallery.no_records") }[error.problem?.type];
    const text = known ?? (error.status === 0 ? t("gallery.no_answer") : error.message);
    this.note.replaceChildren(element("p", {}, text), button(t("gallery.again"), { onclick: () => this.load() }));
  }

  #showLinks() {
    const filters = filtersOf(this.#ctx.query);
    this.csv.href = withQuery("/v1/inspections.csv", filters);
    this.coco.href = withQuery("/v1/inspections.coco.json", filters);
  }

  /** Of the lot that is looked at; a page of its own, to be printed. */
  #showReport() {
    const lot = this.#ctx.query.get("lot_id");
    this.report.hidden = !lot || !this.#parts.length;
    if (this.report.hidden) return;
    const simulated = this.#parts.every((part) => part.simulated);
    this.report.href = withQuery(`/v1/lots/${encodeURIComponent(lot)}/report`, { lang: language(), simulated: String(simulated) });
  }

  #offerWords(parts) {
    const of = (name) => new Set(parts.map((part) => part.trace[name]));
    this.filters.offer({
      line: of("line"), station: of("station"), view: of("view"),
      recipe: new Set(parts.map((part) => part.result?.recipe.id)),
      class: new Set(parts.flatMap((part) => part.findings.map((finding) => finding.name))),
    });
  }
}
