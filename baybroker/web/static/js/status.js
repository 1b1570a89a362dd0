/** What a bay can be, and how each looks: one drawing for the map, the legend and the table. */

import { t } from "./i18n.js";
import { theme } from "./theme.js";

/** In the order of the wire contract; a status is its index here where bytes count. */
export const STATUSES = /** @type {const} */ (["closed", "available", "reserved", "occupied", "contested", "unknown"]);

/** @typedef {typeof STATUSES[number]} Status */

/**
 * A shape in a box of 24 by 24, filled with `fill` and drawn over with `mark` in `ink`. `hatch`: stripes, not a fill.
 * @type {Record<Status, {path: string, mark?: string, hatch?: boolean, light: string[], dark: string[]}>} fill, ink
 */
const LOOKS = {
  closed: {
    path: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18Z",
    mark: "M7 12h10",
    light: ["#d9dfdd", "#5a6763"],
    dark: ["#2c3639", "#8b9a96"],
  },
  available: {
    path: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18Z",
    light: ["#0f8a67", "#ffffff"],
    dark: ["#35c998", "#0c1a16"],
  },
  reserved: {
    path: "M12 1.5L22.5 12L12 22.5L1.5 12Z",
    light: ["#2a62c9", "#ffffff"],
    dark: ["#7fb0ff", "#0c1626"],
  },
  occupied: {
    path: "M4 4h16v16h-16Z",
    light: ["#b5523b", "#ffffff"],
    dark: ["#e58a70", "#231009"],
  },
  contested: {
    path: "M12 2L23 21.5H1Z",
    mark: "M12 9v5.5M12 17.6v.9",
    light: ["#f0b400", "#3a2a00"],
    dark: ["#ffd154", "#3a2a00"],
  },
  unknown: {
    path: "M4 4h16v16h-16Z",
    hatch: true,
    light: ["#eef0ef", "#5a6763"],
    dark: ["#232c2f", "#98a6a2"],
  },
};
const HATCH = "M4 10L10 4M4 16L16 4M4 20L20 4M10 20L20 10M16 20L20 16";
const CELL_PX = 64;
const SVG = "http://www.w3.org/2000/svg";

/** @param {string} status */
export function statusName(status) {
  return t(`status.${status}`);
}

/** Fill, ink and outline of a status in the present theme. @param {Status} status */
function colours(status) {
  const [fill, ink] = LOOKS[status][theme()];
  const hollow = status === "closed" || status === "unknown";
  return { fill, ink, outline: hollow ? ink : theme() === "dark" ? "#0e1417" : "#ffffff" };
}

/**
 * The symbol as inline SVG; it changes with the theme when drawn again.
 * @param {string} status
 * @param {number} [size_px]
 */
export function symbol(status, size_px = 16) {
  const known = /** @type {Status} */ (status in LOOKS ? status : "unknown");
  const look = LOOKS[known];
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 24 24", width: size_px, height: size_px, "aria-hidden": "true", class: "symbol" };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, String(value));
  const { fill, ink } = colours(known);
  const hollow = known === "closed" || look.hatch;
  const shape = { d: look.path, fill, stroke: hollow ? ink : "none", "stroke-width": hollow ? "2" : "0" };
  svg.append(drawn(shape));
  const over = look.hatch ? HATCH : look.mark;
  if (over) svg.append(drawn({ d: over, fill: "none", stroke: ink, "stroke-width": look.hatch ? "1.6" : "2.4" }));
  return svg;
}

/** @param {Record<string, string>} attributes */
function drawn(attributes) {
  const path = document.createElementNS(SVG, "path");
  for (const [name, value] of Object.entries(attributes)) path.setAttribute(name, value);
  return path;
}

/** Every symbol as square pixels, in the order of STATUSES, for the map's texture. */
export function symbolPixels() {
  const canvas = document.createElement("canvas");
  canvas.width = CELL_PX;
  canvas.height = CELL_PX;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  const pixels = new Uint8Array(STATUSES.length * CELL_PX * CELL_PX * 4);
  STATUSES.forEach((status, at) => {
    const look = LOOKS[status];
    const { fill, ink, outline } = colours(status);
    const scale = (CELL_PX - 8) / 24;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, CELL_PX, CELL_PX);
    pen.setTransform(scale, 0, 0, scale, 4, 4);
    const path = new Path2D(look.path);
    pen.lineJoin = "round";
    pen.strokeStyle = outline;
    pen.lineWidth = 2.6;
    pen.stroke(path);
    pen.fillStyle = fill;
    pen.fill(path);
    pen.strokeStyle = ink;
    if (look.hatch) {
      pen.lineWidth = 1.7;
      pen.stroke(new Path2D(HATCH));
    }
    if (look.hatch || status === "closed") {
      pen.lineWidth = 2.2;
      pen.stroke(path);
    }
    if (look.mark) {
      pen.lineWidth = 2.6;
      pen.stroke(new Path2D(look.mark));
    }
    pixels.set(pen.getImageData(0, 0, CELL_PX, CELL_PX).data, at * CELL_PX * CELL_PX * 4);
  });
  return { pixels, size_px: CELL_PX, count: STATUSES.length };
}
