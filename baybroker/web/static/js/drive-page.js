/** For a driver: ask for a bay near a place, see the promise and then the bay, arrive, extend, leave. */

import { get, newRequestId, post } from "./api.js";
import { BayMap, canDraw } from "./bay-map.js";
import { Bays, snapshotChanges } from "./bays.js";
import { bookingCard, isLive, replyText, tell } from "./booking.js";
import { byId, h, table, throttled } from "./dom.js";
import { dayTime, duration, instantOf, interval, localDay, localParts, won } from "./format.js";
import { named, t } from "./i18n.js";
import { attempt, live, openPage, say } from "./shell.js";

const LEADS_MIN = [0, 15, 30, 60, 120];
const STAYS_MIN = [30, 60, 90, 120, 180, 240, 480];
const WALKS_M = [100, 200, 300, 500, 800, 1_200];
const NEEDS = ["accessible", "ev", "large"];
const MINUTE_MS = 60_000;
const PLACE = /^\s*(-?\d+(?:\.\d+)?)\s*[,;\s]\s*(-?\d+(?:\.\d+)?)\s*$/;
const GOOD_NEWS = new Set(["accepted", "bound", "active", "extended", "completed", "waitlisted", "cancelled", "state"]);

const { session, scenario, clock } = await openPage("driver");
const map = canDraw() ? new BayMap(byId("map"), scenario, { label: t("drive.map"), pickPlace }) : null;
const [bays, zones] = await Promise.all([Bays.read(), get("/zones")]);
/** @type {import("./booking.js").Reservation[]} */
let mine = [];
let current = "";

/** @param {string} id @param {Array<[string|number, string, boolean?]>} options */
function fill(id, options) {
  byId(id).append(...options.map(([value, text, selected]) => h("option", { value, selected: selected ?? false }, text)));
}

/** @param {any} zone @returns {[string, string]} */
function zoneOption({ zone, centre, free_now }) {
  return [`${centre.lat}, ${centre.lon}`, t("drive.zone", { zone, n: free_now })];
}

/** @param {number} min @returns {[number, string]} */
function leadOption(min) {
  return [min, min ? t("drive.in", { when: duration(min) }) : t("drive.now")];
}

/** @param {string} need */
function needBox(need) {
  const box = h("input", { type: "checkbox", id: `need-${need}` });
  return h("label", { class: "check" }, box, h("span", {}, t(`need.${need}`)));
}

/** @returns {{lat: number, lon: number}|null} */
function destination() {
  const found = PLACE.exec(byId("place").value);
  if (!found) return null;
  const [lat, lon] = [Number(found[1]), Number(found[2])];
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : null;
}

/** @param {{lat: number, lon: number}} place */
function pickPlace(place) {
  if (liveOne()) return;
  byId("place").value = `${place.lat.toFixed(5)}, ${place.lon.toFixed(5)}`;
  byId("place").setCustomValidity("");
  map?.showWay(place, null);
}

function liveOne() {
  return mine.find((held) => held.reservation_id === current && isLive(held));
}

function arriveAt() {
  const lead = byId("lead").value;
  return lead === "at" ? instantOf(byId("at").value) : clock.now() + Number(lead) * MINUTE_MS;
}

async function book(/** @type {Event} */ event) {
  event.preventDefault();
  const where = destination();
  byId("place").setCustomValidity(where ? "" : t("drive.place_help"));
  if (!where) {
    byId("place").reportValidity();
    return;
  }
  const arrive_at = new Date(arriveAt()).toISOString();
  const price = byId("price").value;
  const body = {
    destination: where,
    arrive_at,
    stay_min: Number(byId("stay").value),
    max_walk_m: Number(byId("walk").value),
    needs: NEEDS.filter((need) => byId(`need-${need}`).checked),
    ...(price === "" ? {} : { max_price_won: Number(price) }),
    ...(byId("wait").checked ? { wait_until: new Date(Date.parse(arrive_at) + 30 * MINUTE_MS).toISOString() } : {}),
  };
  const reply = await attempt(byId("book"), () => post("/requests", body, { "Idempotency-Key": newRequestId() }));
  if (!reply) return;
  if (reply.type === "rejected") {
    say(replyText(reply), "trouble");
    return;
  }
  current = reply.reservation_id;
  await refresh(true);
}

/** Read my reservations again and show them. @param {boolean} [focus] put the cursor on the answer */
async function refresh(focus = false) {
  const page = await get("/reservations", { limit: 50 });
  mine = page.items;
  if (!mine.some((held) => held.reservation_id === current)) current = mine.find(isLive)?.reservation_id ?? "";
  await showCurrent(focus);
  showMine();
}

