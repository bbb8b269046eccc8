// The last parts, newest first, and what of them is shown: live, or held still for a look. Each line has its own
// last parts, so that a fast line does not push a slow one out.

// About four screens of thumbnails; the page's memory is bounded by it, times the lines.
export const LAST_PARTS = 50;
const ALL = "";

export class History {
  #lists = new Map([[ALL, []]]); // line -> its last parts; "" -> those of all
  #line = ALL;
  #held = null; // the list as it was when the operator stopped it
  #selected = null;
  #arrivedWhileHeld = 0;

  add(part) {
    for (const line of [ALL, String(part.trace.line ?? "")]) {
      if (line === ALL && part.trace.line === ALL) continue;
      this.#lists.set(line, [part, ...(this.#lists.get(line) ?? [])].slice(0, LAST_PARTS));
    }
    if (this.#held && this.#isShown(part)) this.#arrivedWhileHeld += 1;
  }

  /** Shows one line, or all of them (""). */
  only(line) {
    this.#line = line;
    this.release();
  }

  get line() { return this.#line; }
  get held() { return this.#held !== null; }
  get arrivedWhileHeld() { return this.#arrivedWhileHeld; }
  get empty() { return this.#list.length === 0; }
  get shown() { return this.#held ?? this.#list; }
  get newest() { return this.#list[0] ?? null; }

  /** The part on the stage: the chosen one while held, else the newest. */
  get current() {
    return this.held ? this.#selected : this.newest;
  }

  hold(part = this.current) {
    this.#held ??= this.#list;
    this.#selected = part;
  }

  release() {
    this.#held = null;
    this.#selected = null;
    this.#arrivedWhileHeld = 0;
  }

  /** Holds, and moves `by` places towards older parts (negative: newer). */
  step(by) {
    const list = this.shown;
    const at = list.findIndex((part) => part.id === this.current?.id);
    const next = list[Math.min(Math.max(at + by, 0), list.length - 1)];
    if (next) this.hold(next);
  }

  get #list() { return this.#lists.get(this.#line) ?? []; }

  #isShown(part) {
    return this.#line === ALL || part.trace.line === this.#line;
  }
}
