/* Small improvements on pages that work without them. Every listener is delegated, so swapped-in parts need nothing. */
(() => {
  "use strict";
  const root = document.documentElement;
  const TOAST_MS = 6000;

  // ---- Theme ----------------------------------------------------------------------------------
  const markTheme = () => {
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === root.dataset.theme));
    }
  };
  const chooseTheme = (name) => {
    try {
      if (name === "system") localStorage.removeItem("theme");
      else localStorage.setItem("theme", name);
    } catch { /* a browser that keeps nothing still shows the page */ }
    document.dispatchEvent(new CustomEvent("theme:chosen"));
    markTheme();
  };

  // ---- Toasts ---------------------------------------------------------------------------------
  const watchToasts = () => {
    for (const toast of document.querySelectorAll("[data-toast='']")) {
      toast.dataset.toast = "watched";
      setTimeout(() => { if (!toast.matches(":hover, :focus-within")) toast.remove(); }, TOAST_MS);
    }
  };
  const say = (text) => {
    const toast = document.createElement("p");
    toast.className = "toast-line toast-info";
    toast.dataset.toast = "";
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
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
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

  // ---- Uploads --------------------------------------------------------------------------------
  const size = (bytes) => {
    const units = ["B", "KB", "MB", "GB"];
    let unit = 0;
    let value = bytes;
    while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
    return `${value.toFixed(unit && value < 10 ? 1 : 0)} ${units[unit]}`;
  };
  const element = (name, text) => Object.assign(document.createElement(name), text === undefined ? {} : { textContent: text });
  const listFiles = (upload) => {
    const rows = [...upload.querySelector("input[type=file]").files].map((file) => {
      const row = element("li");
      row.append(element("span", file.name), element("span", size(file.size)));
      return row;
    });
    upload.querySelector(".upload-files").replaceChildren(...rows);
    return rows;
  };
  const bar = (row, name) => {
    const progress = Object.assign(element("progress"), { max: 100, value: 0 });
    progress.setAttribute("aria-label", `Sending ${name}`);
    row.append(progress);
    return (event) => {
      if (!event.lengthComputable) return;
      progress.value = (event.loaded / event.total) * 100;
      row.querySelectorAll("span")[1].textContent = `${size(event.loaded)} of ${size(event.total)}`;
    };
  };
  const send = (method, url, body, onProgress, headers) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", onProgress);
    request.addEventListener("load", () => resolve(request));
    request.addEventListener("error", () => reject(new Error("The connection broke off before the file had arrived.")));
    request.send(body);
  });
  const refuse = (request) => {
    const place = document.getElementById("problem");
    if (request.getResponseHeader("content-type")?.startsWith("text/html")) {
      place.replaceChildren(...new DOMParser().parseFromString(request.responseText, "text/html").body.childNodes);
    } else {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* no words from the server */ }
      complain(answer.title ?? `The server answered ${request.status}`, answer.detail);
    }
    showProblem();
  };
  const complain = (title, detail) => {
    const box = Object.assign(element("div"), { className: "problem" });
    const words = element("div");
    words.append(Object.assign(element("p", title), { className: "problem-title" }));
    if (detail) words.append(element("p", detail));
    box.append(words);
    document.getElementById("problem").replaceChildren(box);
    showProblem();
  };
  const putFiles = async (upload, files, rows) => {
    for (const [index, file] of files.entries()) {
      const url = upload.dataset.putUrl.replace("{name}", encodeURIComponent(file.name));
      const answer = await send("PUT", url, file, bar(rows[index], file.name), { "Content-Type": "application/octet-stream" });
      if (answer.status >= 400) { refuse(answer); return false; }
    }
    location.assign(upload.dataset.thenUrl || location.href);
    return true;
  };
  const postForm = async (form, submitter, rows) => {
    const body = new FormData(form, submitter);
    const step = bar(rows.at(-1), "files");
    const answer = await send("POST", form.action, body, step, { "HX-Request": "true", "HX-Target": "div#problem" });
    if (answer.status >= 400) { refuse(answer); return false; }
    location.assign(answer.getResponseHeader("HX-Redirect") || answer.responseURL);
    return true;
  };
  document.addEventListener("submit", async (event) => {
    const upload = event.target.querySelector("[data-upload]");
    const files = upload ? [...upload.querySelector("input[type=file]").files] : [];
    if (!files.length) return;
    event.preventDefault();
    document.getElementById("problem").replaceChildren();
    const buttons = event.target.querySelectorAll("button[type=submit]");
    const rows = listFiles(upload);
    buttons.forEach((button) => { button.disabled = true; });
    let done = false;
    try {
      done = await (upload.dataset.putUrl ? putFiles(upload, files, rows) : postForm(event.target, event.submitter, rows));
    } catch (error) {
      complain("The file was not sent", error.message);
    } finally {
      if (!done) { buttons.forEach((button) => { button.disabled = false; }); listFiles(upload); }
    }
  });
  document.addEventListener("change", (event) => {
    const upload = event.target.closest("[data-upload]");
    if (upload) listFiles(upload);
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      const drop = event.target.closest?.(".upload-drop");
      if (!drop) return;
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind !== "drop") return;
      const input = drop.querySelector("input[type=file]");
      const taken = new DataTransfer();
      for (const file of input.multiple ? event.dataTransfer.files : [...event.dataTransfer.files].slice(0, 1)) taken.items.add(file);
      input.files = taken.files;
      listFiles(drop.closest("[data-upload]"));
    });
  }

  // ---- Start ----------------------------------------------------------------------------------
  markTheme();
  watchToasts();
})();
