// Elements and text. Nothing here, or anywhere in the page, takes markup: what a client sent stays text.

const SVG = "http://www.w3.org/2000/svg";

/** The element of an id that is known to be in the document. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the document holds no #${id}`);
  return found;
}

/** A new HTML element with attributes and children (nodes, or strings as text). null is left out. */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A button of the page: `label` may be text or nodes. */
export function button(label, attributes = {}) {
  return element("button", { type: "button", class: "tool", ...attributes }, ...[label].flat());
}

/** One of the symbols that index.html defines: ok, ng, review, none and those of the tools. */
export function symbol(kind) {
  return svg("svg", { class: "symbol", viewBox: "0 0 32 32", "aria-hidden": "true" },
    svg("use", { href: `#symbol-${kind}` }));
}

/** To be called before nodes with images are removed. A browser keeps an image that has not come yet until it has,
    and with it the whole tree that it stood in: on a slow link a tile a part, over a shift. */
export function letGo(node) {
  for (const image of node.querySelectorAll("img")) image.removeAttribute("src");
}

/** Sets text only when it differs, so that a screen reader and the layout are left alone otherwise. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Draws anew what stands in `root`, and leaves the keyboard where it was: at the link or button of the same words in
    the same section, or else at the one in its place. */
export function keepingFocus(root, draw) {
  const held = document.activeElement;
  const section = root.contains(held) ? held.closest("section, dl") : null;
  const stops = () => [...section.querySelectorAll("a, button")];
  const place = section ? stops().indexOf(held) : -1;
  draw();
  if (place < 0 || held.isConnected) return;
  const now = stops();
  (now.find((stop) => stop.textContent === held.textContent) ?? now[Math.min(place, now.length - 1)])?.focus({ preventScroll: true });
}
