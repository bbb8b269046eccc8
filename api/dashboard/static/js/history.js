// The last parts, newest first, and what of them is shown: live, or held still for a look.

// About four screens of thumbnails; the page's memory is bounded by it.
export const LAST_PARTS = 50;

export class History {
  #parts = [];
  #held = null; // the list as it was when the operator stopped it
  #selected = null;
  #arrivedWhileHeld = 0;

  add(part) {
    this.#parts = [part, ...this.#parts].slice(0, LAST_PARTS);
    if (this.#held) this.#arrivedWhileHeld += 1;
  }

  get held() { return this.#held !== null; }
  get arrivedWhileHeld() { return this.#arrivedWhileHeld; }
  get empty() { return this.#parts.length === 0; }
  get shown() { return this.#held ?? this.#parts; }
  get newest() { return this.#parts[0] ?? null; }

  /** The part on the stage: the chosen one while held, else the newest. */
  get current() {
    return this.held ? this.#selected : this.newest;
  }

  hold(part = this.current) {
    this.#held ??= this.#parts;
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
}
