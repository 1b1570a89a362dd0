/** Two line charts over the hours of a day, by Plotly, which is loaded only where there are charts. */

import { h } from "./dom.js";
import { localParts } from "./format.js";
import { theme } from "./theme.js";

const COLOURS = {
  light: {
    ink: "#52605b", line: "#d5dcd9", available: "#0f8a67", reserved: "#2a62c9", occupied: "#b5523b",
    contested: "#b88700", unknown: "#7d8985", requests: "#52605b", accepted: "#0f8a67", rejected: "#b5523b",
  },
  dark: {
    ink: "#a4b2ae", line: "#313d43", available: "#35c998", reserved: "#7fb0ff", occupied: "#e58a70",
    contested: "#ffd154", unknown: "#98a6a2", requests: "#a4b2ae", accepted: "#35c998", rejected: "#e58a70",
  },
};
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const SOURCE = "/static/plotly/plotly.min.js";

/** @type {Promise<any>|undefined} */
let loading;

function plotly() {
  loading ??= new Promise((resolve, reject) => {
    document.head.append(h("script", { src: SOURCE, onload: () => resolve(globalThis.Plotly), onerror: reject }));
  });
  return loading;
}

/**
 * Lines over time: each has its colour and its dashes.
 * @param {HTMLElement} place @param {any[]} series rows with `at` @param {Array<[string, string]>} lines field and name
 * @param {string} label what a screen reader says
 */
export async function drawLines(place, series, lines, label) {
  const library = await plotly();
  const colours = /** @type {Record<string, string>} */ (COLOURS[theme()]);
  const x = series.map((row) => localParts(row.at));
  const traces = lines.map(([field, name], at) => ({
    x,
    y: series.map((row) => row[field]),
    name,
    mode: "lines+markers",
    line: { color: colours[field], width: 2, dash: DASHES[at % DASHES.length], shape: "linear" },
    marker: { color: colours[field], size: 5 },
  }));
  const axis = { gridcolor: colours.line, zerolinecolor: colours.line, linecolor: colours.line, fixedrange: true };
  const layout = {
    margin: { l: 40, r: 8, t: 8, b: 32 },
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { color: colours.ink, family: getComputedStyle(document.body).fontFamily, size: 12 },
    xaxis: { ...axis, type: "date", tickformat: "%H:%M" },
    yaxis: { ...axis, rangemode: "tozero" },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    hovermode: "x unified",
    hoverlabel: { bgcolor: theme() === "dark" ? "#222c31" : "#ffffff" },
  };
  await library.react(place, traces, layout, { displayModeBar: false, responsive: true });
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", label);
}
