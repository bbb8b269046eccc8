// One answer of the API (GET /v1/inspections/{id}, or an event), read with suspicion: whatever is missing
// or unknown becomes "not inspected", never OK.

import { t } from "../shell/words.js";

const KINDS = { OK: "ok", NG: "ng", REVIEW: "review" };

/** Every kind of outcome, worst first: none is a part without a verdict. */
export const KIND_KEYS = ["none", "ng", "review", "ok"];

// Links are relative to the resource that carried them.
const API = new URL("/v1/events", document.baseURI);

export function readPart(envelope) {
  const result = envelope.state === "done" && envelope.result ? envelope.result : null;
  const links = envelope.links ?? {};
  return {
    id: String(envelope.id),
    state: String(envelope.state),
    kind: KINDS[result?.verdict] ?? "none",
    accept: envelope.accept === true,
    late: result?.deadline_missed === true,
    simulated: result?.simulated === true,
    image: ownUrl(links.image),
    preview: ownUrl(links.preview),
    thumbnail: ownUrl(links.thumbnail),
    attention: ownUrl(links.attention),
    error: envelope.error ?? null,
    trace: result ?? envelope.error?.part ?? {},
    result,
    findings: (result?.findings ?? []).map((finding) => readFinding(finding, result)),
    size: result?.image ? { width: result.image.width, height: result.image.height } : null,
    finishedAt: time(result?.finished_at),
    receivedAt: time((result ?? envelope.error?.part)?.received_at),
    totalMs: Number.isFinite(result?.timings_ms?.total) ? result.timings_ms.total : null,
  };
}

/** What people call it. */
export function nameOf(part) {
  return part.trace.part_id ?? part.id;
}

export function wordOf(part) {
  return t(`kind.${part.kind}`);
}

/** Line, station and view, as far as they were said. */
export function placeOf(part) {
  return [part.trace.line, part.trace.station, part.trace.view].filter(Boolean).join(" · ");
}

/** "counted" made the part NG, "review" made it REVIEW, "same" is another name of a place where a stronger one
    counted, "below" is none of these. */
function readFinding(finding, result) {
  const doubted = result.verdict === "REVIEW" && (result.reasons ?? []).some(
    (reason) => reason.code === "in_review_band" && reason.class === finding.class && reason.score === finding.score);
  const sameAs = finding.same_place_as ? String(finding.same_place_as) : null;
  return {
    name: String(finding.class),
    score: Number(finding.score),
    threshold: Number(finding.threshold),
    box: finding.box.map(Number),
    samePlaceAs: sameAs,
    role: finding.counted === true ? "counted" : doubted ? "review" : sameAs !== null ? "same" : "below",
  };
}

function ownUrl(link) {
  if (typeof link !== "string") return null;
  const url = new URL(link, API);
  return url.origin === API.origin ? url.href : null;
}

function time(text) {
  const value = new Date(text ?? NaN);
  return Number.isNaN(value.getTime()) ? null : value;
}
