// Questions to the API. An answer that is a refusal becomes a Refusal with the problem's own words.

import { csrfToken, signedOut } from "./session.js";

const TIMEOUT_MS = 15_000;

/** `status` is 0 when there was no answer at all. `problem`: the RFC 9457 document, as far as there is one. */
export class Refusal extends Error {
  constructor(status, problem = {}) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/** The JSON of an answer, and what its Date header says. Raises Refusal, or AbortError when `signal` ends it. */
export async function ask(path, { method = "GET", body, signal, timeoutMs = TIMEOUT_MS } = {}) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRF-Token"] = csrfToken();
  const ends = [AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])];
  const answer = await reach(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store", signal: AbortSignal.any(ends) }, signal);
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401 && method === "GET") signedOut();
  throw new Refusal(answer.status, problem);
}

async function reach(path, options, signal) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal(0, { detail: String(error.message) });
  }
}

/** A path with those of `values` that are not empty as its query. */
export function withQuery(path, values) {
  const pairs = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(pairs).toString();
  return query ? `${path}?${query}` : path;
}
