/* Small improvements on pages that work without them. Every listener is delegated, so swapped-in parts need nothing. */
(() => {
  "use strict";
  const root = document.documentElement;
  const TOAST_MS = { plain: 6000, undo: 15000 };

  // ---- Theme ----------------------------------------------------------------------------------
  const markTheme = () => {
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === root.dataset.theme));
    }
  };
  const chooseTheme = (name) => {
    if (root.dataset.wish) root.dataset.wish = name;
    try {
      if (name === "system") localStorage.removeItem("theme");
      else localStorage.setItem("theme", name);
    } catch { /* a browser that keeps nothing still shows the page */ }
    document.dispatchEvent(new CustomEvent("theme:chosen"));
    markTheme();
  };

  // ---- Toasts ---------------------------------------------------------------------------------
  const watchToasts = () => {
    for (const toast of document.querySelectorAll("[data-toast='plain'], [data-toast='undo']")) {
      const lasts = TOAST_MS[toast.dataset.toast];
      const leave = () => {
        if (toast.matches(":hover, :focus-within")) setTimeout(leave, TOAST_MS.plain); // it stays while somebody is at it
        else toast.remove();
      };
      toast.dataset.toast = "watched";
      setTimeout(leave, lasts);
    }
  };
  const say = (text) => {
    const toast = document.createElement("p");
    toast.className = "toast-line toast-info";
    toast.dataset.toast = "plain";
    toast.textContent = text;
    document.getElementById("toasts").append(toast);
    watchToasts();
  };

  // ---- Copy -----------------------------------------------------------------------------------
  const copy = async (button) => {
    const text = button.dataset.copy ?? button.previousElementSibling.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      say("The browser does not allow copying here. Select the text and copy it by hand.");
      return;
    }
    button.textContent = "Copied";
    button.classList.add("done");
    setTimeout(() => { button.textContent = "Copy"; button.classList.remove("done"); }, 1600);
  };

  // ---- Dialogs, where the browser does not open them by itself -------------------------------
  const invokers = "commandForElement" in HTMLButtonElement.prototype;
  const command = (button) => {
    const dialog = document.getElementById(button.getAttribute("commandfor"));
    if (button.getAttribute("command") === "show-modal") dialog.showModal();
    else dialog.close();
  };

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const theme = at("[data-theme-choice]");
    if (theme) chooseTheme(theme.dataset.themeChoice);
    const copied = at("[data-copy], [data-copy-from]");
    if (copied) copy(copied);
    const dismissed = at("[data-dismiss]");
    if (dismissed) dismissed.closest("[data-toast]").remove();
    const button = at("button[commandfor]");
    if (button && !invokers) command(button);
    if (event.target.matches("dialog.dialog")) event.target.close();
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      const menu = document.querySelector("details[data-menu][open]");
      if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
      else if (typing) event.target.blur();
    } else if (root.dataset.shortcuts === "on" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const field = [...document.querySelectorAll("[data-focus-key]")].find((one) => one.dataset.focusKey === event.key);
      if (field) { event.preventDefault(); field.focus(); field.select(); }
    }
  });

  // ---- Problems and live jobs -----------------------------------------------------------------
  const showProblem = () => {
    const place = document.getElementById("problem");
    if (place.childElementCount) { place.focus({ preventScroll: true }); place.scrollIntoView({ block: "center" }); }
  };
  document.addEventListener("htmx:after:swap", (event) => {
    const target = event.detail?.ctx?.target ?? event.target;
    if (target?.id === "problem") showProblem();
    watchToasts();
  });
  document.addEventListener("end", (event) => {
    const box = event.target.closest?.("[data-then]");
    if (!box) return;
    if (box.dataset.then) location.assign(box.dataset.then);
    else location.reload();
  }, true);

  document.addEventListener("problem:shown", showProblem);

  // ---- Addresses that clients of MLflow print: its own pages, named behind the `#` -------------------
  const PLACES = [
    [/^#\/experiments\/\d+\/runs\/([\w-]+)/, "/runs/"],
    [/^#\/experiments\/\d+\/models\/(m-\w+)/, "/logged-models/"],
    [/^#\/experiments\/\d+\/traces\?.*selectedEvaluationId=([\w-]+)/, "/traces/"],
    [/^#\/experiments\/(\d+(?:\/traces)?)/, "/experiments/"],
    [/^#\/models\/([^/?#]+(?:\/versions\/\d+)?)/, "/models/"],
    [/^#\/prompts\/([^/?#]+)/, "/prompts/"],
  ];
  const goWherePrinted = () => {
    const [pattern, place] = PLACES.find(([each]) => each.test(location.hash)) ?? [];
    if (pattern) location.replace(place + pattern.exec(location.hash)[1]);
  };

  // ---- Start ----------------------------------------------------------------------------------
  goWherePrinted();
  markTheme();
  watchToasts();
})();
