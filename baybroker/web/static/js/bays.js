/** Every bay as the server tells of them: read once, then kept true by the stream. */

import { get } from "./api.js";
import { STATUSES } from "./status.js";

const PAGE = 20_000;

/**
 * @typedef {Object} Bay
 * @property {string} bay
 * @property {string} zone
 * @property {number} lat
 * @property {number} lon
 * @property {string[]} needs
 * @property {string} status
 * @property {string|null} until
 */

export class Bays {
  /** @param {Bay[]} items */
  constructor(items) {
    this.items = items;
    this.byName = new Map(items.map((bay) => [bay.bay, bay]));
    this.counts = Object.fromEntries(STATUSES.map((status) => [status, 0]));
    for (const bay of items) this.counts[bay.status] += 1;
  }

  /** @returns {Promise<Bays>} */
  static async read() {
    /** @type {Bay[]} */
    const items = [];
    let after = null;
    do {
      const page = await get("/bays", { limit: PAGE, after });
      items.push(...page.items);
      after = page.next;
    } while (after);
    return new Bays(items);
  }

  /** Take changes over. @param {Array<{bay: string, status: string, until?: string|null}>} changes */
  apply(changes) {
    for (const { bay, status, until } of changes) {
      const known = this.byName.get(bay);
      if (!known) continue;
      this.counts[known.status] -= 1;
      this.counts[status] += 1;
      known.status = status;
      known.until = until ?? null;
    }
  }

  zones() {
    return [...new Set(this.items.map((bay) => bay.zone))].sort();
  }
}

/** A snapshot's `bays` as changes. @param {Record<string, string>} bays */
export function snapshotChanges(bays) {
  return Object.entries(bays).map(([bay, status]) => ({ bay, status }));
}
