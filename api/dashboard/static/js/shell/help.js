// The keys, as a dialog: `?` opens it, Escape closes it.

import { button, byId, element } from "../lib/dom.js";
import { t } from "./words.js";

const KEYS = [
  ["space", "help.pause"],
  ["← →", "help.step"],
  ["+ −", "help.zoom"],
  ["0 · 1", "help.fit"],
  ["⇧ ← ↑ → ↓", "help.pan"],
  ["m", "help.map"],
  ["b", "help.silent"],
  ["?", "help.help"],
];

export function openHelp() {
  const dialog = byId("help-dialog");
  if (dialog.open) return;
  dialog.replaceChildren(
    element("h2", { id: "help-title" }, t("help.title")),
    element("dl", {}, ...KEYS.flatMap(([key, word]) => [element("dt", {}, element("kbd", {}, key)), element("dd", {}, t(word))])),
    element("p", { class: "quiet" }, t("help.mouse")),
    button(t("help.close"), { onclick: () => dialog.close(), autofocus: true }));
  dialog.showModal();
}

export function listenForHelp() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "?" && !event.target.closest("input, textarea, select")) openHelp();
  });
}
