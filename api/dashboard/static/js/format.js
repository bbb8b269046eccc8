// Figures as people read them. An unknown figure is a dash, never a zero.

export const DASH = "–";

export function percent(share) {
  return share === null ? DASH : `${(100 * share).toFixed(1)} %`;
}

export function milliseconds(value) {
  if (value === null || value === undefined) return DASH;
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

export function seconds(value) {
  if (value < 90) return `${Math.round(value)} s`;
  return value < 5_400 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3_600)} h`;
}

/** Local wall-clock time with seconds. */
export function clock(date) {
  return date ? date.toLocaleTimeString([], { hour12: false }) : DASH;
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}
