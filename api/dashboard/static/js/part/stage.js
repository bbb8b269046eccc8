// The stage: the image of a part, its map and its boxes, all in one frame of the image's shape, so that a box
// stands on exactly the pixels that it names. Image and boxes change in the same instant: a new part's boxes are
// never seen on the old part's image.

import { button, element, setText, svg } from "../lib/dom.js";
import { t } from "../shell/words.js";
import { drawBoxes } from "./boxes.js";
import { paintHeat } from "./heat.js";
import { nameOf } from "./part.js";
import { load, loadPreview } from "./picture.js";
import { Zoom } from "./zoom.js";

// Chosen once for all parts, and kept while the page is open.
const view = { map: false, opacity: 0.7, silent: true };

export class Stage {
  chosen = null; // the finding that is looked at
  #wanted; // the part asked for; its image may be on its way
  #loading = new AbortController(); // of that image
  #part = null; // the part that is seen
  #size = null; // of its image, pixels
  #mapOf = null; // id of the part whose map is painted or on its way
  #parts = {};

  /** Appends itself to `root`; `empty` is shown while there is no part at all. */
  constructor(root, signal, empty = null) {
    this.#build(root, empty);
    this.zoom = new Zoom(this.#parts.viewport, () => this.#place(), signal);
    const watch = new ResizeObserver(() => this.zoom.resized());
    watch.observe(this.#parts.viewport);
    signal.addEventListener("abort", () => { watch.disconnect(); this.#loading.abort(); });
    this.refresh();
  }

  async show(part) {
    if (part === this.#wanted) return;
    this.#wanted = part;
    this.#loading.abort(); // overtaken by this part
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    const { viewport } = this.#parts;
    viewport.classList.add("loading");
    let why = "stage.gone";
    const later = () => {
      why = "stage.no_preview";
      this.#swap(part, null, why);
    };
    const picture = part?.preview ? await loadPreview(part.preview, signal, later) : null;
    if (signal.aborted) return;
    viewport.classList.remove("loading");
    this.#swap(part, picture, why);
  }

  /** Looks at one finding, or at all (null). */
  choose(at, { closer = false } = {}) {
    this.chosen = at;
    if (at !== null && closer && this.#part?.findings[at]) this.zoom.showBox(this.#part.findings[at].box);
    this.#draw();
  }

  toggleMap() {
    view.map = !view.map;
    this.refresh();
  }

  toggleSilent() {
    view.silent = !view.silent;
    this.refresh();
  }

  /** After a change of `view`. */
  refresh() {
    const { root, map, silent, opacity } = this.#parts;
    root.classList.toggle("with-map", view.map);
    map.setAttribute("aria-pressed", String(view.map));
    silent.setAttribute("aria-pressed", String(view.silent));
    opacity.value = String(view.opacity * 100);
    this.#draw();
    this.#showMap();
  }

  /** The keys of the stage, for the page to listen to: key -> what it does. */
  get keys() {
    const pan = (columns, rows) => (event) => { if (event.shiftKey) this.zoom.pan(columns, rows); else return false; return true; };
    return {
      "+": () => this.zoom.zoomIn(), "=": () => this.zoom.zoomIn(), "-": () => this.zoom.zoomOut(),
      0: () => this.zoom.fit(), 1: () => this.zoom.actual(),
      m: () => this.toggleMap(), b: () => this.toggleSilent(),
      ArrowLeft: pan(-1, 0), ArrowRight: pan(1, 0), ArrowUp: pan(0, -1), ArrowDown: pan(0, 1),
    };
  }

  #build(root, empty) {
    const picture = element("img", { id: "picture", alt: "" });
    const heat = element("canvas", { id: "heat", class: "heat", hidden: true });
    const layer = svg("svg", { id: "boxes", class: "boxes", preserveAspectRatio: "none", "aria-hidden": "true" });
    const frame = element("div", { id: "frame", class: "frame", hidden: true }, picture, heat, layer);
    const note = element("p", { id: "stage-note", class: "stage-note", hidden: true });
    const where = element("p", { class: "where mono", "aria-hidden": "true" });
    const viewport = element("div", {
      id: "viewport", class: "viewport", tabindex: 0, role: "group", "aria-label": t("stage.label"),
      onpointermove: (event) => this.#tellPixel(event), onpointerleave: () => setText(where, ""),
    }, frame, note, where, empty);
    const map = button([t("stage.map"), element("kbd", {}, "m")], { id: "map", "aria-keyshortcuts": "m", onclick: () => this.toggleMap() });
    const silent = button([t("stage.silent"), element("kbd", {}, "b")], { id: "silent", "aria-keyshortcuts": "b", onclick: () => this.toggleSilent() });
    const opacity = element("input", { id: "opacity", type: "range", min: 10, max: 100, oninput: () => { view.opacity = opacity.value / 100; this.refresh(); } });
    const level = element("output", { class: "level mono" });
    root.classList.add("stage");
    root.append(viewport,
      element("div", { class: "tools" }, map,
        element("label", { class: "slider" }, t("stage.opacity"), opacity), silent,
        element("div", { class: "zoom-tools", role: "group", "aria-label": t("stage.zoom") },
          button("−", { "aria-label": t("stage.zoom_out"), onclick: () => this.zoom.zoomOut() }), level,
          button("+", { "aria-label": t("stage.zoom_in"), onclick: () => this.zoom.zoomIn() }),
          button(t("stage.fit"), { onclick: () => this.zoom.fit() }))),
      element("p", { class: "legend heat-legend" }, element("span", { class: "ramp", "aria-hidden": "true" }), t("stage.legend_map")),
      element("p", { class: "legend box-legend" },
        ...["counted", "review", "below"].map((role) => element("span", { class: role },
          element("span", { class: "swatch", "aria-hidden": "true" }), t(`stage.legend_${role}`)))));
    this.#parts = { root, viewport, frame, picture, heat, layer, note, where, map, silent, opacity, level, empty };
  }

  /** `why`: the word for there being no picture. */
  #swap(part, picture, why) {
    const { heat, note, frame, empty } = this.#parts;
    this.#part = part;
    this.#size = picture && { width: picture.naturalWidth, height: picture.naturalHeight };
    this.#mapOf = null;
    this.chosen = null;
    heat.hidden = true;
    note.hidden = picture !== null || part === null;
    frame.hidden = picture === null;
    if (empty) empty.hidden = part !== null;
    setText(note, picture ? "" : t(why));
    if (picture) this.#replacePicture(picture, part);
    if (picture) this.zoom.setSize(this.#size); // the place is kept over a part without a picture
    this.#showMap();
  }

  #replacePicture(picture, part) {
    picture.id = "picture";
    picture.alt = t("stage.alt", { part: nameOf(part) });
    picture.draggable = false;
    this.#parts.picture.replaceWith(picture);
    this.#parts.picture = picture;
  }

  /** After a zoom or a move. */
  #place() {
    if (!this.#size) return;
    const { frame, viewport, level } = this.#parts;
    const { x, y, scale, fitted } = this.zoom;
    frame.style.transform = `translate(${x}px, ${y}px)`;
    frame.style.width = `${this.#size.width * scale}px`;
    frame.style.height = `${this.#size.height * scale}px`;
    // Pixels stay pixels where they are enlarged: what was measured is what is seen.
    frame.classList.toggle("enlarged", scale > 2);
    viewport.classList.toggle("zoomed", !fitted);
    setText(level, `${Math.round(scale * 100)} %`);
    this.#draw();
  }

  #draw() {
    if (!this.#size || !this.#part) return;
    const { width, height } = this.#size;
    this.#parts.layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
    drawBoxes(this.#parts.layer, this.#part.findings, {
      size: this.#size, scale: this.zoom.scale, showSilent: view.silent, chosen: this.chosen,
    });
  }

  async #showMap() {
    const { heat } = this.#parts;
    heat.style.opacity = String(view.opacity);
    const part = this.#part;
    if (!view.map || !part?.attention || !this.#size) {
      heat.hidden = true;
      return;
    }
    if (this.#mapOf !== part.id) await this.#paintMap(part);
    heat.hidden = !view.map || heat.dataset.part !== part.id;
  }

  async #paintMap(part) {
    this.#mapOf = part.id;
    const map = await load(part.attention, this.#loading.signal);
    if (map === null || part !== this.#part) return;
    paintHeat(this.#parts.heat, map);
    this.#parts.heat.dataset.part = part.id;
  }

  #tellPixel(event) {
    const pixel = this.#size ? this.zoom.pixelAt(event) : null;
    setText(this.#parts.where, pixel ? `x ${pixel.x}  y ${pixel.y}` : "");
  }
}
