// Findings as boxes over the image, in the image's own pixels. Three looks, told apart by line as well as by
// colour: counted (solid, filled label), review (long dashes, label), and what did not count (dots, no label).

import { svg } from "../lib/dom.js";

const LABEL_PX = 13; // on the screen, whatever the image's size
const LABEL_HEIGHT = 1.5;
const CHARACTER = 0.62; // width of a monospaced character, in font sizes

// The roles of findings that changed nothing about the part.
const SILENT = new Set(["same", "below"]);

/** Fills `layer` (an SVG). `scale`: screen pixels per image pixel. Weak findings are drawn first, below. */
export function drawBoxes(layer, found, { size, scale, showSilent, chosen }) {
  const placed = [];
  const findings = found
    .map((finding, index) => ({ ...finding, index }))
    .filter((finding) => showSilent || !SILENT.has(finding.role) || finding.index === chosen)
    .sort((a, b) => a.score - b.score);
  const boxes = findings.map((finding) => boxOf(finding, chosen));
  const labels = findings.reverse()
    .filter((finding) => !SILENT.has(finding.role) || finding.index === chosen)
    .map((finding) => labelOf(finding, size, LABEL_PX / scale, placed));
  layer.replaceChildren(...boxes, ...labels.reverse());
}

function boxOf(finding, chosen) {
  const [x1, y1, x2, y2] = finding.box;
  const place = { x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
  const chosenClass = finding.index === chosen ? " chosen" : "";
  return svg("g", { class: `box ${finding.role}${chosenClass}`, "data-finding": finding.index },
    svg("rect", { class: "halo", ...place }),
    svg("rect", { class: "edge", ...place }));
}

function labelOf(finding, size, font, placed) {
  const text = `${finding.name} ${finding.score.toFixed(2)}`;
  const width = (text.length + 1) * font * CHARACTER;
  const spot = freeSpot(finding.box, { width, height: font * LABEL_HEIGHT }, size, placed);
  placed.push(spot);
  return svg("g", { class: `label ${finding.role}` },
    svg("rect", { x: spot.x, y: spot.y, width: spot.width, height: spot.height }),
    svg("text", { x: spot.x + font * CHARACTER / 2, y: spot.y + font * 1.1, "font-size": font }, text));
}

/** Above, below, right or left of the box: the first spot inside the image that covers no other label. */
function freeSpot([x1, y1, x2, y2], { width, height }, size, placed) {
  const spots = [[x1, y1 - height], [x1, y2], [x2 - width, y1 - height], [x2, y1], [x1 - width, y1], [x1, y1]]
    .map(([x, y]) => ({ x: Math.max(0, Math.min(x, size.width - width)), y, width, height }))
    .filter((spot) => spot.y >= 0 && spot.y + height <= size.height);
  const fallback = { x: Math.max(0, Math.min(x1, size.width - width)), y: Math.max(0, y1), width, height };
  return spots.find((spot) => !placed.some((other) => overlap(spot, other))) ?? spots[0] ?? fallback;
}

function overlap(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
