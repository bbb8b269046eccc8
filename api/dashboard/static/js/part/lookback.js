// A part's history: every look at the same part id, by station and view, the latest first. A second look from the
// same place is a re-inspection, and says so.

import { tileOf } from "../gallery/tile.js";
import { element } from "../lib/dom.js";
import { ask, withQuery } from "../shell/api.js";
import { counted, t } from "../shell/words.js";
import { readPart } from "./part.js";

const MOST = 100;

/** The looks at a part id, newest first. Raises Refusal. */
export async function looksAt(partId, signal) {
  const list = await ask(withQuery("/v1/inspections", { part_id: partId, limit: MOST }), { signal });
  return list.inspections.map(readPart);
}

export function drawLooks(root, looks, currentId) {
  const places = new Map();
  for (const look of looks) {
    const place = [look.trace.line, look.trace.station, look.trace.view].filter(Boolean).join(" · ");
    places.set(place, [...(places.get(place) ?? []), look]);
  }
  root.replaceChildren(
    element("h2", {}, t("history.title"), element("small", {}, counted("history.looks", looks.length))),
    ...[...places].map(([place, from]) => element("div", { class: "looks" },
      element("h3", {}, place, from.length > 1 ? element("small", {}, t("history.again", { times: from.length - 1 })) : null),
      element("div", { class: "looks-row" }, ...from.map((look) => tileOf(look, { current: look.id === currentId }))))));
}
