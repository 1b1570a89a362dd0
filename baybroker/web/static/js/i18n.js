/** Korean and English: `early.js` has chosen, this looks the words up. */

import { TEXTS } from "./dictionary.js";

const LANGUAGES = /** @type {const} */ (["en", "ko"]);

/** @returns {"en"|"ko"} */
export function language() {
  return document.documentElement.lang === "ko" ? "ko" : "en";
}

/**
 * The text of `key` in the chosen language, with `{name}` filled in.
 * @param {string} key
 * @param {Record<string, string|number>} [values]
 */
export function t(key, values = {}) {
  const text = TEXTS[key]?.[LANGUAGES.indexOf(language())];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * The text of `prefix.word` where the dictionary has it, else the word itself: for reasons and statuses of the wire.
 * @param {string} prefix
 * @param {string} word
 */
export function named(prefix, word) {
  const key = `${prefix}.${word}`;
  return key in TEXTS ? t(key) : word.replaceAll("_", " ");
}

/** Remember the other language and show the page in it. */
export function switchLanguage() {
  localStorage.setItem("baybroker.language", language() === "ko" ? "en" : "ko");
  location.reload();
}

/** Fill every element that names its text with `data-t` (and its label with `data-t-label`). */
export function translatePage() {
  for (const element of document.querySelectorAll("[data-t]")) {
    element.textContent = t(/** @type {HTMLElement} */ (element).dataset.t ?? "");
  }
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(/** @type {HTMLElement} */ (element).dataset.tLabel ?? ""));
  }
}
