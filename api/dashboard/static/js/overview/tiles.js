// The figures at the top: what the lines did in the span, and how queue and workers are now.

import { element } from "../lib/dom.js";
import { DASH, integer, milliseconds, percent, seconds } from "../lib/format.js";
import { t } from "../shell/words.js";

const MINUTE = 60_000;

/** `stats` and `status` are the API's documents, `status` null where it does not answer. */
export function tilesOf(stats, status, scope, times) {
  const { total } = stats;
  const { p50, p99 } = stats.latency_ms;
  return [
    tile("throughput", rate(total.images, stats), t("overview.of_images", { count: integer(total.images) }), scope.gallery(times)),
    tile("reject_rate", percent(total.reject_rate), t("overview.of_judged", { count: integer(total.ng), all: integer(total.judged) }), scope.gallery(times, { verdict: "NG" }), total.ng ? "ng" : null),
    tile("fpy", percent(total.fpy), t("overview.of_parts", { count: integer(total.first_ok), all: integer(total.parts) }), scope.gallery(times, { verdict: "OK" })),
    tile("latency", milliseconds(p50), t("overview.p99", { value: milliseconds(p99) }), scope.gallery(times)),
    tile("review", integer(total.review), t("overview.not_inspected", { count: integer(total.failed + total.expired) }), scope.gallery(times, { verdict: "REVIEW" })),
    tile("queue", status ? integer(status.queue.depth) : DASH, status ? t("overview.oldest", { age: seconds(status.queue.oldest_age_s) }) : "", null),
    tile("workers", status ? integer(status.workers.length) : DASH, status ? devices(status.workers) : "", null, status && !status.workers.length ? "ng" : null),
  ];
}

function tile(name, figure, detail, href, kind = null) {
  const label = href ? element("a", { href }, t(`overview.${name}`)) : t(`overview.${name}`);
  return element("div", { class: "figure-tile panel", "data-kind": kind, "data-tile": name },
    element("dt", {}, label), element("dd", {}, element("b", {}, figure), element("small", {}, detail)));
}

/** Images a minute, from the first minute of the span in which there were any. */
function rate(images, stats) {
  if (!images) return DASH;
  const begun = stats.spans.length ? new Date(stats.spans[0].start) : new Date(stats.since);
  const from = Math.max(begun.getTime(), new Date(stats.since).getTime());
  const to = Math.min(new Date(stats.until).getTime(), Date.now());
  return t("overview.per_minute", { count: (images / Math.max(1, (to - from) / MINUTE)).toFixed(1) });
}

/** "2 × OpenVINO CPU, 1 × CUDA". */
function devices(workers) {
  const counts = new Map();
  for (const { device, engine } of workers) {
    const name = [engine, device].filter(Boolean).join(" · ");
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => (counts.size > 1 ? `${count} × ${name}` : name)).join(", ");
}
