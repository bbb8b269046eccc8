// The facts that trace a part: whose it is, when, by which recipe and model, how long it took.

import { element } from "../lib/dom.js";
import { DASH, milliseconds, moment } from "../lib/format.js";
import { t } from "../shell/words.js";
import { placeOf } from "./part.js";

export function drawFacts(list, part, { full = false } = {}) {
  const rows = part ? (full ? [...brief(part), ...more(part)] : brief(part)) : [];
  list.replaceChildren(...rows.flatMap(([name, value]) => row(name, value)));
}

function brief(part) {
  const { result, trace } = part;
  const whose = [[t("facts.part"), partLink(trace.part_id)], [t("facts.lot"), lotLink(trace.lot_id)], [t("facts.place"), placeOf(part)]];
  if (!result) return [...whose, [t("facts.received"), moment(part.receivedAt)], [t("facts.id"), inspectionLink(part.id)]];
  return [
    ...whose,
    [t("facts.finished"), moment(part.finishedAt)],
    [t("facts.recipe"), `${result.recipe.id} v${result.recipe.version}`],
    [t("facts.model"), `${result.model.name} ${result.model.version}`],
    [t("facts.took"), milliseconds(result.timings_ms.total)],
    [t("facts.image"), fileLink(part)],
    [t("facts.id"), inspectionLink(part.id)],
  ];
}

function more(part) {
  const { result } = part;
  if (!result) return [];
  return [
    [t("facts.captured"), result.captured_at ? moment(new Date(result.captured_at)) : null],
    [t("facts.received"), moment(part.receivedAt)],
    [t("facts.deadline"), result.deadline_ms ? `${milliseconds(result.deadline_ms)}${part.late ? ` · ${t("flag.late")}` : ""}` : null],
    [t("facts.defective"), result.classification?.defective?.toFixed(3)],
    [t("facts.bytes"), `${Math.round(result.image.bytes / 1024)} KiB`],
    [t("facts.image_sha"), short(result.image.sha256)],
    [t("facts.model_sha"), short(result.model.sha256)],
  ];
}

function short(digest) {
  return digest ? `${digest.slice(0, 16)}…` : null;
}

function partLink(part) {
  return part ? element("a", { href: `/parts?${new URLSearchParams({ part_id: part })}` }, part) : null;
}

function lotLink(lot) {
  return lot ? element("a", { href: `/gallery?${new URLSearchParams({ lot_id: lot })}` }, lot) : null;
}

/** The size and format; of an image that is held, a link to the file as it was posted. */
function fileLink(part) {
  const { width, height, format } = part.result.image;
  const text = `${width}×${height} ${format}`;
  return part.image ? element("a", { href: part.image, download: `${part.id}.${format}`, title: t("facts.download") }, text) : text;
}

function inspectionLink(id) {
  return element("a", { class: "mono", href: `/inspections/${encodeURIComponent(id)}` }, id);
}

function row(name, value) {
  return [element("dt", {}, name), element("dd", {}, value || DASH)];
}
