// The overview: yield, defects, latency by line and shift. Its charts come with it; this is its place.

import { element } from "../lib/dom.js";
import { t } from "../shell/words.js";

export function mount(root, _ctx) {
  root.append(element("h1", {}, t("page.overview")));
}
