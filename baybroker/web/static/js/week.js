/** A week as a grid of half hours: drag over it, or move with the arrows and mark with Space. */

import { h } from "./dom.js";
import { t } from "./i18n.js";

export const DAYS = /** @type {const} */ (["MO", "TU", "WE", "TH", "FR", "SA", "SU"]);
const SLOTS = 48;
/** Days and slots. @type {Record<string, [number, number]>} */
const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/** @param {number} slot */
export function wallTime(slot) {
  return slot === SLOTS ? "24:00" : `${String(Math.floor(slot / 2)).padStart(2, "0")}:${slot % 2 ? "30" : "00"}`;
}

/** @param {string} time outward to a half hour */
function slotOf(time, up = false) {
  const [hours, minutes] = time.split(":").map(Number);
  return hours * 2 + (up ? Math.ceil(minutes / 30) : Math.floor(minutes / 30));
}

/** @typedef {{days: string[], start: string, end: string}} Window */

export class WeekGrid {
  /** @param {HTMLElement} place @param {() => void} changed */
  constructor(place, changed) {
    this.changed = changed;
    this.offered = DAYS.map(() => new Uint8Array(SLOTS));
    this.marked = DAYS.map(() => new Uint8Array(SLOTS));
    /** @type {HTMLElement[][]} */
    this.cells = DAYS.map(() => []);
    /** @type {{day: number, slot: number}|null} */
    this.from = null;
    /** @type {{day: number, slot: number}|null} */
    this.over = null;
    this.at = { day: 0, slot: 18 };
    this.grid = h("div", { class: "week", role: "grid", "aria-label": t("week.title"), "aria-multiselectable": "true" });
    this.build();
    place.replaceChildren(this.grid);
    this.listen();
  }

  build() {
    const headings = [h("span", { class: "hidden" }, t("week.hour")), ...DAYS.map((day) => t(`day.${day}`))];
    const heads = headings.map((text) => h("span", { role: "columnheader", class: "week-head" }, text));
    this.grid.append(h("div", { role: "row", class: "week-row" }, ...heads));
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const row = h("div", { role: "row", class: "week-row" });
      const time = slot % 4 || !slot ? h("span", { class: "hidden" }, wallTime(slot)) : wallTime(slot);
      row.append(h("span", { role: "rowheader", class: "week-hour" }, time));
      DAYS.forEach((day, at) => {
        const cell = h("button", {
          type: "button",
          role: "gridcell",
          class: slot % 2 ? "week-cell" : "week-cell hour",
          "aria-label": `${t(`day.${day}`)} ${wallTime(slot)}`,
          "aria-selected": "false",
          tabindex: at === this.at.day && slot === this.at.slot ? 0 : -1,
          "data-day": at,
          "data-slot": slot,
        });
        this.cells[at].push(cell);
        row.append(cell);
      });
      this.grid.append(row);
    }
  }

  listen() {
    const spot = (/** @type {EventTarget|null} */ target) => {
      const cell = /** @type {HTMLElement|null} */ (/** @type {Element|null} */ (target)?.closest?.(".week-cell") ?? null);
      return cell && { day: Number(cell.dataset.day), slot: Number(cell.dataset.slot) };
    };
    this.grid.addEventListener("pointerdown", (event) => {
      this.from = spot(event.target);
      if (this.from) this.draft(this.from);
    });
    this.grid.addEventListener("pointermove", (event) => {
      const over = this.from && spot(document.elementFromPoint(event.clientX, event.clientY));
      if (over) this.draft(over);
    });
    window.addEventListener("pointercancel", () => this.drop());
    window.addEventListener("pointerup", (event) => {
      const over = this.from && spot(document.elementFromPoint(event.clientX, event.clientY));
      if (over) this.mark(over);
      else if (this.from) this.drop();
    });
    this.grid.addEventListener("keydown", (event) => this.key(event));
  }

  drop() {
    this.from = null;
    this.paint();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      this.from ??= this.at;
      this.mark(this.at);
    } else if (event.key in MOVES) {
      event.preventDefault();
      const [days, slots] = MOVES[event.key];
      if (event.shiftKey) this.from ??= { ...this.at };
      else this.from = null;
      const day = Math.min(DAYS.length - 1, Math.max(0, this.at.day + days));
      const slot = Math.min(SLOTS - 1, Math.max(0, this.at.slot + slots));
      this.cells[this.at.day][this.at.slot].tabIndex = -1;
      this.at = { day, slot };
      this.cells[day][slot].tabIndex = 0;
      this.cells[day][slot].focus();
      if (this.from) this.draft(this.at);
    }
  }

  /** @param {{day: number, slot: number}} to */
  *between(to) {
    const from = this.from ?? to;
    for (let day = Math.min(from.day, to.day); day <= Math.max(from.day, to.day); day += 1) {
      for (let slot = Math.min(from.slot, to.slot); slot <= Math.max(from.slot, to.slot); slot += 1) yield { day, slot };
    }
  }

  /** @param {{day: number, slot: number}} to */
  draft(to) {
    this.over = to;
    this.paint();
  }

  /** Mark the dragged part; where its first cell was marked, unmark it. @param {{day: number, slot: number}} to */
  mark(to) {
    const first = this.from ?? to;
    const value = this.marked[first.day][first.slot] ? 0 : 1;
    for (const { day, slot } of this.between(to)) this.marked[day][slot] = value;
    this.from = null;
    this.paint();
    this.changed();
  }

  /** Show what is on offer already. @param {Window[]} windows */
  show(windows) {
    this.offered.forEach((day) => day.fill(0));
    for (const { days, start, end } of windows) {
      const [from, until] = [slotOf(start), slotOf(end, true)];
      for (const day of days.map((name) => DAYS.indexOf(/** @type {any} */ (name)))) {
        if (until > from) this.offered[day].fill(1, from, until);
        else {
          this.offered[day].fill(1, from);
          this.offered[(day + 1) % DAYS.length].fill(1, 0, until);
        }
      }
    }
    this.paint();
  }

  clear() {
    this.marked.forEach((day) => day.fill(0));
    this.paint();
    this.changed();
  }

  paint() {
    this.cells.forEach((column, day) =>
      column.forEach((cell, slot) => {
        const [offered, marked] = [this.offered[day][slot] === 1, this.marked[day][slot] === 1];
        cell.classList.toggle("draft", marked);
        cell.classList.toggle("offered", offered);
        cell.setAttribute("aria-selected", String(offered || marked));
      }),
    );
    if (!this.from || !this.over) return;
    for (const { day, slot } of this.between(this.over)) this.cells[day][slot].classList.add("draft");
  }

  /** What is marked, as windows: days with the same hours share one. @returns {Window[]} */
  windows() {
    /** @type {Map<string, Window>} */
    const found = new Map();
    this.marked.forEach((slots, day) => {
      for (let slot = 0; slot < SLOTS; slot += 1) {
        if (!slots[slot] || slots[slot - 1]) continue;
        let end = slot;
        while (end < SLOTS && slots[end]) end += 1;
        const key = `${slot}-${end}`;
        const window = found.get(key) ?? { days: [], start: wallTime(slot), end: wallTime(end) };
        window.days.push(DAYS[day]);
        found.set(key, window);
      }
    });
    return [...found.values()];
  }
}
