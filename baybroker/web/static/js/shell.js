/** What every page has: the head with its links and switches, the clock, the health strip, and messages. */

import { get, post } from "./api.js";
import { byId, h } from "./dom.js";
import { fullTime, percent, useTimeZone } from "./format.js";
import { language, named, switchLanguage, t, translatePage } from "./i18n.js";
import { publicSession, sessionOf, signOut } from "./session.js";
import { follow } from "./stream.js";
import { onTheme, switchTheme, theme } from "./theme.js";

const PAGES = { "/": "nav.map", "/drive": "nav.drive", "/home": "nav.home", "/ops": "nav.ops" };
const SPEEDS = [1, 10, 60, 300, 600];
const HEALTH_MS = 5_000;
const LAG_MS_GOOD = 2_000;
const UNKNOWN_GOOD = 0.1;

/** @typedef {import("./session.js").Role} Role */

/**
 * Build the page's frame and open the session; `role` where the page is for one.
 * @param {Role|null} role
 */
export async function openPage(role) {
  document.title = `${t(byId("title").dataset.t)} · baybroker`;
  translatePage();
  head();
  try {
    const session = role ? await sessionOf(role) : await publicSession();
    const scenario = await get("/scenario");
    useTimeZone(scenario.time_zone);
    const name = session.subject ?? "";
    if (session.demo) byId("demo-note").append(h("strong", {}, t("demo.is")), " ", t(`demo.${role ?? "public"}`, { name }));
    else if (name) signedIn(name);
    const clock = new CityClock(scenario, session.demo ? session.tokens?.operator : undefined);
    return { session, scenario, clock };
  } catch (error) {
    say(t("page.no_server", { why: /** @type {Error} */ (error).message }), "trouble");
    throw error;
  }
}

function head() {
  const here = location.pathname;
  byId("nav").append(
    ...Object.entries(PAGES).map(([href, key]) => h("a", { href, "aria-current": href === here ? "page" : null }, t(key))),
  );
  const look = h("button", { type: "button", class: "quiet", onclick: switchTheme });
  const relabel = () => {
    look.textContent = t(theme() === "dark" ? "look.light" : "look.dark");
  };
  relabel();
  onTheme(relabel);
  const other = language() === "ko" ? "en" : "ko";
  const tongue = h("button", { type: "button", class: "quiet", lang: other, onclick: switchLanguage }, t("language.other"));
  byId("switches").append(tongue, look);
}

/** @param {string} subject */
function signedIn(subject) {
  const out = () => {
    signOut();
    location.reload();
  };
  byId("switches").append(h("button", { type: "button", class: "quiet", onclick: out }, t("sign_in.out", { name: subject })));
}

/** Tell the person what happened, aloud for screen readers. @param {string} text @param {"good"|"trouble"} [kind] */
export function say(text, kind = "good") {
  const note = h("p", { class: `toast ${kind}` }, text);
  byId("messages").replaceChildren(note);
}

/**
 * Run what a button asks for; what goes wrong is told, and the button waits meanwhile.
 * @param {HTMLButtonElement|HTMLInputElement|null} button
 * @param {() => Promise<any>} work
 */
export async function attempt(button, work) {
  if (button) button.disabled = true;
  try {
    return await work();
  } catch (error) {
    const { message, reason } = /** @type {import("./api.js").ApiError} */ (error);
    say(reason ? t("page.refused", { why: named("reason", reason) }) : message, "trouble");
    return null;
  } finally {
    if (button) button.disabled = false;
  }
}

/** The city's time: the wall clock's, or a simulated one that is interpolated between its ticks. */
export class CityClock {
  /** @param {any} scenario @param {string|undefined} token an operator's, where the time may be steered */
  constructor(scenario, token) {
    this.token = token;
    this.seed = scenario.seed;
    this.offset_ms = Date.parse(scenario.now) - Date.now();
    this.clock = scenario.clock;
    this.heard = performance.now();
    this.face = h("time", { class: "clock-face" });
    if (this.clock) this.build();
    else byId("clock").replaceChildren(this.face);
    setInterval(() => this.tell(), 250);
    this.tell();
  }

