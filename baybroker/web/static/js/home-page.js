/** For a resident: when the bay may be used, coming home early, and what it has earned. */

import { get, newRequestId, post } from "./api.js";
import { byId, h, table, throttled } from "./dom.js";
import { clockTime, dayTime, duration, interval, localDay, points, won } from "./format.js";
import { named, t } from "./i18n.js";
import { attempt, live, openPage, say } from "./shell.js";
import { badge, offerText } from "./story.js";
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
const save = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "primary", id: "week-save", onclick: saveWeek }, t("week.save")));
const draft = h("p", { id: "week-draft", class: "muted", "aria-live": "polite" });
byId("week").append(h("div", { class: "actions" }, save, h("button", { type: "button", onclick: () => week.clear() }, t("week.clear")), draft));
const autoBox = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", id: "auto", onchange: () => offer({ type: "auto", enabled: autoBox.checked }, autoBox) }));
const away = /** @type {HTMLSelectElement} */ (h("select", { id: "away-for" }, ...AWAY_H.map((hours) => h("option", { value: hours, selected: hours === 4 }, duration(hours * 60)))));
const state = h("div", { class: "now-status", id: "bay-state" });
const note = h("p", { class: "muted", id: "bay-note" });
byId("now").append(
  h(
    "div",
    { class: "now" },
    h("div", {}, state, note),
    h(
      "div",
      { class: "actions" },
      h("label", { for: "away-for" }, t("home.away_for")),
      away,
      h("button", { type: "button", id: "away", onclick: (/** @type {Event} */ event) => awayNow(/** @type {HTMLButtonElement} */ (event.currentTarget)) }, t("home.away")),
      h("button", { type: "button", id: "recall", class: "danger", onclick: (/** @type {Event} */ event) => offer({ type: "recall" }, /** @type {HTMLButtonElement} */ (event.currentTarget)) }, t("home.recall")),
    ),
  ),
  h("label", { class: "switch", for: "auto" }, autoBox, t("home.auto")),
  h("p", { class: "muted small" }, t("home.auto_help")),
);

function tellDraft() {
  const windows = week.windows();
  save.disabled = windows.length === 0;
  draft.textContent = windows.map((one) => `${one.days.map((day) => t(`day.${day}`)).join(", ")} ${one.start}–${one.end}`).join(" · ") || t("week.none");
}

/** Publish an offer and tell its answer. @param {any} body @param {HTMLButtonElement|HTMLInputElement|null} [source] */
async function offer(body, source = null) {
  const notice = await attempt(/** @type {any} */ (source), () => post("/offers", { bay, ...body }, { "Idempotency-Key": newRequestId() }));
  if (notice) say(noticeText(notice));
  await refresh();
  return notice;
}

async function saveWeek() {
  for (const window of week.windows()) {
    await offer({ type: "weekly", rrule: `FREQ=WEEKLY;BYDAY=${window.days.join(",")}`, start: window.start, end: window.end }, save);
  }
  week.clear();
}

/** @param {HTMLButtonElement} button */
async function awayNow(button) {
  const from = clock.now();
  const until = new Date(from + Number(away.value) * HOUR_MS).toISOString();
  await offer({ type: "once", from: new Date(from).toISOString(), until }, button);
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
}

function chooseBay() {
  const names = [...new Set([...statement.bays.map((/** @type {any} */ one) => one.bay), ...offers.map((one) => one.bay)])].sort();
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
  week.show(here.filter((one) => one.kind === "weekly").map((one) => ({ days: /BYDAY=([A-Z,]+)/.exec(one.rrule)?.[1].split(",") ?? ["MO", "TU", "WE", "TH", "FR", "SA", "SU"], start: one.start, end: one.end })));
  byId("offers").replaceChildren(...(here.length ? here.map(offerLine) : [h("p", { class: "muted" }, t("home.no_offers"))]));
}

/** @param {any} one */
function offerLine(one) {
  const verb = t(one.kind === "recall" ? "home.reopen" : "home.withdraw");
  const end = (/** @type {Event} */ event) => offer({ type: "withdraw", offer_id: one.offer_id }, /** @type {HTMLButtonElement} */ (event.currentTarget));
  return h(
    "div",
    { class: "offer-line", "data-kind": one.kind },
    h("span", {}, h("b", {}, t(`kind.${one.kind}`)), " ", one.kind === "auto" ? "" : offerText(one)),
    h("button", { type: "button", "aria-label": `${verb}: ${offerText(one)}`, onclick: end }, verb),
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
  const rows = statement.bays.flatMap((/** @type {any} */ one) =>
    one.days.map((/** @type {any} */ day) => [day.day, one.bay, duration(day.offered_min), duration(day.rented_min), won(day.earned_won), points(day.used_millipoints + day.offered_millipoints)]),
  );
  byId("earnings").replaceChildren(
    h("div", { class: "sums" }, ...tiles.map(([name, value]) => h("div", { class: "sum" }, h("span", { class: "muted small" }, t(`earn.${name}`)), h("b", {}, value)))),
    rows.length ? table(t("home.earnings"), ["day", "bay", "offered", "rented", "earned", "points"].map((name) => t(`earn.${name}`)), rows) : "",
  );
  const uses = statement.bays.filter((/** @type {any} */ one) => one.bay === bay).flatMap((/** @type {any} */ one) => one.days.flatMap((/** @type {any} */ day) => day.uses)).reverse();
  byId("uses").replaceChildren(
    uses.length
      ? table(t("home.uses"), ["when", "time", "earned"].map((name) => t(`use.${name}`)), uses.map((/** @type {any} */ use) => [`${dayTime(use.from)}–${clockTime(use.until)}`, duration(use.minutes), won(use.earned_won)]))
      : h("p", { class: "muted" }, t("home.no_uses")),
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
