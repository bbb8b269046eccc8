// Counts since the page was opened, by line and together: outcomes, the rate of the last seconds, the median
// latency of the last parts, and when the newest part ended.

const RATE_WINDOW_MS = 10_000;
const LATENCY_PARTS = 200;
// Ids remembered so that a refill after a lost connection counts nothing twice; beyond the refill's size.
const REMEMBERED_IDS = 2_000;
const ALL = "";

export class Tally {
  #lines = new Map([[ALL, new LineTally()]]);
  #seen = new Set();

  /** False when this part was counted before. `ageMs`: how long ago it ended; 0: just now, null: unknown. */
  add(part, ageMs) {
    if (this.#seen.has(part.id)) return false;
    this.#remember(part.id);
    const endedAt = ageMs === null ? null : performance.now() - ageMs;
    const line = String(part.trace.line ?? "");
    if (!this.#lines.has(line)) this.#lines.set(line, new LineTally());
    for (const name of new Set([ALL, line])) this.#lines.get(name).add(part, endedAt);
    return true;
  }

  knows(id) { return this.#seen.has(id); }

  /** Of one line, or of all (""). */
  of(line) { return this.#lines.get(line) ?? new LineTally(); }

  /** The lines that a part came from, by name. */
  get lines() { return [...this.#lines.keys()].filter((line) => line !== ALL).sort((a, b) => a.localeCompare(b, undefined, { numeric: true })); }

  #remember(id) {
    this.#seen.add(id);
    if (this.#seen.size > REMEMBERED_IDS) this.#seen.delete(this.#seen.values().next().value);
  }
}

class LineTally {
  counts = { ok: 0, ng: 0, review: 0, none: 0 };
  last = null; // the newest part
  lastAt = null; // performance.now() of its end
  #arrivals = [];
  #latencies = [];

  add(part, endedAt) {
    this.counts[part.kind] += 1;
    this.last = part;
    if (endedAt !== null) this.#arrived(endedAt);
    if (part.totalMs !== null) this.#latencies = [...this.#latencies, part.totalMs].slice(-LATENCY_PARTS);
  }

  get all() { return this.inspected + this.counts.none; }
  get inspected() { return this.counts.ok + this.counts.ng + this.counts.review; }
  get rejectRate() { return this.inspected ? this.counts.ng / this.inspected : null; }
  get measured() { return this.#latencies.length; }

  /** Median of received-to-finished, ms; null without a part. */
  get medianMs() {
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    return sorted.length ? sorted[Math.floor((sorted.length - 1) / 2)] : null;
  }

  /** Parts per second over the last ten seconds. */
  get rate() {
    this.#forget();
    return this.#arrivals.length / (RATE_WINDOW_MS / 1000);
  }

  #arrived(at) {
    this.#arrivals.push(at);
    if (this.#arrivals.length > 4_000) this.#forget(); // nobody may be asking: a page in the background
    this.lastAt = Math.max(this.lastAt ?? -Infinity, at);
  }

  #forget() {
    const start = performance.now() - RATE_WINDOW_MS;
    this.#arrivals = this.#arrivals.filter((arrival) => arrival >= start);
  }
}