  /** Epoch ms in the city. */
  now() {
    if (!this.clock) return Date.now() + this.offset_ms;
    const since_ms = this.clock.paused ? 0 : Math.min(performance.now() - this.heard, 5_000) * this.clock.speed;
    return Date.parse(this.clock.sim_time) + since_ms;
  }

  /** @param {{sim_time: string, speed: number, paused: boolean}} clock */
  hear(clock) {
    const known = this.clock;
    this.clock = { ...known, ...clock };
    this.heard = performance.now();
    if (!known) this.build();
    else this.tellSpeed();
  }

  build() {
    const options = SPEEDS.map((speed) => h("option", { value: speed }, `× ${speed}`));
    const choose = () => this.steer({ speed: Number(this.speed?.value) });
    const press = () => this.steer({ paused: !this.clock.paused });
    const speed = h("select", { "aria-label": t("clock.speed"), onchange: choose }, ...options);
    this.speed = /** @type {HTMLSelectElement} */ (speed);
    this.pause = h("button", { type: "button", class: "quiet", onclick: press });
    const seed = this.seed !== null && this.seed !== undefined && h("span", { class: "muted" }, t("clock.seed", { n: this.seed }));
    const steering = this.token ? [this.pause, this.speed] : [h("span", { class: "muted", id: "clock-speed" })];
    byId("clock").replaceChildren(h("span", { class: "muted" }, t("clock.simulated")), this.face, ...steering, seed || "");
    this.tellSpeed();
  }

  tellSpeed() {
    const { speed, paused } = this.clock;
    if (this.pause) this.pause.textContent = t(paused ? "clock.resume" : "clock.pause");
    if (this.speed && ![...this.speed.options].some((option) => Number(option.value) === speed)) {
      this.speed.append(h("option", { value: speed }, speed ? `× ${speed}` : t("clock.full_speed")));
    }
    if (this.speed && document.activeElement !== this.speed) this.speed.value = String(speed);
    const told = document.getElementById("clock-speed");
    if (told) told.textContent = paused ? t("clock.paused") : `× ${speed}`;
  }

  /** @param {{speed?: number, paused?: boolean}} wish */
  async steer(wish) {
    await attempt(null, () => post("/scenario/clock", wish, { Authorization: `Bearer ${this.token}` }));
  }

  tell() {
    const now_ms = this.now();
    this.face.setAttribute("datetime", new Date(now_ms).toISOString());
    this.face.textContent = fullTime(now_ms);
  }
}

/** The health strip: refreshed every few seconds, and told by the stream whether it is alive. */
export class Health {
  constructor() {
    this.stream = "";
    this.health = null;
    setInterval(() => this.refresh(), HEALTH_MS);
  }

  async refresh() {
    if (document.hidden) return;
    const scenario = await get("/scenario").catch(() => null);
    this.health = scenario?.health ?? null;
    this.tell();
  }

  /** @param {string} state */
  hear(state) {
    this.stream = state;
    this.tell();
  }

  tell() {
    const health = this.health;
    const items = [["health.stream", t(`health.${this.stream || "retrying"}`), this.stream === "live"]];
    if (health) {
      items.push(
        ["health.broker", t(health.broker ? "health.up" : "health.down"), health.broker],
        ["health.allocator", t(health.allocator_online ? "health.up" : "health.down"), health.allocator_online],
        ["health.lag", `${health.lag_ms} ms`, health.lag_ms < LAG_MS_GOOD],
        ["health.unknown", percent(health.unknown_share), health.unknown_share < UNKNOWN_GOOD],
        ["health.dropped", String(health.dropped), !health.dropped],
      );
    }
    byId("health").replaceChildren(
      ...items.map(([key, value, good]) => {
        const name = h("span", { class: "muted" }, t(String(key)));
        return h("span", { class: good ? "health good" : "health trouble" }, name, " ", h("b", {}, String(value)));
      }),
    );
  }
}

/**
 * Follow the live stream with the page's clock and health strip.
 * @param {CityClock} clock
 * @param {Record<string, (data: any) => void>} on
 */
export function live(clock, on) {
  const health = new Health();
  health.refresh();
  return follow("/api/v1/stream", {
    on: { clock: (data) => clock.hear(data), ...on },
    state: (state) => health.hear(state),
  });
}
