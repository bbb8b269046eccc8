// Queue and workers, asked every five seconds, and every second while there is no answer. It is also the page's
// heartbeat: a cable that was pulled leaves an event stream that looks open for ever, but this question is not
// answered.

import { ask } from "./api.js";

const EVERY_MS = 5_000;
const RETRY_MS = 1_000;
const TIMEOUT_MS = 4_000;

// HTTP statuses that are answers of a gateway, and no sign that it is away.
const STATES = { 401: "no-key", 403: "no-key", 503: "queue-down" };

/** onBeat("up" | "no-key" | "queue-down" | "down", status) after each question; `status` is null but for "up". */
export function startHeartbeat(onBeat) {
  let timer = 0;
  const beat = async () => {
    clearTimeout(timer);
    const [state, status] = await askOnce();
    onBeat(state, status);
    clearTimeout(timer);
    timer = setTimeout(beat, state === "up" || state === "no-key" ? EVERY_MS : RETRY_MS);
  };
  beat();
  return beat;
}

async function askOnce() {
  try {
    return ["up", await ask("/v1/status", { timeoutMs: TIMEOUT_MS })];
  } catch (error) {
    return [STATES[error.status] ?? "down", null];
  }
}
