/* For whoever is signed in: the palette, the help drawer, keys that go places, preferences. All of it has a page too. */
(() => {
  "use strict";
  const root = document.documentElement;
  const DEBOUNCE_MS = 90;
  const SECOND_KEY_MS = 1500;
  const dialog = document.getElementById("palette-dialog");
  const input = document.getElementById("palette-input");
  const list = document.getElementById("palette-list");
  const said = document.getElementById("palette-said");
  const drawer = document.getElementById("help-drawer");
  const typesIn = (element) => element.closest("input, textarea, select, [contenteditable]");

  /* Fetch one block of a page, as htmx does. */
  const fetchBlock = async (url, block, signal) => {
    const answer = await fetch(url, { signal, headers: { "HX-Request": "true", "HX-Target": `div#${block}` } });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    return [...new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes];
  };

  // ---- Palette --------------------------------------------------------------------------------
  let asked = null;
  let waiting = 0;
  const options = () => [...list.querySelectorAll("[role=option]:not([aria-disabled])")];
  const chosen = () => list.querySelector("[aria-selected=true]");
  const choose = (option) => {
    chosen()?.setAttribute("aria-selected", "false");
    if (option) {
      option.setAttribute("aria-selected", "true");
      option.scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", option.id);
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  };
  const move = (step) => {
    const all = options();
    if (all.length) choose(all[(all.indexOf(chosen()) + step + all.length) % all.length]);
  };
  const look = async () => {
    asked?.abort();
    const mine = asked = new AbortController();
    try {
      const found = await fetchBlock(`${dialog.dataset.palette}?q=${encodeURIComponent(input.value.trim())}`, "palette_list", mine.signal);
      if (mine !== asked) return;
      list.replaceChildren(...found);
      choose(options()[0]);
      said.textContent = `${options().length} results`;
    } catch (error) {
      if (error.name === "AbortError") return;
      list.replaceChildren();
      choose(null);
      said.textContent = "The search cannot be reached.";
    }
  };
  const openPalette = () => {
    if (dialog.open) { dialog.close(); return; }
    drawer.close();
    input.value = "";
    dialog.showModal();
    input.focus();
    look();
  };
  input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(look, DEBOUNCE_MS); });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); move(step); }
    if (event.key === "Enter") {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) window.open(chosen()?.href ?? location.href, "_blank", "noopener");
      else chosen()?.click();
    }
    if (event.key === "Tab") event.preventDefault(); // the field is the only stop; Esc leaves
  });
  list.addEventListener("mousemove", (event) => {
    const option = event.target.closest("[role=option]:not([aria-disabled])");
    if (option && option !== chosen()) choose(option);
  });
  list.addEventListener("click", (event) => { if (event.target.closest("button")) dialog.close(); });
  for (const one of [dialog, drawer]) one.addEventListener("click", (event) => { if (event.target === one) one.close(); });

  // ---- Help -----------------------------------------------------------------------------------
  const openHelp = async () => {
    if (drawer.open) { drawer.close(); return; }
    try {
      document.getElementById("help_drawer").replaceChildren(...await fetchBlock(drawer.dataset.drawer, "help_panel"));
      drawer.showModal();
    } catch {
      location.assign(drawer.dataset.drawer);
    }
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-help]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.target.closest("details")?.removeAttribute("open");
    openHelp();
  });

  // ---- Keys -----------------------------------------------------------------------------------
  let leader = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    const isFree = root.dataset.shortcuts === "on" && !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat
      && !typesIn(event.target) && !document.querySelector("dialog[open]:not(#help-drawer)");
    if (!isFree || event.isComposing) { leader = 0; return; }
    if (event.key === "?") { event.preventDefault(); openHelp(); return; }
    if (leader && event.timeStamp - leader < SECOND_KEY_MS) {
      leader = 0;
      const there = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
      if (there) { event.preventDefault(); there.click(); }
      return;
    }
    leader = event.key === "g" ? event.timeStamp : 0;
  });

  // ---- Preferences ----------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const theme = event.target.closest("[data-theme-choice]");
    const form = document.querySelector("[data-theme-form]");
    if (!theme || !form) return;
    event.preventDefault(); // shown at once by app.js, kept by the server
    fetch(form.action, { method: "POST", body: new URLSearchParams({ theme: theme.dataset.themeChoice }), redirect: "manual" });
  });
  for (const offer of document.querySelectorAll("[data-zone-offer]")) {
    const field = document.getElementById(offer.dataset.zoneOffer);
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (field.value === here || ![...field.options].some((option) => option.value === here)) continue;
    const button = offer.querySelector("button");
    button.textContent = `Use ${here.replaceAll("_", " ")}, the zone of this browser`;
    offer.hidden = false;
    button.addEventListener("click", () => { field.value = here; offer.hidden = true; field.focus(); });
  }
})();