async function showCurrent(/** @type {boolean} */ focus) {
  const held = mine.find((one) => one.reservation_id === current);
  byId("current").hidden = !held;
  byId("ask").hidden = Boolean(held && isLive(held));
  if (!held) {
    map?.showWay(destination(), null);
    return;
  }
  const told = await get(`/reservations/${encodeURIComponent(held.reservation_id)}`).catch(() => ({}));
  const card = bookingCard(held, act, told.explanation ?? []);
  const wasOpen = byId("current").querySelector("details")?.open;
  const hadFocus = byId("current").contains(document.activeElement);
  byId("current").replaceChildren(card);
  if (wasOpen) card.querySelector("details")?.setAttribute("open", "");
  if (focus || hadFocus) card.querySelector("h2")?.focus();
  map?.showWay(held.destination ?? null, isLive(held) ? held.place ?? null : null);
}

/** @param {string} verb @param {object} body @param {HTMLButtonElement} button */
async function act(verb, body, button) {
  const reply = await attempt(button, () => tell(current, verb, body));
  if (!reply) return;
  say(replyText(reply), reply.reason || !GOOD_NEWS.has(reply.type) ? "trouble" : "good");
  await refresh(true);
}

function showMine() {
  const list = mine.map((held) => {
    const show = () => {
      current = held.reservation_id;
      showCurrent(true);
    };
    const text = [h("span", {}, dayTime(held.from)), h("span", { class: "pill" }, named("reservation", held.status))];
    const price = won(held.price_won ?? held.quote_won);
    const more = [h("span", { class: "muted" }, held.bay ?? t("drive.no_bay_yet")), h("span", { class: "muted" }, price)];
    return h("li", {}, h("button", { type: "button", class: "booking", onclick: show }, ...text, ...more));
  });
  byId("mine").replaceChildren(
    list.length ? h("ul", { class: "plain" }, ...list) : h("p", { class: "muted" }, t("drive.none_yet")),
  );
}

async function showReceipts() {
  const told = await attempt(null, () => get("/statements", { month: localDay(clock.now()).slice(0, 7) }));
  if (!told) return;
  const rows = told.receipts.map((/** @type {any} */ receipt) => [
    receipt.left_at ? interval(receipt.arrived_at, receipt.left_at) : interval(receipt.promise.from, receipt.promise.until),
    receipt.bay ?? "–",
    named("reservation", receipt.status),
    won(receipt.promise.quote_won),
    won(receipt.surcharge_won),
    won(receipt.refunded_won),
    won(receipt.paid_won),
  ]);
  const headings = ["when", "bay", "became", "quote", "surcharge", "refunded", "paid"].map((name) => t(`receipt.${name}`));
  byId("receipts").replaceChildren(
    h("p", {}, t("receipt.sum", { n: told.sums.reservations, paid: won(told.sums.paid_won) })),
    table(t("drive.receipts"), headings, rows),
  );
}

fill("near", zones.items.filter((/** @type {any} */ { centre }) => centre).map(zoneOption));
fill("lead", [...LEADS_MIN.map(leadOption), ["at", t("drive.at_time")]]);
fill("stay", STAYS_MIN.map((min) => [min, duration(min), min === 60]));
fill("walk", WALKS_M.map((metres) => [metres, `${metres} m`, metres === 300]));
byId("needs").append(...NEEDS.map(needBox));
byId("price").placeholder = t("drive.any_price");
byId("near").addEventListener("change", () => {
  const [lat, lon] = byId("near").value.split(",").map(Number);
  if (!byId("near").value) return;
  pickPlace({ lat, lon });
  map?.go({ lat, lon }, 16.5);
});
byId("place").addEventListener("input", () => byId("place").setCustomValidity(""));
byId("place").addEventListener("change", () => {
  const where = destination();
  if (!where) return;
  map?.showWay(where, null);
  map?.go(where, 16.5);
});
byId("lead").addEventListener("change", () => {
  byId("at-part").hidden = byId("lead").value !== "at";
  byId("at").value = localParts(clock.now() + 60 * MINUTE_MS);
});
byId("ask").addEventListener("submit", book);
byId("receipts-part").addEventListener("toggle", () => byId("receipts-part").open && showReceipts());

if (map) await map.setBays(bays.items, zones.items);
else {
  byId("map").hidden = true;
  byId("no-map").hidden = false;
}
await refresh();
const soon = throttled(() => refresh(), 300);
live(clock, {
  snapshot: (data) => {
    map?.apply(snapshotChanges(data.bays));
    soon();
  },
  bays: (data) => map?.apply(data.changes),
  mine: (reply) => {
    if (reply.reservation_id === current && !["accepted", "waitlisted"].includes(reply.type)) {
      say(replyText(reply), GOOD_NEWS.has(reply.type) ? "good" : "trouble");
    }
    soon();
  },
});
document.documentElement.dataset.ready = session.subject ?? "true";
