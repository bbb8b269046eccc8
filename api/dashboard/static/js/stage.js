// The stage: the image of the current part, its map and its boxes, all in one frame of the image's shape, so
// that a box stands on exactly the pixels that it names. Image and boxes change in the same instant: a new
// part's boxes are never seen on the old part's image.

import { drawBoxes } from "./boxes.js";
import { byId, setText } from "./dom.js";
import { paintHeat } from "./heat.js";

const viewport = byId("viewport");
const frame = byId("frame");
const heat = byId("heat");
const layer = byId("boxes");
const note = byId("stage-note");

export class Stage {
  view = { map: false, opacity: 0.7, below: true, chosen: null };
  #wanted = null; // the part asked for; its image may be on its way
  #part = null; // the part that is seen
  #size = null; // of its image, pixels
  #mapOf = null; // id of the part whose map is painted or on its way

  constructor() {
    new ResizeObserver(() => this.#fit()).observe(viewport);
  }

  async show(part) {
    if (part?.id === this.#wanted?.id) return;
    this.#wanted = part;
    viewport.classList.add("loading");
    const picture = part?.image ? await load(part.image) : null;
    if (part !== this.#wanted) return; // overtaken by a newer part
    viewport.classList.remove("loading");
    this.#swap(part, picture);
  }

  /** After a change of `view`. */
  refresh() {
    this.#fit();
    this.#showMap();
  }

  #swap(part, picture) {
    this.#part = part;
    this.#size = picture && { width: picture.naturalWidth, height: picture.naturalHeight };
    this.#mapOf = null;
    this.view.chosen = null;
    heat.hidden = true;
    note.hidden = picture !== null;
    frame.hidden = picture === null;
    setText(note, picture ? "" : "The image of this part is no longer held");
    if (picture) replacePicture(picture, part);
    this.refresh();
  }

  #fit() {
    if (!this.#size) return;
    const { width, height } = this.#size;
    const scale = Math.min(viewport.clientWidth / width, viewport.clientHeight / height);
    frame.style.width = `${width * scale}px`;
    frame.style.height = `${height * scale}px`;
    // Pixels stay pixels where they are enlarged: what was measured is what is seen.
    frame.classList.toggle("enlarged", scale > 2);
    layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const { below: showBelow, chosen } = this.view;
    drawBoxes(layer, this.#part.findings, { size: this.#size, scale, showBelow, chosen });
  }

  async #showMap() {
    heat.style.opacity = String(this.view.opacity);
    const part = this.#part;
    if (!this.view.map || !part?.attention || !this.#size) {
      heat.hidden = true;
      return;
    }
    if (this.#mapOf !== part.id) await this.#paintMap(part);
    heat.hidden = !this.view.map || heat.dataset.part !== part.id;
  }

  async #paintMap(part) {
    this.#mapOf = part.id;
    const map = await load(part.attention);
    if (map === null || part !== this.#part) return;
    paintHeat(heat, map);
    heat.dataset.part = part.id;
  }
}

/** A decoded image, or null when it is not there (any more). */
async function load(url) {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    return image;
  } catch {
    return null; // 410 once it has left the ring; the stage says so
  }
}

function replacePicture(picture, part) {
  picture.id = "picture";
  picture.alt = `Image of part ${part.trace.part_id ?? part.id}`;
  byId("picture").replaceWith(picture);
}
