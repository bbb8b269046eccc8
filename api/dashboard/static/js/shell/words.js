// The page's words in the language that is chosen. `t` is called with whole keys, or with the fixed beginning of
// one (`kind.${key}`): a test reads the code and both tables, and fails on a key that one of them lacks.

import en from "../words/en.js";
import zh from "../words/zh.js";

const TABLES = { en, zh };
const STORED = "inspector.language";

/** What is offered, by its own name. */
export const LANGUAGES = { en: "English", zh: "中文" };

let current = chosen();
document.documentElement.lang = current;

/** The text of a key, `{name}` replaced by `values.name`. */
export function t(key, values = {}) {
  const text = TABLES[current][key];
  if (text === undefined) throw new Error(`no word for ${key}`);
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** As `t`, for a count: `key.one` or `key.other`, with {count}. */
export function counted(key, count) {
  const form = new Intl.PluralRules(current).select(count) === "one" ? "one" : "other";
  return t(`${key}.${form}`, { count: count.toLocaleString(current) });
}

export function language() {
  return current;
}

export function speak(name) {
  current = name in TABLES ? name : "en";
  localStorage.setItem(STORED, current);
  document.documentElement.lang = current;
}

function chosen() {
  const wanted = [localStorage.getItem(STORED), ...navigator.languages].filter(Boolean);
  const known = wanted.map((name) => name.split("-")[0]).find((name) => name in TABLES);
  return known ?? "en";
}
