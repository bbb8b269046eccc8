// The filters of the gallery: what the API's list takes, as fields. Their values live in the URL alone, so a link
// that is sent to a colleague keeps every one.

import { button, element } from "../lib/dom.js";
import { t } from "../shell/words.js";

// In the order of the form; those of `more` stand in a second row.
const FIELDS = [
  { name: "part_id", type: "search" },
  { name: "line", type: "text", known: true },
  { name: "class", type: "text", known: true },
  { name: "min_score", type: "number" },
  { name: "since", type: "datetime-local" },
  { name: "until", type: "datetime-local" },
  { name: "lot_id", type: "text", more: true },
  { name: "station", type: "text", known: true, more: true },
  { name: "view", type: "text", known: true, more: true },
  { name: "recipe", type: "text", known: true, more: true },
  { name: "max_score", type: "number", more: true },
  { name: "place", type: "text", more: true },
  { name: "simulated", type: "select", choices: ["true", "false"], more: true },
];

// One choice of outcomes stands for two of the API's filters.
const OUTCOMES = [
  { key: "any", verdict: "", state: "" },
  { key: "ok", verdict: "OK", state: "" },
  { key: "ng", verdict: "NG", state: "" },
  { key: "review", verdict: "REVIEW", state: "" },
  { key: "failed", verdict: "", state: "failed" },
  { key: "expired", verdict: "", state: "expired" },
];

export const FILTER_NAMES = [...FIELDS.map((field) => field.name), "verdict", "state"];

/** The filters of a query, in the API's words; what is no filter is left out. */
export function filtersOf(query) {
  return Object.fromEntries(FILTER_NAMES.filter((name) => query.get(name)).map((name) => [name, query.get(name)]));
}

export class Filters {
  #inputs = new Map();
  #outcomes = new Map();
  #lists = new Map();

  /** `onChange(changes)`: name -> value, "" for none. */
  constructor(root, query, onChange) {
    this.onChange = onChange;
    const more = element("div", { class: "filter-row more", id: "more-filters" });
    const first = element("div", { class: "filter-row" });
    for (const field of FIELDS) (field.more ? more : first).append(this.#field(field));
    more.hidden = !FIELDS.some((field) => field.more && query.get(field.name));
    const toggle = button(t("gallery.more_filters"), { "aria-expanded": String(!more.hidden), "aria-controls": "more-filters", onclick: () => {
      more.hidden = !more.hidden;
      toggle.setAttribute("aria-expanded", String(!more.hidden));
    } });
    this.clear = button(t("gallery.clear"), { onclick: () => this.onChange(Object.fromEntries(FILTER_NAMES.map((name) => [name, ""]))) });
    root.append(
      element("div", { class: "outcomes", role: "group", "aria-label": t("gallery.outcome") }, ...OUTCOMES.map((one) => this.#outcome(one)),
        element("span", { class: "filter-tools" }, toggle, this.clear)),
      first, more);
    this.show(query);
  }

  /** What the URL says, into the fields. */
  show(query) {
    for (const [name, input] of this.#inputs) input.value = shown(input.type, query.get(name));
    const is = (one) => (query.get("verdict") ?? "") === one.verdict && (query.get("state") ?? "") === one.state;
    for (const one of OUTCOMES) this.#outcomes.get(one.key).setAttribute("aria-pressed", String(is(one)));
    this.clear.disabled = Object.keys(filtersOf(query)).length === 0;
  }

  /** Words that were seen, for the fields to offer: name -> an iterable. */
  offer(words) {
    for (const [name, values] of Object.entries(words)) {
      const list = this.#lists.get(name);
      const known = new Set([...list.options].map((option) => option.value));
      for (const value of values) if (value && !known.has(value)) list.append(element("option", { value }));
    }
  }

  #outcome(one) {
    const kind = { failed: "none", expired: "none" }[one.key] ?? one.key;
    const pick = button(t(`outcome.${one.key}`), { class: "tool outcome", "data-kind": kind, onclick: () => this.onChange({ verdict: one.verdict, state: one.state }) });
    this.#outcomes.set(one.key, pick);
    return pick;
  }

  #field({ name, type, choices, known }) {
    const list = known ? element("datalist", { id: `known-${name}` }) : null;
    const input = choices
      ? element("select", {}, ...["", ...choices].map((value) => element("option", { value }, value ? t(`gallery.${name}_${value}`) : t("gallery.both"))))
      : element("input", { type, ...(type === "number" ? { min: 0, max: 1, step: 0.01 } : {}), list: list?.id, autocomplete: "off", spellcheck: "false", maxlength: 128 });
    input.dataset.filter = name;
    input.addEventListener("change", () => this.onChange({ [name]: meant(input) }));
    this.#inputs.set(name, input);
    if (list) this.#lists.set(name, list);
    return element("label", { class: "field" }, element("span", {}, t(`filter.${name}`)), input, list);
  }
}

/** A value of the URL as a field takes it: a time becomes the clock's of this place. */
function shown(type, value) {
  if (!value) return "";
  if (type !== "datetime-local") return value;
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The reverse: a time with its zone, as the API wants it. */
function meant(input) {
  if (input.type !== "datetime-local" || !input.value) return input.value.trim();
  return new Date(input.value).toISOString();
}
