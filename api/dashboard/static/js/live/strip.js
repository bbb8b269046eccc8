// The strip of the last parts. Tiles are kept from one drawing to the next, so a tile's image is fetched once.

import { element, letGo, symbol } from "../lib/dom.js";
import { clock } from "../lib/format.js";
import { shortened } from "../lib/place.js";
import { nameOf, wordOf } from "../part/part.js";
import { showPreview } from "../part/picture.js";

// Above this many images a drawing (4 drawings/s), good parts get a tile without image: a fast line must not
// make the page fetch every image a second time. Rejects and doubts always come with theirs.
const IMAGES_PER_DRAWING = 3;
const LABEL_LENGTH = 10;

export class Strip {
  #root;
  #tiles = new Map(); // part id -> its tile

  waiting = false; // whether a tile's image is left for a later drawing

  constructor(root, onPick) {
    this.#root = root;
    this.onPick = onPick;
  }

  /** `parts` newest first. */
  draw(parts, { currentId, held }) {
    const budget = { images: held ? Infinity : IMAGES_PER_DRAWING };
    const shown = parts.map((part) => this.#tileOf(part, budget));
    this.waiting = parts.some((part, at) => part.preview && !shown[at].dataset.pictured);
    const kept = new Set(parts.map((part) => part.id));
    for (const id of this.#tiles.keys()) if (!kept.has(id)) this.#tiles.delete(id);
    for (const tile of shown) tile.setAttribute("aria-pressed", String(tile.dataset.part === currentId));
    this.#place(shown);
    if (held) this.#root.querySelector('[aria-pressed="true"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
    else this.#root.scrollLeft = 0;
  }

  #tileOf(part, budget) {
    const tile = this.#tiles.get(part.id) ?? this.#newTile(part);
    const wanted = part.preview && !tile.dataset.pictured && (budget.images > 0 || part.kind !== "ok");
    if (wanted) {
      budget.images -= 1;
      addPicture(tile, part);
    }
    return tile;
  }

  #newTile(part) {
    const name = part.trace.part_id ?? (part.finishedAt ? clock(part.finishedAt) : part.id);
    const label = element("span", { class: "tile-label" }, shortened(name, LABEL_LENGTH));
    const tile = element("button", {
      type: "button", class: "tile", "data-part": part.id, "data-kind": part.kind,
      "aria-label": [wordOf(part), nameOf(part), clock(part.finishedAt)].join(", "), title: nameOf(part),
      onclick: () => this.onPick(part),
    }, element("span", { class: "tile-picture" }), element("span", { class: "tile-mark" }, symbol(part.kind)), label);
    this.#tiles.set(part.id, tile);
    return tile;
  }

  /** Inserts what is new and removes what left; a tile that stays keeps the keyboard's focus. */
  #place(shown) {
    const wanted = new Set(shown);
    for (const tile of [...this.#root.children]) if (!wanted.has(tile)) { letGo(tile); tile.remove(); }
    shown.forEach((tile, at) => {
      if (this.#root.children[at] !== tile) this.#root.insertBefore(tile, this.#root.children[at] ?? null);
    });
  }
}

function addPicture(tile, part) {
  tile.dataset.pictured = "yes";
  const picture = element("img", { loading: "lazy", decoding: "async", alt: "" });
  tile.querySelector(".tile-picture").replaceChildren(picture);
  showPreview(picture, part.preview, () => picture.remove()); // gone from the ring: the mark stays
}
