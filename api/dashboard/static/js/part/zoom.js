// Where the image lies in its viewport: a scale (screen pixels per image pixel) and an offset. Wheel, drag,
// two fingers, buttons and keys all end in `zoomAt` and `move`; nothing here draws.

// An image pixel is then a square that a thumb covers.
const LARGEST_SCALE = 24;
const STEP = 1.4;
const PAN_PX = 60;

export class Zoom {
  #viewport;
  #size = null; // of the image, pixels
  #fitted = true; // follows the viewport's size until somebody zooms
  #pointers = new Map();
  scale = 1;
  x = 0;
  y = 0;

  /** `changed()` after each change. Listens on `viewport` until `signal` ends. */
  constructor(viewport, changed, signal) {
    this.#viewport = viewport;
    this.changed = changed;
    const on = (name, act, options = {}) => viewport.addEventListener(name, act, { signal, ...options });
    on("wheel", (event) => this.#wheel(event), { passive: false });
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) on(name, (event) => this.#pointers.delete(event.pointerId));
    on("dblclick", (event) => this.zoomAt(this.#fitted ? 4 : 0, this.#place(event)));
  }

  get fitted() { return this.#fitted; }

  get fitScale() {
    if (!this.#size) return 1;
    return Math.min(this.#viewport.clientWidth / this.#size.width, this.#viewport.clientHeight / this.#size.height);
  }

  /** Another image. One of the same size keeps the place: the same spot of the next part is seen. */
  setSize(size) {
    const same = size && this.#size && size.width === this.#size.width && size.height === this.#size.height;
    this.#size = size;
    if (same && !this.#fitted) this.changed();
    else this.fit();
  }

  resized() {
    if (this.#fitted) this.fit();
    else this.#settle();
  }

  fit() {
    this.#fitted = true;
    this.scale = this.fitScale;
    this.#settle();
  }

  /** One image pixel on one screen pixel. */
  actual() {
    this.zoomAt(1 / this.scale / (window.devicePixelRatio || 1), this.#middle());
  }

  zoomIn() { this.zoomAt(STEP, this.#middle()); }
  zoomOut() { this.zoomAt(1 / STEP, this.#middle()); }
  pan(columns, rows) { this.#shift(-columns * PAN_PX, -rows * PAN_PX); }

  /** Makes a box (x1, y1, x2, y2 in image pixels) fill a good part of the view. */
  showBox([x1, y1, x2, y2]) {
    const { clientWidth, clientHeight } = this.#viewport;
    const wanted = 0.35 * Math.min(clientWidth / (x2 - x1), clientHeight / (y2 - y1));
    this.#fitted = false;
    this.scale = this.#allowed(Math.max(wanted, this.fitScale));
    this.x = clientWidth / 2 - this.scale * (x1 + x2) / 2;
    this.y = clientHeight / 2 - this.scale * (y1 + y2) / 2;
    this.#settle();
  }

  /** The image pixel under a pointer, or null beside the image. */
  pixelAt(event) {
    if (!this.#size) return null;
    const place = this.#place(event);
    const x = Math.floor((place.x - this.x) / this.scale);
    const y = Math.floor((place.y - this.y) / this.scale);
    return x >= 0 && y >= 0 && x < this.#size.width && y < this.#size.height ? { x, y } : null;
  }

  /** `factor` 0: back to the whole image. The point `at` of the viewport stays where it is. */
  zoomAt(factor, at) {
    if (!this.#size) return;
    const scale = factor === 0 ? 0 : this.#allowed(this.scale * factor);
    if (scale <= this.fitScale) {
      this.fit();
      return;
    }
    this.#fitted = false;
    this.x = at.x - (at.x - this.x) * scale / this.scale;
    this.y = at.y - (at.y - this.y) * scale / this.scale;
    this.scale = scale;
    this.#settle();
  }

  #allowed(scale) {
    return Math.min(scale, Math.max(LARGEST_SCALE, this.fitScale));
  }

  #shift(dx, dy) {
    if (this.#fitted) return;
    this.x += dx;
    this.y += dy;
    this.#settle();
  }

  /** A side that fits is in the middle; one that does not never leaves a gap at its edge. */
  #settle() {
    if (!this.#size) return;
    const { clientWidth, clientHeight } = this.#viewport;
    const along = (offset, room, length) => length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, offset));
    this.x = along(this.x, clientWidth, this.#size.width * this.scale);
    this.y = along(this.y, clientHeight, this.#size.height * this.scale);
    this.changed();
  }

  #middle() {
    return { x: this.#viewport.clientWidth / 2, y: this.#viewport.clientHeight / 2 };
  }

  #place(event) {
    const box = this.#viewport.getBoundingClientRect();
    return { x: event.clientX - box.x, y: event.clientY - box.y };
  }

  #wheel(event) {
    event.preventDefault();
    this.zoomAt(Math.exp(-Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 100) / 400), this.#place(event));
  }

  #down(event) {
    if (event.button !== 0) return;
    this.#pointers.set(event.pointerId, this.#place(event));
    this.#viewport.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#place(event);
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.#pointers.set(event.pointerId, now);
    if (other) {
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
      this.zoomAt(apart(now, other) / Math.max(1, apart(before, other)), middle);
      this.#shift((now.x - before.x) / 2, (now.y - before.y) / 2);
    } else {
      this.#shift(now.x - before.x, now.y - before.y);
    }
  }
}

function apart(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
