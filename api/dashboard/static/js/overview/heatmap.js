// Where on the part the defects lie: cells over the mean of good images. Own drawing, no chart: its picture comes
// from the API, and its cells must lie on it to the pixel.

import { element, svg } from "../lib/dom.js";
import { integer } from "../lib/format.js";
import { t } from "../shell/words.js";
import { ChartPanel } from "./panel.js";

const AROUND = 1; // cells on each side that a click takes in: a place is seldom one cell
const PLACES = 5; // rows of the table

export class HeatPanel extends ChartPanel {
  #picture = element("img", { class: "heat-picture", alt: "", hidden: true });
  #cells = svg("svg", { class: "heat-cells", preserveAspectRatio: "none" });
  #frame = element("div", { class: "heat-frame" });
  #shown = ""; // the address of the picture that is drawn

  constructor() {
    super("heat", { height: 184, columns: ["place", "defects"] });
    this.#frame.append(this.#picture, this.#cells);
    this.chart.replaceChildren(this.#frame);
    this.aside.open = true; // beside the map, not behind a click: it says in words where to look
  }

  /** `positions`: of the API's statistics. `leads(place)`: the address of the parts with a defect there. */
  show({ columns, rows, counts }, leads, go) {
    const most = Math.max(0, ...counts.flat());
    const found = places(counts);
    this.#cells.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
    this.#cells.replaceChildren(...found.map(({ row, column, defects }) => svg("rect", {
      x: column, y: row, width: 1, height: 1, class: "heat-cell", "fill-opacity": (.25 + .75 * (defects / most)).toFixed(2),
      onclick: () => go(leads(around(row, column, rows, columns))),
    }, svg("title", {}, t("overview.heat_cell", { count: integer(defects), column, row })))));
    this.list(peaks(counts).map(({ row, column, defects }) => ({
      cells: [where(row, column, rows, columns), integer(defects)], href: leads(around(row, column, rows, columns)),
    })));
    this.says = most ? null : t("overview.no_defects");
    this.#say();
  }

  /** Asks for the mean image once for each address; without one the cells stand on plain ground. */
  async background(address, signal) {
    if (address === this.#shown) return;
    this.#shown = address;
    const answer = await fetch(address, { signal }).catch(() => null);
    if (signal.aborted || address !== this.#shown) return;
    this.#picture.hidden = !answer?.ok;
    this.of = null;
    if (answer?.ok) {
      const { headers } = answer;
      const of = ["line", "station", "view"].map((name) => headers.get(`inspector-${name}`)).filter(Boolean).join(" · ");
      this.of = t("overview.mean_of", { count: headers.get("inspector-images"), of });
      URL.revokeObjectURL(this.#picture.src);
      this.#picture.src = URL.createObjectURL(await answer.blob());
      await this.#picture.decode().catch(() => {});
      this.#frame.style.aspectRatio = `${this.#picture.naturalWidth} / ${this.#picture.naturalHeight}`;
    } else {
      this.#shown = ""; // it may be made by the next look
    }
    this.#say();
  }

  close() {
    URL.revokeObjectURL(this.#picture.src);
  }

  #say() {
    this.say(this.says ?? this.of ?? t("overview.no_mean"));
  }
}

function places(counts) {
  return counts.flatMap((cells, row) => cells.map((defects, column) => ({ row, column, defects }))).filter((one) => one.defects);
}

/** The places with most defects in them and around them, each once. */
function peaks(counts) {
  const near = (row, column) => {
    let sum = 0;
    for (let y = row - AROUND; y <= row + AROUND; y += 1) for (let x = column - AROUND; x <= column + AROUND; x += 1) sum += counts[y]?.[x] ?? 0;
    return sum;
  };
  const all = places(counts).map(({ row, column }) => ({ row, column, defects: near(row, column) })).sort((one, other) => other.defects - one.defects);
  const found = [];
  for (const one of all) {
    if (found.length === PLACES) break;
    if (found.every((other) => Math.abs(other.row - one.row) > 2 * AROUND || Math.abs(other.column - one.column) > 2 * AROUND)) found.push(one);
  }
  return found;
}

function around(row, column, rows, columns) {
  return [Math.max(0, column - AROUND), Math.max(0, row - AROUND), Math.min(columns - 1, column + AROUND), Math.min(rows - 1, row + AROUND)].join(",");
}

/** "68 % right, 35 % down". */
function where(row, column, rows, columns) {
  return t("overview.where", { right: Math.round((100 * (column + .5)) / columns), down: Math.round((100 * (row + .5)) / rows) });
}
