// Before the first paint: the chosen look and language. A classic script, so that nothing flashes.
(() => {
  const root = document.documentElement;
  const theme = localStorage.getItem("baybroker.theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  const chosen = localStorage.getItem("baybroker.language");
  root.lang = chosen || (navigator.language.toLowerCase().startsWith("ko") ? "ko" : "en");
})();
