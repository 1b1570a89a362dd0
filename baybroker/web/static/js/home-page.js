/** For a resident: when the bay may be used, coming home early, and what it has earned. */

import { get, newRequestId, post } from "./api.js";
import { byId, h, table, throttled } from "./dom.js";
import { dayTime, duration, interval, localDay, points, won } from "./format.js";
import { named, t } from "./i18n.js";
import { attempt, live, openPage, say } from "./shell.js";
import { badge, daysOf, offerText } from "./story.js";
import { WeekGrid } from "./week.js";

const AWAY_H = [1, 2, 4, 8, 12];
const HOUR_MS = 3_600_000;

const { session, clock } = await openPage("resident");
/** @type {any} */
let statement = { bays: [], sums: {} };
/** @type {any[]} */
let offers = [];
let bay = "";
const week = new WeekGrid(byId("week"), () => tellDraft());
const save = button("week.save", saveWeek, { class: "primary", id: "week-save" });
const draft = h("p", { id: "week-draft", class: "muted", "aria-live": "polite" });
byId("week").append(h("div", { class: "actions" }, save, button("week.clear", () => week.clear()), draft));
const autoBox = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", id: "auto" }));
autoBox.addEventListener("change", () => offer({ type: "auto", enabled: autoBox.checked }, autoBox));
const hours = AWAY_H.map((n) => h("option", { value: n, selected: n === 4 }, duration(n * 60)));
const away = /** @type {HTMLSelectElement} */ (h("select", { id: "away-for" }, ...hours));
const state = h("div", { class: "now-status", id: "bay-state" });
const note = h("p", { class: "muted", id: "bay-note" });
const actions = [
  h("label", { for: "away-for" }, t("home.away_for")),
  away,
  button("home.away", awayNow),
  button("home.recall", (pressed) => offer({ type: "recall" }, pressed), { class: "danger" }),
];
byId("now").append(
  h("div", { class: "now" }, h("div", {}, state, note), h("div", { class: "actions" }, ...actions)),
  h("label", { class: "switch", for: "auto" }, autoBox, t("home.auto")),
  h("p", { class: "muted small" }, t("home.auto_help")),
);

/** @param {string} key @param {(pressed: HTMLButtonElement) => void} work @param {Record<string, any>} [more] */
function button(key, work, more = {}) {
  const pressed = (/** @type {Event} */ event) => work(/** @type {HTMLButtonElement} */ (event.currentTarget));
  return /** @type {HTMLButtonElement} */ (h("button", { type: "button", ...more, onclick: pressed }, t(key)));
}

function tellDraft() {
  const windows = week.windows();
  save.disabled = windows.length === 0;
  const texts = windows.map(({ days, start, end }) => `${days.map((day) => t(`day.${day}`)).join(", ")} ${start}–${end}`);
  draft.textContent = texts.join(" · ") || t("week.none");
}

/** Publish an offer and tell its answer. @param {any} body @param {HTMLButtonElement|HTMLInputElement} source */
async function offer(body, source) {
  const key = { "Idempotency-Key": newRequestId() };
  const notice = await attempt(source, () => post("/offers", { bay, ...body }, key));
  if (notice) say(noticeText(notice));
  await refresh();
}

async function saveWeek() {
  for (const { days, start, end } of week.windows()) {
    await offer({ type: "weekly", rrule: `FREQ=WEEKLY;BYDAY=${days.join(",")}`, start, end }, save);
  }
  week.clear();
}

/** @param {HTMLButtonElement} pressed */
async function awayNow(pressed) {
  const from = clock.now();
  const until = new Date(from + Number(away.value) * HOUR_MS).toISOString();
  await offer({ type: "once", from: new Date(from).toISOString(), until }, pressed);
}

/** @param {any} notice */
function noticeText(notice) {
  const values = {
    bay: notice.bay, at: dayTime(notice.until), amount: won(notice.amount_won),
    why: notice.reason ? named("reason", notice.reason) : "", near: notice.meanwhile_bay ?? "",
  }; // prettier-ignore
  const meanwhile = notice.type === "recall_answer" && notice.meanwhile_bay ? ` ${t("notice.meanwhile", values)}` : "";
  return t(`notice.${notice.type}`, values) + meanwhile;
}

async function refresh() {
  const month = localDay(clock.now()).slice(0, 7);
  const [told, page] = await Promise.all([get("/statements", { month }), get("/offers", { limit: 200 })]);
  [statement, offers] = [told, page.items];
  chooseBay();
  await tellBay();
  tellOffers();
  tellEarnings();
  tellUses();
}

