/** Server-sent events over fetch: `EventSource` can send neither a token nor a resume id of one's own choosing. */

import { authorization } from "./api.js";

const SILENCE_MS = 40_000;
const BACKOFF_MS = { first: 500, most: 15_000 };

/**
 * @typedef {Object} Listeners
 * @property {Record<string, (data: any) => void>} on by the event's name
 * @property {(state: "live"|"retrying"|"refused") => void} state
 */

/**
 * Cut a text stream into events. Feed it whatever arrives; it keeps the rest.
 * @param {(event: {id: string|null, name: string, data: string}) => void} emit
 */
export function sseParser(emit) {
  let rest = "";
  let fields = { id: /** @type {string|null} */ (null), name: "message", data: /** @type {string[]} */ ([]) };
  const line = (/** @type {string} */ text) => {
    if (text === "") {
      if (fields.data.length) emit({ id: fields.id, name: fields.name, data: fields.data.join("\n") });
      fields = { id: null, name: "message", data: [] };
      return;
    }
    const colon = text.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (name === "id") fields.id = value;
    else if (name === "event") fields.name = value;
    else if (name === "data") fields.data.push(value);
  };
  return (/** @type {string} */ chunk) => {
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    lines.forEach(line);
  };
}

/**
 * Follow the stream until `close()`: resumes after the last event seen, waits longer after each failure.
 * @param {string} url
 * @param {Listeners} listeners
 */
export function follow(url, listeners) {
  let lastId = "";
  let failures = 0;
  let closed = false;
  let abort = new AbortController();

  const parser = () =>
    sseParser(({ id, name, data }) => {
      if (id !== null) lastId = id;
      failures = 0;
      listeners.on[name]?.(JSON.parse(data));
    });

  const once = async () => {
    abort = new AbortController();
    let watchdog = 0;
    const heard = () => {
      clearTimeout(watchdog);
      watchdog = window.setTimeout(() => abort.abort(), SILENCE_MS);
    };
    try {
      heard();
      /** @type {Record<string, string>} */
      const resume = lastId ? { "Last-Event-ID": lastId } : {};
      const headers = { Accept: "text/event-stream", ...authorization(), ...resume };
      const response = await fetch(url, { headers, signal: abort.signal, cache: "no-store" });
      if (response.status === 401 || response.status === 403) return "refused";
      if (!response.ok || !response.body) return "retrying";
      listeners.state("live");
      const feed = parser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return "retrying";
        heard();
        feed(value);
      }
    } catch {
      return "retrying";
    } finally {
      clearTimeout(watchdog);
    }
  };

  const run = async () => {
    while (!closed) {
      const state = await once();
      if (closed) return;
      listeners.state(/** @type {"retrying"|"refused"} */ (state));
      if (state === "refused") return;
      const wait_ms = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** failures) * (0.5 + Math.random() / 2);
      failures += 1;
      await new Promise((resolve) => setTimeout(resolve, wait_ms));
    }
  };
  run();
  return {
    close() {
      closed = true;
      abort.abort();
    },
  };
}
