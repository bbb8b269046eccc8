import { element } from "../lib/dom.js";
import { t } from "../shell/words.js";

export function mount(root) {
  root.append(element("h1", {}, t("page.part")));
}
