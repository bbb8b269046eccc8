// What the overview is about: line, span of time, synthetic parts or real ones. It lives in the URL; every link
// into the gallery takes it along.

import { withQuery } from "../shell/api.js";

const MINUTE = 60_000;

// name -> [length, a point of the control charts, a bar of the trend]
export const SPANS = {
  "15m": [15 * MINUTE, "minute", "minute"],
  "1h": [60 * MINUTE, "minute", "minute"],
  "8h": [480 * MINUTE, "quarter", "quarter"],
  "24h": [1440 * MINUTE, "hour", "hour"],
  "7d": [10_080 * MINUTE, "hour", "hour"],
  "30d": [43_200 * MINUTE, "day", "day"],
};
const USUAL = "8h";

// Points of a control chart beside those of the span: so many parts in a row.
export const PARTS = ["50", "200", "1000"];

export class Scope {
  constructor(query) {
    this.span = query.get("span") in SPANS ? query.get("span") : USUAL;
    [this.length, this.point, this.bar] = SPANS[this.span];
    this.line = query.get("line") ?? "";
    this.simulated = query.get("simulated") === "true";
    this.parts = PARTS.includes(query.get("parts")) ? query.get("parts") : "";
    this.laney = query.get("laney") === "true";
    // A baseline of one's own, of when the line ran as it should: in the URL alone.
    this.baseline = Object.fromEntries(["baseline_since", "baseline_until"].map((name) => [name, moment(query.get(name))]));
    const until = new Date(moment(query.get("until")));
    // A link to a bad shift names its end; without one the span ends now.
    this.ends = Number.isNaN(until.getTime()) ? null : until;
  }

  /** The times of now; the API counts whole minutes, so the end is the next one. */
  times() {
    const until = this.ends?.getTime() ?? Math.ceil(Date.now() / MINUTE) * MINUTE;
    return { since: new Date(until - this.length).toISOString(), until: new Date(until).toISOString() };
  }

  get #filters() {
    return { line: this.line, simulated: String(this.simulated) };
  }

  stats(times, bucket) {
    return withQuery("/v1/stats", { ...this.#filters, ...times, bucket });
  }

  charts(times) {
    const subgroup = this.parts ? { subgroup: "parts", parts: this.parts } : { subgroup: this.point };
    return withQuery("/v1/charts", { ...this.#filters, ...times, ...subgroup, ...this.baseline, laney: String(this.laney) });
  }

  mean(line) {
    return withQuery("/v1/mean-image", { line, simulated: String(this.simulated) });
  }

  /** The gallery of the parts behind something; `more` are filters of the list. */
  gallery(times, more = {}) {
    return withQuery("/gallery", { ...this.#filters, simulated: this.simulated ? "true" : "", ...times, ...more });
  }
}

/** A time of the address, as the API takes it. People type it: without a zone it is of this place's clock, and the + of
    a zone has become a space. What is no time stays as it is, for the API to say so. */
function moment(text) {
  const typed = text ?? "";
  const date = new Date(/T.* \d\d:?\d\d$/.test(typed) ? typed.replace(" ", "+") : typed);
  return Number.isNaN(date.getTime()) ? typed : date.toISOString();
}
