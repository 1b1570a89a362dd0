/** The live map: every bay by colour and shape, its story, filters, search, and the same as a table. */

import { BayMap, canDraw } from "./bay-map.js";
import { Bays, snapshotChanges } from "./bays.js";
import { byId, h, throttled } from "./dom.js";
import { get } from "./api.js";
import { clockTime } from "./format.js";
import { t } from "./i18n.js";
import { attempt, live, openPage } from "./shell.js";
import { STATUSES, statusName, symbol } from "./status.js";
import { badge, story } from "./story.js";
import { onTheme } from "./theme.js";

const TABLE_PAGE = 100;
const SLOW_MS = 500;

const { scenario, clock } = await openPage(null);
const hidden = new Set();
let zone = "";
let search = "";
let shown = TABLE_PAGE;
let chosen = "";
/** @type {Map<string, HTMLTableRowElement>} */
const rowsMade = new Map();

const map = canDraw() ? new BayMap(byId("map"), scenario, { label: t("map.label"), pickBay: choose }) : null;
const [bays, zones] = await Promise.all([Bays.read(), get("/zones")]);

/** What the map shows; the table shows of these what is searched for. @param {import("./bays.js").Bay} bay */
function wanted(bay) {
  return !hidden.has(bay.status) && (!zone || bay.zone === zone);
}

/** @param {import("./bays.js").Bay} bay */
function listed(bay) {
  return wanted(bay) && bay.bay.includes(search);
}

function filterStatuses() {
  byId("statuses").replaceChildren(
    ...STATUSES.map((status) => {
      const box = h("input", {
        type: "checkbox",
        checked: !hidden.has(status),
        onchange: (/** @type {Event} */ event) => {
          if (/** @type {HTMLInputElement} */ (event.target).checked) hidden.delete(status);
          else hidden.add(status);
          refilter();
        },
      });
      const count = h("span", { class: "count", id: `count-${status}` }, bays.counts[status]);
      return h("label", { class: "check" }, box, symbol(status, 18), h("span", {}, statusName(status)), count);
    }),
  );
}

function tellCounts() {
  for (const status of STATUSES) byId(`count-${status}`).textContent = String(bays.counts[status]);
}

/** Rows stay while their bay is listed: a button must not vanish under a finger or a screen reader's cursor. */
function tellTable() {
  const rows = bays.items.filter(listed);
  byId("table-count").textContent = t("table.count", { n: rows.length, all: bays.items.length });
  byId("table-more").hidden = rows.length <= shown;
  const wished = rows.slice(0, shown).map(rowOf);
  const body = byId("table-body");
  if (wished.length !== body.children.length || wished.some((row, at) => row !== body.children[at])) {
    body.replaceChildren(...wished);
  }
}

/** @param {import("./bays.js").Bay} bay */
function rowOf(bay) {
  const row = rowsMade.get(bay.bay) ?? newRow(bay);
  const look = `${bay.status} ${bay.until}`;
  if (row.dataset.look === look) return row;
  row.dataset.look = look;
  row.cells[2].replaceChildren(badge(bay.status));
  row.cells[3].textContent = clockTime(bay.until);
  return row;
}

/** @param {import("./bays.js").Bay} bay */
function newRow(bay) {
  const go = () => choose(bay.bay, { fly: true });
  const button = h("button", { type: "button", class: "link", "data-bay": bay.bay, onclick: go }, bay.bay);
  const cells = [h("th", { scope: "row" }, button), h("td", {}, bay.zone), h("td"), h("td")];
  const row = /** @type {HTMLTableRowElement} */ (h("tr", {}, ...cells));
  rowsMade.set(bay.bay, row);
  return row;
}

function refilter() {
  map?.show(wanted);
  tellTable();
}

/** @param {string} name @param {{fly?: boolean}} [how] */
async function choose(name, { fly = false } = {}) {
  const bay = bays.byName.get(name);
  if (!bay) return;
  chosen = name;
  map?.ring(bay, { fly, offset: besidePanel() });
  const told = await attempt(null, () => story(name));
  if (!told || chosen !== name) return;
  const panel = byId("story");
  const heading = h("h2", { tabindex: -1 }, name);
  const close = h("button", { type: "button", class: "quiet", onclick: leave }, t("story.close"));
  panel.replaceChildren(h("div", { class: "panel-head" }, heading, close), ...told);
  const opened = panel.hidden;
  panel.hidden = false;
  if (opened || fly) heading.focus();
}

/** Where a bay is seen although its story is open: beside it, or above it on a narrow page. @returns {[number, number]} */
function besidePanel() {
  const { clientHeight } = byId("map");
  return matchMedia("(max-width: 820px)").matches ? [0, -0.36 * clientHeight] : [190, 0];
}

function leave() {
  const was = chosen;
  chosen = "";
  byId("story").hidden = true;
  map?.ring(null);
  const row = byId("table-part").open && byId("table-body").querySelector(`[data-bay="${CSS.escape(was)}"]`);
  (row || byId("map").querySelector("canvas"))?.focus();
}

/** @param {Array<{bay: string, status: string}>} changes */
function take(changes) {
  bays.apply(changes);
  map?.apply(changes);
  if (hidden.size) map?.show(wanted);
  slowly();
  if (chosen && changes.some(({ bay }) => bay === chosen)) refreshStory();
}

const slowly = throttled(() => {
  tellCounts();
  if (byId("table-part").open) tellTable();
  document.documentElement.dataset.changes = String(Number(document.documentElement.dataset.changes ?? 0) + 1);
}, SLOW_MS);
const refreshStory = throttled(() => chosen && choose(chosen), SLOW_MS);

byId("zone").append(...bays.zones().map((name) => h("option", { value: name }, name)));
byId("zone").addEventListener("change", () => {
  zone = byId("zone").value;
  const centre = zones.items.find((/** @type {any} */ one) => one.zone === zone)?.centre;
  if (centre) map?.go(centre, 16);
  refilter();
});
byId("search").addEventListener("input", () => {
  search = byId("search").value.trim().toLowerCase();
  tellTable();
});
byId("search-form").addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  const first = bays.byName.get(search) ?? bays.items.find(listed);
  if (first) choose(first.bay, { fly: true });
});
byId("table-more").addEventListener("click", () => {
  shown += TABLE_PAGE;
  tellTable();
});
byId("table-part").addEventListener("toggle", () => byId("table-part").open && tellTable());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !byId("story").hidden) leave();
});
onTheme(filterStatuses);
onTheme(() => {
  rowsMade.clear();
  tellTable();
});

filterStatuses();
if (map) {
  await map.setBays(bays.items, zones.items);
} else {
  byId("map").hidden = true;
  byId("no-map").hidden = false;
  byId("table-part").open = true;
}
live(clock, {
  snapshot: (data) => take(snapshotChanges(data.bays)),
  bays: (data) => take(data.changes),
});
document.documentElement.dataset.ready = "true";
