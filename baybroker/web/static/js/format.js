/** Times in the city's zone, won, metres and directions, as the chosen language writes them. */

import { language, t } from "./i18n.js";

let zone = "Asia/Seoul";

/** @param {string} time_zone an IANA name, from the scenario */
export function useTimeZone(time_zone) {
  zone = time_zone;
}

/** @param {Intl.DateTimeFormatOptions} options */
function formatter(options) {
  return new Intl.DateTimeFormat(language() === "ko" ? "ko-KR" : "en-GB", { timeZone: zone, hourCycle: "h23", ...options });
}

/** @param {string|number|null|undefined} at RFC 3339 or epoch ms */
export function clockTime(at) {
  return at === null || at === undefined ? "" : formatter({ hour: "2-digit", minute: "2-digit" }).format(new Date(at));
}

/** @param {string|number|null|undefined} at */
export function dayTime(at) {
  if (at === null || at === undefined) return "";
  return formatter({ weekday: "short", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).format(
    new Date(at),
  );
}

/** @param {number} at_ms */
export function fullTime(at_ms) {
  const options = /** @type {const} */ ({ weekday: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return formatter({ ...options, month: "short", day: "numeric" }).format(new Date(at_ms));
}

/** `[from, until)` on one day, or over several. @param {string} from @param {string} until */
export function interval(from, until) {
  const sameDay = localDay(from) === localDay(until);
  return `${dayTime(from)} – ${sameDay ? clockTime(until) : dayTime(until)}`;
}

/** `2026-03-02` in the city. @param {string|number} at */
export function localDay(at) {
  return localParts(at).slice(0, 10);
}

/** `2026-03-02T09:00` in the city, as an input of type datetime-local wants it. @param {string|number} at */
export function localParts(at) {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  }); // prettier-ignore
  return format.format(new Date(at)).replace(" ", "T");
}

/** The instant at which the city's clocks show `local` (`2026-03-02T09:00`). @param {string} local */
export function instantOf(local) {
  const wanted = Date.parse(`${local}Z`);
  let at = wanted;
  for (let round = 0; round < 2; round += 1) at += wanted - Date.parse(`${localParts(at)}Z`);
  return at;
}

/** @param {number|null|undefined} amount */
export function won(amount) {
  return amount === null || amount === undefined ? "" : `₩${amount.toLocaleString("en-US")}`;
}

/** @param {number} minutes */
export function duration(minutes) {
  const hours = Math.floor(minutes / 60);
  const rest = Math.round(minutes % 60);
  if (!hours) return t("time.min", { n: rest });
  return rest ? t("time.hmin", { h: hours, n: rest }) : t("time.h", { h: hours });
}

/** @param {number} millipoints */
export function points(millipoints) {
  return (millipoints / 1000).toFixed(3);
}

/** @param {number} share 0 to 1 */
export function percent(share) {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

const EARTH_M = 6_371_008.8;
const radians = (/** @type {number} */ degrees) => (degrees * Math.PI) / 180;

/**
 * The straight way between two places: metres, and degrees clockwise from north.
 * @param {{lat: number, lon: number}} from
 * @param {{lat: number, lon: number}} to
 */
export function straightWay(from, to) {
  const [lat1, lat2, dLon] = [radians(from.lat), radians(to.lat), radians(to.lon - from.lon)];
  const half = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin(dLon / 2) ** 2;
  const y = Math.sin(dLon) * Math.cos(lat2);
  const x = Math.cos(lat1) * Math.sin(lat2) - Math.sin(lat1) * Math.cos(lat2) * Math.cos(dLon);
  return {
    walk_m: Math.round(2 * EARTH_M * Math.asin(Math.sqrt(half))),
    bearing_deg: (Math.round((Math.atan2(y, x) * 180) / Math.PI) + 360) % 360,
  };
}

/** North, north-east ... in words. @param {number} bearing_deg */
export function compass(bearing_deg) {
  return t(`compass.${Math.round(bearing_deg / 45) % 8}`);
}
