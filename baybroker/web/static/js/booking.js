/** One reservation as its driver sees it: the promise, the bay with the way to it, and what may be done next. */

import { newRequestId, post } from "./api.js";
import { h } from "./dom.js";
import { clockTime, compass, interval, straightWay, won } from "./format.js";
import { named, t } from "./i18n.js";

const STEPS = ["accepted", "bound", "active", "completed"];
const EXTEND_MIN = [10, 30, 60];
const ENDED = new Set(["completed", "cancelled", "expired", "failed", "rejected"]);
const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Object} Reservation
 * @property {string} reservation_id
 * @property {string} status
 * @property {string} from
 * @property {string} until
 * @property {string} [bay]
 * @property {{lat: number, lon: number}} [place]
 * @property {number} [walk_m]
 * @property {number} max_walk_m
 * @property {number} [quote_won]
 * @property {number} [price_won]
 * @property {{lat: number, lon: number}} [destination]
 */

/** @param {Reservation} held */
export function isLive(held) {
  return !ENDED.has(held.status);
}

/**
 * @param {Reservation} held
 * @param {(verb: string, body: object, button: HTMLButtonElement) => void} act
 * @param {string[]} explanation
 */
export function bookingCard(held, act, explanation) {
  const bad = held.status === "failed" || held.status === "expired";
  const kind = bad ? "bad" : held.status === "waiting" ? "waiting" : isLive(held) ? "" : "ended";
  return h(
    "section",
    { class: `card answer ${kind}`, id: "booking", "data-status": held.status },
    h("h2", { tabindex: -1 }, t(`drive.head.${held.status}`)),
    steps(held.status),
    h("p", { class: "promise" }, promise(held)),
    held.bay && isLive(held) ? wayTo(held) : false,
    h("div", { class: "actions" }, ...actions(held, act)),
    explanation.length > 0 && why(explanation),
  );
}

/** @param {string[]} explanation */
function why(explanation) {
  const lines = explanation.map((line) => h("li", {}, line));
  return h("details", {}, h("summary", {}, t("drive.why")), h("ul", { class: "small" }, ...lines));
}

/** @param {Reservation} held */
function promise(held) {
  const price = held.price_won ?? held.quote_won;
  const values = { when: interval(held.from, held.until), walk: held.max_walk_m, price: won(price) };
  return t(held.status === "waiting" ? "drive.wished" : "drive.promise", values);
}

/** @param {string} status */
function steps(status) {
  const at = STEPS.indexOf(status);
  if (at < 0) return false;
  return h(
    "ol",
    { class: "steps", "aria-label": t("drive.steps") },
    ...STEPS.map((step, index) =>
      h("li", { class: index <= at ? "done" : "", "aria-current": index === at ? "step" : null }, t(`drive.step.${step}`)),
    ),
  );
}

/** @param {Reservation} held */
function wayTo(held) {
  const way = held.destination && held.place ? straightWay(held.destination, held.place) : null;
  const told = way && { walk: held.walk_m ?? way.walk_m, compass: compass(way.bearing_deg), deg: way.bearing_deg };
  const text = told && t("drive.way", told);
  const place = held.place ? `${held.place.lat.toFixed(5)}, ${held.place.lon.toFixed(5)}` : "";
  return h(
    "div",
    { class: "way" },
    arrow(way?.bearing_deg ?? 0),
    h("div", {}, h("b", { id: "booked-bay" }, held.bay), text || "", h("div", { class: "muted small" }, place)),
  );
}

/** @param {number} bearing_deg */
function arrow(bearing_deg) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "arrow");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M12 2l7 19-7-4.5L5 21Z");
  path.setAttribute("fill", "currentColor");
  path.setAttribute("transform", `rotate(${bearing_deg} 12 12)`);
  svg.append(path);
  return svg;
}

/** @param {Reservation} held @param {(verb: string, body: object, button: HTMLButtonElement) => void} act */
function actions(held, act) {
  const button = (/** @type {string} */ label, /** @type {string} */ verb, /** @type {object} */ body, kind = "") => {
    const press = () => act(verb, body, /** @type {HTMLButtonElement} */ (made));
    const made = h("button", { type: "button", class: kind, "data-verb": verb, onclick: press }, label);
    return made;
  };
  const cancel = button(t("drive.cancel"), "cancel", {}, "danger");
  switch (held.status) {
    case "bound":
      return [
        button(t("drive.arrive"), "arrive", {}, "primary"),
        button(t("drive.blocked"), "arrive", { blocked: true }),
        cancel,
      ];
    case "active":
      return [
        button(t("drive.leave"), "leave", {}, "primary"),
        ...EXTEND_MIN.map((extend_min) => button(t("drive.extend", { n: extend_min }), "extend", { extend_min })),
      ];
    case "waiting":
    case "accepted":
      return [cancel];
    default:
      return [];
  }
}

/** What a reply means, in a sentence. @param {any} reply */
export function replyText(reply) {
  const why = reply.reason ? named("reason", reply.reason) : "";
  const values = { bay: reply.bay ?? "", at: clockTime(reply.until), price: won(reply.price_won), why };
  return t(`reply.${reply.type}${why ? ".why" : ""}`, values);
}

/**
 * Say something about a reservation and get its answer.
 * @param {string} id @param {string} verb @param {object} body
 */
export function tell(id, verb, body) {
  return post(`/reservations/${encodeURIComponent(id)}/${verb}`, body, { "Idempotency-Key": newRequestId() });
}
