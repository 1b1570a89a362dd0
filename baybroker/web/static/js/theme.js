/** Light or dark: as the system has it until the person chooses. */

const system = matchMedia("(prefers-color-scheme: dark)");

/** @returns {"light"|"dark"} */
export function theme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return system.matches ? "dark" : "light";
}

export function switchTheme() {
  const next = theme() === "dark" ? "light" : "dark";
  localStorage.setItem("baybroker.theme", next);
  document.documentElement.dataset.theme = next;
  window.dispatchEvent(new Event("themechange"));
}

/** @param {() => void} listener */
export function onTheme(listener) {
  window.addEventListener("themechange", listener);
  system.addEventListener("change", listener);
}
