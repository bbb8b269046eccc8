// Counts since the page was opened, the rate of the last seconds, the median latency of the last parts.

const RATE_WINDOW_MS = 10_000;
const LATENCY_PARTS = 200;
// Ids remembered so that a refill after a lost connection counts nothing twice; beyond the refill's size.
const REMEMBERED_IDS = 2_000;

export class Tally {
  #counts = { ok: 0, ng: 0, review: 0, none: 0 };
  #seen = new Set();
  #arrivals = [];
  #latencies = [];
  lastArrival = null; // performance.now() of the newest part, corrected by its age

  /** False when this part was counted before. `ageMs`: how long ago it finished; 0: just now, null: unknown. */
  add(part, ageMs) {
    if (this.#seen.has(part.id)) return false;
    this.#remember(part.id);
    this.#counts[part.kind.key] += 1;
    if (ageMs !== null) this.#arrived(performance.now() - ageMs);
    if (part.totalMs !== null) this.#latencies = [...this.#latencies, part.totalMs].slice(-LATENCY_PARTS);
    return true;
  }

  knows(id) { return this.#seen.has(id); }

  get counts() { return this.#counts; }
  get inspected() { return this.#counts.ok + this.#counts.ng + this.#counts.review; }
  get rejectRate() { return this.inspected ? this.#counts.ng / this.inspected : null; }
  get measured() { return this.#latencies.length; }

  /** Median of received-to-finished, ms; null without a part. */
  get medianMs() {
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    return sorted.length ? sorted[Math.floor((sorted.length - 1) / 2)] : null;
  }

  /** Parts per second over the last ten seconds. */
  get rate() {
    const start = performance.now() - RATE_WINDOW_MS;
    this.#arrivals = this.#arrivals.filter((arrival) => arrival >= start);
    return this.#arrivals.length / (RATE_WINDOW_MS / 1000);
  }

  #arrived(at) {
    this.#arrivals.push(at);
    this.lastArrival = Math.max(this.lastArrival ?? -Infinity, at);
  }

  #remember(id) {
    this.#seen.add(id);
    if (this.#seen.size > REMEMBERED_IDS) this.#seen.delete(this.#seen.values().next().value);
  }
}
