// plotly.js under this page's policy: no inline styles, no markup from text. Loaded when the first chart is drawn,
// after the page's own first paint.
//
// The library sets style attributes, which the policy forbids; through the CSSOM the same is allowed. It brings
// style elements of its own: their rules are in css/plotly.css, where the link's id and class say so to it.

import { element } from "../lib/dom.js";
import { colour } from "../shell/theme.js";

let loading = null;

/** The library. Loaded once, whoever asks. */
export function plotly() {
  loading ??= load().catch((error) => { loading = null; throw error; });
  return loading;
}

async function load() {
  document.head.append(element("link", { id: "plotly.js-style-global", class: "no-inline-styles", rel: "stylesheet", href: "/dashboard/css/plotly.css" }));
  styleAttributesAsProperties();
  const givenBack = noStyleElements();
  try {
    await import("/dashboard/vendor/plotly.js");
  } finally {
    givenBack();
  }
  return window.Plotly;
}

function styleAttributesAsProperties() {
  const plain = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function setAttribute(name, value) {
    if (name === "style") this.style.cssText = value;
    else plain.call(this, name, value);
  };
}

/** While the library starts: its maps, of which the page has none, would put a style element into the page. */
function noStyleElements() {
  const plain = document.createElement;
  document.createElement = (name, options) => plain.call(document, name === "style" ? "template" : name, options);
  return () => delete document.createElement;
}

/** What every chart has in common; `more` is laid over it. Colours are the tokens' of now. */
export function layoutOf(more) {
  const rule = colour("--rule"), quiet = colour("--quiet");
  const axis = { gridcolor: rule, linecolor: rule, zerolinecolor: rule, tickcolor: rule, automargin: true, fixedrange: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: quiet },
    margin: { l: 8, r: 8, t: 6, b: 4 },
    showlegend: false,
    dragmode: false,
    hoverlabel: { bgcolor: colour("--raised"), bordercolor: rule, font: { color: colour("--text"), size: 12 }, align: "left" },
    ...more,
    xaxis: { ...axis, showgrid: false, ...more.xaxis },
    yaxis: { ...axis, rangemode: "tozero", ...more.yaxis },
  };
}

const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false, showTips: false };

/** Draws, or draws anew, into `node`. `onClick(customdata)` of the point that is clicked. */
export async function draw(node, traces, layout, onClick) {
  node.hidden = traces.length === 0;
  if (!traces.length) return;
  const library = await plotly();
  await library.react(node, traces, layoutOf(layout), CONFIG);
  node.removeAllListeners("plotly_click");
  node.on("plotly_click", ({ points }) => {
    const led = points.find((point) => point.customdata !== undefined);
    if (led) onClick(led.customdata);
  });
}

export function forget(node) {
  window.Plotly?.purge(node);
}
