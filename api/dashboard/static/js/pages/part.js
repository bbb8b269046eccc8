// A part by what stands on it (?part_id=...): the latest look at it, with all the others below.

import { element } from "../lib/dom.js";
import { looksAt } from "../part/lookback.js";
import { t } from "../shell/words.js";
import { showInspection } from "./inspection.js";

export function mount(root, ctx) {
  showLatest(root, ctx);
}

async function showLatest(root, ctx) {
  const partId = ctx.query.get("part_id") ?? "";
  root.append(element("h1", {}, t("page.part")));
  try {
    const [latest] = await looksAt(partId, ctx.signal);
    if (latest) await showInspection(root, ctx, latest.id);
    else say(root, t("part.unknown", { part: partId }));
  } catch (error) {
    if (ctx.signal.aborted) return;
    say(root, error.problem?.type === "/problems/no-records" ? t("history.no_records") : error.message);
  }
}

function say(root, text) {
  root.append(element("p", { class: "gallery-note" }, text));
}
