// One part of the gallery: its picture, verdict, name, place and time; a link to its own page.

import { element, symbol } from "../lib/dom.js";
import { moment } from "../lib/format.js";
import { shortened } from "../lib/place.js";
import { nameOf, placeOf, wordOf } from "../part/part.js";
import { summaryOf } from "../part/verdict.js";
import { t } from "../shell/words.js";

const NAME_LENGTH = 22;
// The ring of recent images holds some minutes; asking for more would be asking in vain.
const RECENT_MS = 10 * 60_000;

export function tileOf(part, { current = false } = {}) {
  const when = moment(part.receivedAt ?? part.finishedAt);
  const picture = element("span", { class: "tile-picture" });
  const url = part.thumbnail ?? recentImage(part);
  if (url) picture.append(pictureOf(url, picture));
  else sayGone(picture);
  return element("a", {
    class: "tile card", href: `/inspections/${encodeURIComponent(part.id)}`, "data-part": part.id, "data-kind": part.kind,
    "aria-current": current ? "true" : null, "aria-label": [wordOf(part), nameOf(part), summaryOf(part), placeOf(part), when].join(", "),
  }, picture, element("span", { class: "tile-mark" }, symbol(part.kind)),
  element("span", { class: "card-text" },
    element("span", { class: "card-name", title: nameOf(part) }, shortened(nameOf(part), NAME_LENGTH)),
    element("span", { class: "card-found" }, summaryOf(part)),
    element("span", { class: "card-place" }, element("span", { class: "place" }, placeOf(part)), element("span", {}, when))));
}

/** The list says what the records keep; what is recent the queue still holds, at the same address. */
function recentImage(part) {
  const age = Date.now() - (part.receivedAt ?? 0);
  return age < RECENT_MS ? `/v1/inspections/${encodeURIComponent(part.id)}/thumbnail` : null;
}

function pictureOf(url, place) {
  const picture = element("img", { loading: "lazy", decoding: "async", alt: "" });
  picture.addEventListener("error", () => { picture.remove(); sayGone(place); }); // 410: it was not kept
  picture.src = url;
  return picture;
}

function sayGone(place) {
  place.append(element("span", { class: "tile-gone" }, t("gallery.not_kept")));
}
