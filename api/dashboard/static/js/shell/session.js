// Who looks. The cookie itself is out of a script's reach; this asks the gateway what it stands for.
// A gateway without keys is open: then there is nobody to sign in or out.

const URL_ = "/v1/session";
// The gateway makes a session's cookie new on this question: a screen that stays open stays signed in.
const RENEW_EVERY_MS = 30 * 60_000;

let known = null;
const listeners = new Set();

/** {open, role, lines, name, key_id, csrf, ends_at}, or null: nobody is signed in. */
export function session() {
  return known;
}

export function csrfToken() {
  return known?.csrf ?? "";
}

/** `listener(session)` when somebody else looks, or nobody; until `signal` ends. */
export function onSession(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener("abort", () => listeners.delete(listener));
}

export async function readSession() {
  const answer = await fetch(URL_, { cache: "no-store", signal: AbortSignal.timeout(8_000) }).catch(() => null);
  if (answer?.ok) change(await answer.json());
  else if (answer?.status === 401) change(null);
  return known;
}

/** Keeps the session alive as long as the page is open. */
export function keepSession() {
  setInterval(() => known && !known.open && readSession(), RENEW_EVERY_MS);
}

/** Null, or why not: {status, problem}. */
export async function signIn(key) {
  const answer = await fetch(URL_, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key }), cache: "no-store",
  }).catch(() => null);
  if (!answer?.ok) return { status: answer?.status ?? 0, problem: (await answer?.json().catch(() => ({}))) ?? {} };
  change(await answer.json());
  return null;
}

export async function signOut() {
  await fetch(URL_, { method: "DELETE", headers: { "X-CSRF-Token": csrfToken() } }).catch(() => null);
  change(null);
}

/** The gateway said so: the session ended, or its key did. */
export function signedOut() {
  if (known) change(null);
}

function change(next) {
  const same = known?.key_id === next?.key_id && known?.open === next?.open;
  known = next;
  if (!same) for (const listener of [...listeners]) listener(known);
}