function chooseBay() {
  const names = [...new Set([...statement.bays, ...offers].map((one) => one.bay))].sort();
  if (!names.includes(bay)) bay = names[0] ?? "";
  byId("bay-choice").hidden = names.length < 2;
  byId("bay").replaceChildren(...names.map((name) => h("option", { value: name, selected: name === bay }, name)));
}

async function tellBay() {
  if (!bay) {
    state.textContent = t("home.no_bay");
    return;
  }
  const told = await get(`/bays/${encodeURIComponent(bay)}`);
  state.replaceChildren(h("span", {}, bay), badge(told.status));
  const next = told.bookings?.[0];
  note.textContent = next ? t("home.next", { when: interval(next.from, next.until) }) : t("home.no_booking");
}

function tellOffers() {
  const here = offers.filter((one) => one.bay === bay);
  autoBox.checked = here.some((one) => one.kind === "auto");
  const weekly = here.filter((one) => one.kind === "weekly");
  week.show(weekly.map(({ rrule, start, end }) => ({ days: daysOf(rrule), start, end })));
  byId("offers").replaceChildren(...(here.length ? here.map(offerLine) : [h("p", { class: "muted" }, t("home.no_offers"))]));
}

/** @param {any} one */
function offerLine(one) {
  const verb = t(one.kind === "recall" ? "home.reopen" : "home.withdraw");
  const end = (/** @type {HTMLButtonElement} */ pressed) => offer({ type: "withdraw", offer_id: one.offer_id }, pressed);
  return h(
    "div",
    { class: "offer-line", "data-kind": one.kind },
    h("span", {}, h("b", {}, t(`kind.${one.kind}`)), " ", one.kind === "auto" ? "" : offerText(one)),
    button(one.kind === "recall" ? "home.reopen" : "home.withdraw", end, { "aria-label": `${verb}: ${offerText(one)}` }),
  );
}

function tellEarnings() {
  const sums = statement.sums;
  const tiles = [
    ["earned", won(sums.earned_won ?? 0)],
    ["points", points((sums.used_millipoints ?? 0) + (sums.offered_millipoints ?? 0))],
    ["offered", duration(sums.offered_min ?? 0)],
    ["rented", duration(sums.rented_min ?? 0)],
    ["uses", String(sums.uses ?? 0)],
  ];
  /** @type {Array<{bay: string, days: any[]}>} */
  const mine = statement.bays;
  const rows = mine.flatMap((one) => one.days.map((day) => dayRow(one.bay, day)));
  const headings = ["day", "bay", "offered", "rented", "earned", "points"].map((name) => t(`earn.${name}`));
  byId("earnings").replaceChildren(
    h("div", { class: "sums" }, ...tiles.map(([name, value]) => tile(t(`earn.${name}`), value))),
    rows.length ? table(t("home.earnings"), headings, rows) : "",
  );
}

/** @param {string} name @param {string} value */
function tile(name, value) {
  return h("div", { class: "sum" }, h("span", { class: "muted small" }, name), h("b", {}, value));
}

/** @param {string} name @param {any} day */
function dayRow(name, day) {
  const earned = [won(day.earned_won), points(day.used_millipoints + day.offered_millipoints)];
  return [day.day, name, duration(day.offered_min), duration(day.rented_min), ...earned];
}

function tellUses() {
  const here = statement.bays.find((/** @type {any} */ one) => one.bay === bay);
  const uses = (here?.days ?? []).flatMap((/** @type {any} */ day) => day.uses).reverse();
  const headings = ["when", "time", "earned"].map((name) => t(`use.${name}`));
  const rows = uses.map((/** @type {any} */ use) => [interval(use.from, use.until), duration(use.minutes), won(use.earned_won)]);
  byId("uses").replaceChildren(
    uses.length ? table(t("home.uses"), headings, rows) : h("p", { class: "muted" }, t("home.no_uses")),
  );
}

byId("bay").addEventListener("change", () => {
  bay = byId("bay").value;
  refresh();
});
tellDraft();
await refresh();
const soon = throttled(() => refresh(), 500);
const now = throttled(() => tellBay(), 300);
live(clock, {
  bays: (data) => data.changes.some((/** @type {any} */ change) => change.bay === bay) && now(),
  mine: (notice) => {
    if (notice.type !== "earning") say(noticeText(notice));
    soon();
  },
});
document.documentElement.dataset.ready = session.subject ?? "true";
