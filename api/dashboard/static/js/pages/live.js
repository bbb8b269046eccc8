// The live page. Parts come in as fast as they like; the page is drawn four times a second.

import { button, element, setText } from "../lib/dom.js";
import { Counts } from "../live/counts.js";
import { liveFeed } from "../live/feed.js";
import { Lines } from "../live/lines.js";
import { Strip } from "../live/strip.js";
import { drawFacts } from "../part/facts.js";
import { Findings } from "../part/findings.js";
import { Stage } from "../part/stage.js";
import { announce, Verdict } from "../part/verdict.js";
import { t } from "../shell/words.js";

const DRAW_EVERY_MS = 250;

export function mount(root, ctx) {
  const page = new LivePage(root, ctx);
  ctx.every(DRAW_EVERY_MS, () => page.draw());
  page.draw();
}

class LivePage {
  #feed = liveFeed();
  #ctx;
  #drawn = { part: undefined, list: null, held: null };

  constructor(root, ctx) {
    this.#ctx = ctx;
    const stageRoot = element("section", { "aria-label": t("live.image") });
    const side = element("section", { class: "side", "aria-label": t("live.verdict") });
    const linesRoot = element("div", { class: "lines", role: "group", "aria-label": t("lines.title") });
    const why = element("div", { class: "panel why" });
    this.facts = element("dl", { id: "facts", class: "facts" });
    this.stripRoot = element("div", { id: "strip", class: "strip" });
    this.stripCount = element("small", { id: "strip-count" });
    this.held = element("span", { id: "held-count", class: "held-count" });
    this.pauseWord = element("span", { id: "pause-word" });
    this.pause = button([element("span", { class: "pause-mark", "aria-hidden": "true" }), this.pauseWord, element("kbd", {}, t("live.space"))],
      { id: "pause", class: "tool pause", "aria-keyshortcuts": "Space", onclick: () => this.togglePause() });
    root.append(element("h1", { class: "unseen" }, t("page.live")), linesRoot,
      element("div", { class: "live" }, stageRoot, side, element("section", { class: "last", "aria-label": t("live.last") },
        element("h2", {}, t("live.parts"), this.stripCount, element("span", { class: "hints" }, t("live.hints")), this.held, this.pause), this.stripRoot)));
    this.stage = new Stage(stageRoot, ctx.signal, howToBegin());
    this.verdict = new Verdict(side);
    this.counts = new Counts(side);
    side.append(element("div", { class: "detail" }, why, element("div", { class: "panel trace" }, element("h2", {}, t("live.trace")), this.facts)));
    this.findings = new Findings(why, (at) => this.#chooseFinding(at));
    this.lines = new Lines(linesRoot, (line) => this.#showLine(line));
    this.strip = new Strip(this.stripRoot, (part) => this.#inspect(part));
    document.addEventListener("keydown", (event) => this.#onKey(event), { signal: ctx.signal });
    this.#history.only(ctx.query.get("line") ?? "");
    this.#markHold();
  }

  get #history() { return this.#feed.history; }

  draw() {
    this.#feed = liveFeed();
    const history = this.#history;
    const { part: shown, list, held } = this.#drawn;
    this.lines.draw(this.#feed.tally, history.line);
    this.counts.draw(this.#feed.tally.of(history.line), this.#feed);
    setText(this.held, history.held && history.arrivedWhileHeld ? t("live.new", { count: history.arrivedWhileHeld }) : "");
    const part = history.current;
    if (part !== shown) this.#showPart(part);
    if (part !== shown || history.shown !== list || history.held !== held || this.strip.waiting) {
      this.strip.draw(history.shown, { currentId: part?.id, held: history.held });
      setText(this.stripCount, history.shown.length ? t("live.last_n", { count: history.shown.length }) : "");
    }
    this.#drawn = { part, list: history.shown, held: history.held };
  }

  togglePause() {
    if (this.#history.held) this.#history.release();
    else this.#history.hold();
    this.#markHold();
    this.draw();
  }

  #showPart(part) {
    this.stage.show(part);
    this.verdict.show(part);
    this.findings.show(part);
    drawFacts(this.facts, part);
    if (part) announce(part);
  }

  #showLine(line) {
    this.#ctx.setQuery({ line });
    this.#history.only(line);
    this.#markHold();
    this.draw();
  }

  #inspect(part) {
    this.#history.hold(part);
    this.#markHold();
    this.draw();
  }

  #step(by) {
    this.#history.step(by);
    this.#markHold();
    this.draw();
  }

  #chooseFinding(at) {
    if (!this.#history.held && at !== null) this.#inspect(this.#history.current);
    this.stage.choose(at, { closer: !this.stage.zoom.fitted });
  }

  #markHold() {
    this.pause.setAttribute("aria-pressed", String(this.#history.held));
    setText(this.pauseWord, t(this.#history.held ? "live.resume" : "live.pause"));
  }

  #onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    // Fields and the focused tool need their own keys. A tile is opened with Enter: after a look at it, the space
    // bar goes back to live.
    if (event.target.closest("input, select, dialog, a, .tool, .icon-tool, .line-card")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const stage = this.stage.keys[key];
    const acted = stage && stage(event) !== false;
    const own = { " ": () => this.togglePause(), Escape: () => this.#history.held && this.togglePause(), ArrowRight: () => this.#step(1), ArrowLeft: () => this.#step(-1) };
    if (!acted && !own[key]) return;
    event.preventDefault();
    if (!acted) own[key]();
  }
}

function howToBegin() {
  const url = new URL("/v1/inspections?line=L1", document.baseURI);
  return element("div", { id: "empty", class: "empty" },
    element("p", { class: "empty-title" }, t("live.waiting")),
    element("p", {}, t("live.how")),
    element("pre", { id: "post-example" }, `curl --data-binary @part.jpg '${url}'`));
}
