// The event stream and its recovery. A browser reconnects by itself after a broken connection, but not after
// an HTTP error (a proxy's 502, a starting gateway's 503): then this does, and after every (re)connection the
// parts that finished meanwhile are fetched.

import { LAST_PARTS } from "./history.js";

const EVENTS = "v1/events";
const LATEST = `v1/inspections?limit=${LAST_PARTS}`;
const RETRY_MS = 2_000;
const FETCH_TIMEOUT_MS = 8_000;

export class Stream {
  #source = null;
  #waiting = null; // live envelopes that came during a refill; null when there is none
  #onEnvelope;
  #onState;

  /** onEnvelope(envelope, ageMs), oldest first; onState("live" | "lost"). */
  constructor({ onEnvelope, onState }) {
    this.#onEnvelope = onEnvelope;
    this.#onState = onState;
  }

  open() {
    this.#source?.close();
    const source = new EventSource(EVENTS);
    this.#source = source;
    source.addEventListener("open", () => this.#opened());
    source.addEventListener("inspection", (event) => this.#arrived(JSON.parse(event.data)));
    source.addEventListener("error", () => this.#broke(source));
  }

  /** For when something else noticed that the server was away: a silent connection may be a dead one. */
  reopen() { this.open(); }

  /** Fetches the latest parts and hands on those that the stream did not bring. */
  async refill() {
    this.#waiting ??= [];
    try {
      const answer = await fetch(LATEST, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS), cache: "no-store" });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const now = Date.parse(answer.headers.get("Date") ?? "") || Date.now();
      for (const envelope of listOf(await answer.json()).reverse()) this.#onEnvelope(envelope, ageOf(envelope, now));
    } catch (error) {
      console.warn("the latest parts could not be fetched; tried again", error);
      setTimeout(() => this.refill(), RETRY_MS);
    } finally {
      this.#flush();
    }
  }

  #opened() {
    this.#onState("live");
    this.refill();
  }

  #arrived(envelope) {
    if (this.#waiting) this.#waiting.push(envelope);
    else this.#onEnvelope(envelope, 0);
  }

  #flush() {
    const envelopes = this.#waiting ?? [];
    this.#waiting = null;
    for (const envelope of envelopes) this.#onEnvelope(envelope, 0);
  }

  #broke(source) {
    if (source !== this.#source) return;
    this.#onState("lost");
    if (source.readyState === EventSource.CLOSED) setTimeout(() => source === this.#source && this.open(), RETRY_MS);
  }
}

function listOf(answer) {
  return Array.isArray(answer) ? [...answer] : [...(answer.inspections ?? answer.items ?? [])];
}

function ageOf(envelope, now) {
  const finished = Date.parse(envelope.result?.finished_at ?? "");
  return Number.isNaN(finished) ? 0 : Math.max(0, now - finished);
}
