// Queue and workers, asked every five seconds, and every second while there is no answer. It is also the page's heartbeat: a cable that was pulled leaves
// an event stream that looks open for ever, but this question is not answered.

import { byId, setText } from "./dom.js";
import { DASH, seconds } from "./format.js";

const EVERY_MS = 5_000;
const RETRY_MS = 1_000;
const TIMEOUT_MS = 4_000;

// HTTP statuses that are answers of a gateway, and no sign that it is away.
const STATES = { 401: "no-key", 403: "no-key", 503: "queue-down" };

/** onState("up" | "no-key" | "queue-down" | "down") after each question. */
export function watchStatus(onState) {
  const ask = async () => {
    const state = await askOnce();
    onState(state);
    setTimeout(ask, state === "up" ? EVERY_MS : RETRY_MS);
  };
  ask();
}

async function askOnce() {
  try {
    const answer = await fetch("v1/status", { signal: AbortSignal.timeout(TIMEOUT_MS), cache: "no-store" });
    if (answer.ok) {
      show(await answer.json());
      return "up";
    }
    showUnknown();
    return STATES[answer.status] ?? "down";
  } catch {
    showUnknown();
    return "down";
  }
}

function show(status) {
  const queue = status.queue ?? status;
  const workers = status.workers ?? queue.workers ?? [];
  setText(byId("queue-depth"), String(queue.depth ?? DASH));
  setText(byId("queue-age"), queue.depth ? `oldest ${seconds(queue.oldest_age_s)}` : "");
  setText(byId("workers"), String(workers.length));
  setText(byId("workers-detail"), workers.length ? detailOf(workers) : "none: parts wait");
  byId("workers-item").classList.toggle("alarm", workers.length === 0);
  setText(byId("dead-letters"), String(queue.dead_letters ?? 0));
  byId("dead-item").hidden = !queue.dead_letters;
}

function detailOf(workers) {
  const kinds = new Set(workers.map((worker) => `${worker.device} ${worker.engine}`));
  return [...kinds].join(", ");
}

function showUnknown() {
  for (const id of ["queue-depth", "workers"]) setText(byId(id), DASH);
  for (const id of ["queue-age", "workers-detail"]) setText(byId(id), "");
  byId("workers-item").classList.remove("alarm");
}
