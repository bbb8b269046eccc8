// Where the time of an inspection went: one bar from receipt to verdict.

import { element } from "../lib/dom.js";
import { milliseconds } from "../lib/format.js";
import { t } from "../shell/words.js";

const STEPS = ["queued", "decode", "inference", "other"];

export function drawTimings(root, part) {
  const timings = part.result?.timings_ms;
  root.hidden = !timings;
  if (!timings) return;
  const known = timings.queued + timings.decode + timings.inference;
  const spent = { ...timings, other: Math.max(0, timings.total - known) };
  const bar = element("div", { class: "timing-bar", "aria-hidden": "true" }, ...STEPS.map((step) => {
    const piece = element("span", { class: `timing ${step}` });
    piece.style.flexGrow = String(spent[step]);
    return piece;
  }));
  root.replaceChildren(
    element("h2", {}, t("timing.title"), element("small", {}, milliseconds(timings.total))), bar,
    element("ul", { class: "timing-legend" }, ...STEPS.map((step) => element("li", {},
      element("span", { class: `timing ${step}`, "aria-hidden": "true" }), t(`timing.${step}`), " ", element("b", {}, milliseconds(spent[step]))))));
}
