// The strip of the last parts. Tiles are kept from one drawing to the next, so a tile's image is fetched once.

import { byId, element, setText, symbol } from "./dom.js";
import { clock } from "./format.js";
import { nameOf } from "./panel.js";

const strip = byId("strip");

// Above this many images a drawing (4 drawings/s), good parts get a tile without image: a fast line must not
// make the page fetch every image a second time. Rejects and doubts always come with theirs.
const IMAGES_PER_DRAWING = 3;

const tiles = new Map(); // part id -> its tile

/** `parts` newest first. */
export function drawStrip(parts, { currentId, held, onPick }) {
  const budget = { images: held ? Infinity : IMAGES_PER_DRAWING };
  const shown = parts.map((part) => tileOf(part, budget, onPick));
  dropOthers(new Set(parts.map((part) => part.id)));
  for (const tile of shown) tile.setAttribute("aria-pressed", String(tile.dataset.part === currentId));
  place(shown);
  if (held) strip.querySelector('[aria-pressed="true"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  else strip.scrollLeft = 0;
}

function tileOf(part, budget, onPick) {
  const tile = tiles.get(part.id) ?? newTile(part, onPick);
  const wanted = part.image && !tile.dataset.pictured && (budget.images > 0 || part.kind.key !== "ok");
  if (wanted) {
    budget.images -= 1;
    addPicture(tile, part);
  }
  return tile;
}

function newTile(part, onPick) {
  const label = element("span", { class: "tile-label" }, part.trace.part_id ?? (part.finishedAt ? clock(part.finishedAt) : part.id));
  const tile = element("button", {
    type: "button", class: "tile", "data-part": part.id, "data-kind": part.kind.key,
    "aria-label": `${part.kind.word}, part ${nameOf(part)}, ${clock(part.finishedAt)}`, title: nameOf(part),
  }, element("span", { class: "tile-picture" }), element("span", { class: "tile-mark" }, symbol(part.kind.key)), label);
  tile.addEventListener("click", () => onPick(part));
  tiles.set(part.id, tile);
  return tile;
}

function addPicture(tile, part) {
  tile.dataset.pictured = "yes";
  const picture = element("img", { loading: "lazy", decoding: "async", alt: "" });
  picture.addEventListener("error", () => picture.remove()); // gone from the ring: the mark stays
  picture.src = part.image;
  tile.querySelector(".tile-picture").replaceChildren(picture);
}

function dropOthers(kept) {
  for (const id of tiles.keys()) if (!kept.has(id)) tiles.delete(id);
}

/** Inserts what is new and removes what left; a tile that stays keeps the keyboard's focus. */
function place(shown) {
  const wanted = new Set(shown);
  for (const tile of [...strip.children]) if (!wanted.has(tile)) tile.remove();
  shown.forEach((tile, at) => {
    if (strip.children[at] !== tile) strip.insertBefore(tile, strip.children[at] ?? null);
  });
  setText(byId("strip-count"), shown.length ? `last ${shown.length}` : "");
}
