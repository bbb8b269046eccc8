// The event stream and its recovery. A browser reconnects by itself after a broken connection, but not after
// an HTTP error (a proxy's 502, a starting gateway's 503): then this does, and after every (re)connection the
// parts that finished meanwhile are fetched.

import { LAST_PARTS } from "./history.js";

const EVENTS = "/v1/events";
const LATEST = `/v1/inspections?limit=${LAST_PARTS}`;
const RETRY_MS = 2_000;
const FETCH_TIMEOUT_MS = 8_000;

export class Stream {
  #source = null;
  #waiting = null; // live envelopes that came during a refill; null when there is none
  #retry = 0; // timer of the next refill after one that failed
  #reopen = 0; // timer of the next connection after one that was refused
  #filled = false; // whether a refill has succeeded before
  #on;

  /**
   * envelope(envelope, ageMs), oldest first; known(id): whether it came before; state("live" | "lost");
   * gap(): more parts finished during a break than the API still lists.
   */
  constructor(on) {
    this.#on = on;
  }

  /** Also for when something else noticed that the server was away: a silent connection may be a dead one. */
  open() {
    this.#source?.close();
    clearTimeout(this.#reopen);
    const source = new EventSource(EVENTS);
    this.#source = source;
    source.addEventListener("open", () => this.#opened());
    source.addEventListener("inspection", (event) => this.#arrived(JSON.parse(event.data)));
    source.addEventListener("error", () => this.#broke(source));
  }

  /** Until `open` is called again. */
  close() {
    clearTimeout(this.#reopen);
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }

  /** Fetches the latest parts and hands on those that the stream did not bring. */
  async refill() {
    this.#waiting ??= [];
    try {
      const answer = await fetch(LATEST, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS), cache: "no-store" });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const now = Date.parse(answer.headers.get("Date") ?? "") || Date.now();
      this.#handOn((await answer.json()).inspections, now);
    } catch (error) {
      console.warn("the latest parts could not be fetched; tried again", error);
      clearTimeout(this.#retry);
      if (this.#source === null) return;
      this.#retry = setTimeout(() => this.refill(), RETRY_MS);
    } finally {
      this.#flush();
    }
  }

  #handOn(newestFirst, now) {
    const joins = newestFirst.length < LAST_PARTS || newestFirst.some((envelope) => this.#on.known(envelope.id));
    if (this.#filled && !joins) this.#on.gap();
    this.#filled = true;
    for (const envelope of newestFirst.reverse()) this.#on.envelope(envelope, ageOf(envelope, now));
  }

  #opened() {
    this.#on.state("live");
    this.refill();
  }

  #arrived(envelope) {
    if (this.#waiting) this.#waiting.push(envelope);
    else this.#on.envelope(envelope, 0);
  }

  #flush() {
    const envelopes = this.#waiting ?? [];
    this.#waiting = null;
    for (const envelope of envelopes) this.#on.envelope(envelope, 0);
  }

  #broke(source) {
    if (source !== this.#source) return;
    this.#on.state("lost");
    if (source.readyState === EventSource.CLOSED) this.#reopen = setTimeout(() => this.open(), RETRY_MS);
  }
}

// A part that failed does not say when it ended.
function ageOf(envelope, now) {
  const finished = Date.parse(envelope.result?.finished_at ?? "");
  return Number.isNaN(finished) ? null : Math.max(0, now - finished);
}
