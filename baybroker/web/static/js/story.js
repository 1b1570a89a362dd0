/** A bay's story: what it is, what its sensor says, when it may be used, who booked it (never by name), and its past. */

import { get } from "./api.js";
import { h } from "./dom.js";
import { clockTime, dayTime, interval } from "./format.js";
import { named, t } from "./i18n.js";
import { statusName, symbol } from "./status.js";
import { DAYS } from "./week.js";

const HISTORY_SHOWN = 12;

/** @param {string} title @param {...(Node|string|false)} content */
function part(title, ...content) {
  return h("section", {}, h("h3", {}, title), ...content);
}

/** @param {Array<Node>} items @param {string} none */
function list(items, none) {
  return items.length ? h("ul", { class: "plain" }, ...items.map((item) => h("li", {}, item))) : h("p", { class: "muted" }, none);
}

/** @param {Array<[string, Node|string]>} facts */
export function facts(facts) {
  return h("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** A status with its symbol and its name. @param {string} status */
export function badge(status) {
  return h("span", { class: "badge" }, symbol(status), statusName(status));
}

/** What an offer says, in one line. @param {any} offer */
export function offerText(offer) {
  if (offer.kind === "weekly") return `${daysText(offer.rrule)} ${offer.start}–${offer.end}`;
  if (offer.kind === "auto") return t("offer.auto");
  return interval(offer.from, offer.until);
}

/** The days of `FREQ=WEEKLY;BYDAY=MO,TU`. @param {string} rrule @returns {string[]} */
export function daysOf(rrule) {
  return /BYDAY=([A-Z,]+)/.exec(rrule)?.[1].split(",") ?? [...DAYS];
}

/** @param {string} rrule */
function daysText(rrule) {
  const days = daysOf(rrule);
  if (days.length === DAYS.length) return t("day.every");
  return days.join() === "MO,TU,WE,TH,FR" ? t("day.weekdays") : days.map((day) => t(`day.${day}`)).join(", ");
}

/** @param {string} bay @returns {Promise<Node[]>} */
export async function story(bay) {
  const told = await get(`/bays/${encodeURIComponent(bay)}`);
  const sensor = told.sensor;
  const needs = told.needs.map((/** @type {string} */ need) => t(`need.${need}`)).join(", ");
  return [
    facts([
      [t("bay.status"), h("span", {}, badge(told.status), told.until ? ` ${t("bay.until", { at: clockTime(told.until) })}` : "")],
      [t("bay.zone"), told.zone],
      [t("bay.tariff"), told.tariff ?? t("bay.city_tariff")],
      ...(needs ? [/** @type {[string, string]} */ ([t("bay.needs"), needs])] : []),
    ]),
    part(t("story.sensor"), sensor.observed_at ? sensorFacts(sensor) : h("p", { class: "muted" }, t("story.never_heard"))),
    part(t("story.offers"), list(told.offers.map(offerLine), t("story.no_offers"))),
    part(t("story.bookings"), list(told.bookings.map(bookingLine), t("story.no_bookings"))),
    part(t("story.history"), list(told.history.slice(0, HISTORY_SHOWN).map(historyLine), t("story.no_history"))),
  ];
}

/** @param {any} sensor */
function sensorFacts(sensor) {
  return facts([
    [t("sensor.says"), named("occupancy", sensor.occupancy)],
    [t("sensor.since"), dayTime(sensor.observed_at)],
    [t("sensor.heard"), dayTime(sensor.last_heard_at)],
    ...(sensor.lost ? [/** @type {[string, string]} */ ([t("sensor.state"), named("lost", sensor.lost)])] : []),
  ]);
}

/** @param {any} offer */
function offerLine(offer) {
  return h("span", {}, h("b", {}, t(`kind.${offer.kind}`)), " ", offer.kind === "auto" ? "" : offerText(offer));
}

/** @param {any} booking */
function bookingLine(booking) {
  const status = h("span", { class: "muted" }, named("reservation", booking.status));
  return h("span", {}, interval(booking.from, booking.until), " ", status);
}

/** @param {any} entry */
function historyLine(entry) {
  return h("span", {}, h("time", { class: "muted", datetime: entry.at }, dayTime(entry.at)), " ", named("told", entry.text));
}
