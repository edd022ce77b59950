/* Set the theme before the first paint. Loaded as a blocking script; app.js changes it later. */
(() => {
  "use strict";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    if (root.dataset.wish) return root.dataset.wish; // whoever is signed in has chosen on the server
    try { return localStorage.getItem("theme") || "system"; } catch { return "system"; }
  };
  const apply = () => {
    const wish = stored();
    const shown = wish === "system" ? (dark.matches ? "dark" : "light") : wish;
    root.dataset.theme = wish;
    if (root.dataset.bsTheme === shown) return;
    root.dataset.bsTheme = shown;
    document.dispatchEvent(new CustomEvent("theme:changed"));
  };
  root.classList.add("js");
  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("theme:chosen", apply);
})();
