/** For an operator: how the day goes, what needs care, and the books. */

import { download, get, newRequestId, post } from "./api.js";
import { byId, h, table, throttled } from "./dom.js";
import { drawLines } from "./charts.js";
import { dayTime } from "./format.js";
import { named, t } from "./i18n.js";
import { attempt, live, openPage, say } from "./shell.js";
import { STATUSES, statusName } from "./status.js";
import { onTheme } from "./theme.js";

const REFRESH_MS = 5_000;
const LEDGER_PAGE = 50;
const BAD_WHEN_SOME = new Set(["violations", "failed"]);
const REQUESTS = ["requests", "accepted", "rejected"];

const { clock } = await openPage("operator");
/** @type {any} */
let told = { kpis: {}, series: [] };
/** @type {any[]} */
let ledger = [];
/** @type {string|null} */
let after = null;

async function refresh() {
  told = await get("/operations");
  tellNumbers();
  tellLists();
  await drawCharts();
}

function tellNumbers() {
  const numbers = Object.entries(told.kpis).filter(([, value]) => typeof value === "number");
  byId("kpis").replaceChildren(
    ...numbers.map(([name, value]) =>
      h(
        "div",
        { class: BAD_WHEN_SOME.has(name) && value ? "kpi bad" : "kpi" },
        h("span", { class: "muted small" }, named("kpi", name)),
        h("b", {}, Number(value).toLocaleString("en-US")),
      ),
    ),
  );
}

async function drawCharts() {
  const open = STATUSES.filter((status) => status !== "closed");
  /** @type {Array<[string, string]>} */
  const states = open.map((status) => [status, statusName(status)]);
  /** @type {Array<[string, string]>} */
  const requests = REQUESTS.map((name) => [name, t(`kpi.${name}`)]);
  await drawLines(byId("chart-bays"), told.series, states, t("ops.bays_over_time"));
  await drawLines(byId("chart-requests"), told.series, requests, t("ops.requests_over_time"));
}

/**
 * A list from the server as a table: its own fields, times and all.
 * @param {string} id @param {string} title @param {any[]} items
 */
function tellList(id, title, items) {
  const place = byId(id);
  if (!items.length) {
    place.replaceChildren(h("p", { class: "muted" }, t("ops.nothing")));
    return;
  }
  const fields = Object.keys(items[0]);
  const headings = fields.map((field) => named("field", field));
  const rows = items.map((item) => fields.map((field) => shown(field, item[field])));
  place.replaceChildren(table(title, headings, rows));
}

/** @param {string} field @param {any} value */
function shown(field, value) {
  if (value === null || value === undefined) return "–";
  if (field === "at" || field.endsWith("_at") || field === "from") return dayTime(value);
  if (field.endsWith("_pct")) return `${value} %`;
  if (field === "reason" || field === "status") return named("reason", String(value));
  return String(value);
}

function tellLists() {
  tellList("contested", t("ops.contested"), told.contested);
  const silent = told.silent.map((/** @type {any} */ one) => ({ bay: one.bay, state: t("ops.silent"), ...one }));
  const stuck = told.stuck.map((/** @type {any} */ one) => ({ bay: one.bay, state: t("ops.stuck"), ...one }));
  tellList("sensors", t("ops.sensors"), [...silent, ...stuck]);
  tellList("violations", t("ops.violations"), told.violations);
  tellList("batteries", t("ops.batteries"), told.batteries);
}

async function readLedger() {
  const page = await get("/statements/ledger", { limit: LEDGER_PAGE, after });
  ledger.push(...page.items);
  after = page.next;
  byId("ledger-more").hidden = !after;
  tellList("ledger", t("ops.ledger"), ledger);
}

async function exportCsv() {
  const file = await attempt(byId("export"), () => download("/statements/ledger?format=csv", "text/csv"));
  if (!file) return;
  const url = URL.createObjectURL(file);
  const link = h("a", { href: url, download: "ledger.csv" });
  document.body.append(link);
  link.click();
  link.remove();
  URL.revokeObjectURL(url);
}

byId("export").addEventListener("click", exportCsv);
byId("ledger-more").addEventListener("click", () => attempt(byId("ledger-more"), readLedger));
byId("act").addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const button = /** @type {HTMLButtonElement} */ (event.submitter);
  const bay = byId("act-bay").value.trim();
  const path = `/bays/${encodeURIComponent(bay)}/${button.value}`;
  const reply = await attempt(button, () => post(path, {}, { "Idempotency-Key": newRequestId() }));
  if (reply) say(t("ops.done", { bay }));
  await refresh();
});
onTheme(drawCharts);

await Promise.all([refresh(), readLedger()]);
const page = await get("/bays", { limit: 1000 });
byId("act-bays").append(...page.items.map((/** @type {any} */ { bay }) => h("option", { value: bay })));
const soon = throttled(() => attempt(null, refresh), REFRESH_MS);
live(clock, { bays: soon, events: soon });
document.documentElement.dataset.ready = "true";
