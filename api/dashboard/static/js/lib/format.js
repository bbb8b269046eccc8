// Figures as people read them, in the language that is chosen. An unknown figure is a dash, never a zero.

import { language, t } from "../shell/words.js";

export const DASH = "–";

export function percent(share) {
  return share === null || share === undefined ? DASH : `${(100 * share).toFixed(1)} %`;
}

export function milliseconds(value) {
  if (value === null || value === undefined) return DASH;
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** A span: "40 s", "3 min", "2 h", "5 d". */
export function seconds(value) {
  if (value < 90) return t("span.s", { count: Math.round(value) });
  if (value < 5_400) return t("span.min", { count: Math.round(value / 60) });
  return value < 172_800 ? t("span.h", { count: Math.round(value / 3_600) }) : t("span.d", { count: Math.round(value / 86_400) });
}

export function integer(value) {
  return value.toLocaleString(language());
}

/** Local wall-clock time with seconds. */
export function clock(date) {
  return date ? date.toLocaleTimeString(language(), { hour12: false }) : DASH;
}

/** Local date and time with seconds; the date is left out for today. */
export function moment(date) {
  if (!date) return DASH;
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock(date) : `${day(date)} ${clock(date)}`;
}

/** As 2026-01-31: the same in every language, and sorted as it is read. */
export function day(date) {
  const two = (value) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
