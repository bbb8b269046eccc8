// Elements and text. Nothing here, or anywhere in the page, takes markup: what a client sent stays text.

const SVG = "http://www.w3.org/2000/svg";

/** The element of an id that index.html is known to hold. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html holds no #${id}`);
  return found;
}

/** A new HTML element with attributes and children (nodes, or strings as text). */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(key, String(value));
  }
  node.append(...children);
  return node;
}

/** One of the symbols that index.html defines: ok, ng, review, none. */
export function symbol(kind) {
  return svg("svg", { class: "symbol", viewBox: "0 0 32 32", "aria-hidden": "true" },
    svg("use", { href: `#symbol-${kind}` }));
}

/** Sets text only when it differs, so that a screen reader and the layout are left alone otherwise. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
