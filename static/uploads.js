/* Files and folders that are sent in the background of a form: progress, pause, and going on after a reload.
   Loaded by the upload component; without it the field is a plain file field that the form sends. */
(() => {
  "use strict";
  const PART_BYTES = 16 * 1024 ** 2;
  const LARGE_BYTES = 8 * 1024 ** 2; // from here on a file is sent in parts
  const MOST_FILES = 10_000;
  const MOST_ROWS = 200;
  const WAITS_MS = [1_000, 2_000, 5_000, 10_000, 30_000];
  const chosen = new WeakMap(); // upload field -> Map of path -> file
  let running = null;

  // ---- Words and small parts ------------------------------------------------------------------
  const size = (bytes) => {
    const units = ["B", "KB", "MB", "GB"];
    let unit = 0;
    let value = bytes;
    while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
    return `${value.toFixed(unit && value < 10 ? 1 : 0)} ${units[unit]}`;
  };
  const element = (name, text) => Object.assign(document.createElement(name), text === undefined ? {} : { textContent: text });
  const showProblem = () => document.dispatchEvent(new CustomEvent("problem:shown"));
  const complain = (title, detail) => {
    const box = Object.assign(element("div"), { className: "problem" });
    const words = element("div");
    words.append(Object.assign(element("p", title), { className: "problem-title" }));
    if (detail) words.append(element("p", detail));
    box.append(words);
    document.getElementById("problem").replaceChildren(box);
    showProblem();
  };
  const told = (request) => {
    try { return JSON.parse(request.responseText); } catch { return {}; }
  };
  const refuse = (request) => {
    if (request.getResponseHeader("content-type")?.startsWith("text/html")) {
      const found = new DOMParser().parseFromString(request.responseText, "text/html");
      document.getElementById("problem").replaceChildren(...found.body.childNodes);
      showProblem();
      return;
    }
    const answer = told(request);
    complain(answer.title ?? `The server answered ${request.status}`, [answer.detail, answer.remedy].filter(Boolean).join(" "));
  };

  // ---- What was chosen ------------------------------------------------------------------------
  const filesOf = (upload) => chosen.get(upload) ?? new Map();
  const keep = (upload, entries, { replace }) => {
    if (running) return;
    const files = replace ? new Map() : filesOf(upload);
    const isMany = upload.querySelector("input[type=file]").multiple;
    for (const [path, file] of isMany ? entries : entries.slice(0, 1)) files.set(path, file);
    if (files.size > MOST_FILES) {
      complain("Too many files", `You chose ${files.size.toLocaleString()} files; ${MOST_FILES.toLocaleString()} are taken at a time. Pack them into a zip, or send them in portions.`);
      return;
    }
    chosen.set(upload, files);
    list(upload);
  };
  const list = (upload) => {
    const files = [...filesOf(upload)];
    const rows = files.slice(0, MOST_ROWS).map(([path, file]) => {
      const row = element("li");
      row.append(element("span", path), element("span", size(file.size)));
      const before = unfinished(path, file);
      if (before) row.append(Object.assign(element("small", `${size(before.offset)} of it have arrived; sending goes on from there.`), { className: "upload-note" }));
      return row;
    });
    if (files.length > MOST_ROWS) rows.push(element("li", `and ${(files.length - MOST_ROWS).toLocaleString()} more`));
    upload.querySelector(".upload-files").replaceChildren(...rows);
    return rows;
  };

  /** The files below what was dropped, folders included, each with its path. */
  const below = async (entry, path) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
      return [[path + entry.name, file]];
    }
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
      if (!some.length) return found;
      for (const one of some) found.push(...await below(one, `${path}${entry.name}/`));
      if (found.length > MOST_FILES) return found;
    }
  };
  const dropped = async (transfer) => {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
    if (!entries.some((entry) => entry)) return [...transfer.files].map((file) => [file.name, file]);
    const found = [];
    for (const entry of entries) if (entry) found.push(...await below(entry, ""));
    return found;
  };

  // ---- What the browser remembers of an upload, beside what the server knows ---------------------
  const mark = (path, file) => `upload ${path} ${file.size} ${file.lastModified}`;
  const remember = (path, file, url) => {
    try { localStorage.setItem(mark(path, file), url); } catch { /* then only this page goes on with it */ }
  };
  const forget = (path, file) => {
    try { localStorage.removeItem(mark(path, file)); } catch { /* nothing was kept */ }
  };
  /** An upload of this very file that the page lists as unfinished. */
  const unfinished = (path, file) => {
    let url = null;
    try { url = localStorage.getItem(mark(path, file)); } catch { /* nothing was kept */ }
    if (!url) return null;
    const row = document.querySelector(`[data-unfinished="${CSS.escape(url)}"]`);
    return row ? { url, offset: Number(row.dataset.offset) } : null;
  };

  // ---- Sending --------------------------------------------------------------------------------
  class Paused extends Error {}
  class Refused extends Error {
    constructor(request) { super(); this.request = request; }
  }
  const ask = (method, url, { body = null, headers = {}, onProgress, run } = {}) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (onProgress) request.upload.addEventListener("progress", (event) => onProgress(event.loaded));
    request.addEventListener("load", () => resolve(request));
    request.addEventListener("error", () => reject(new TypeError("The connection broke off.")));
    request.addEventListener("abort", () => reject(new Paused()));
    if (run) run.request = request;
    request.send(body);
  });

  /** Everything that one press of the button sends. */
  class Run {
    constructor(upload, rows) {
      this.upload = upload;
      this.rows = rows;
      this.files = [...filesOf(upload)];
      this.total = this.files.reduce((sum, [, file]) => sum + file.size, 0);
      this.sent = 0; // bytes of files that are done
      this.done = 0;
      this.isPaused = false;
      this.whole = this.bar(upload.querySelector(".upload-whole"), "Sending everything");
    }

    bar(place, label) {
      const progress = Object.assign(element("progress"), { max: 100, value: 0 });
      progress.setAttribute("aria-label", label);
      place.querySelector("progress")?.remove();
      place.append(progress);
      return progress;
    }

    show(row, bar, file, offset) {
      if (row) {
        bar.value = file.size ? (offset / file.size) * 100 : 100;
        row.querySelectorAll("span")[1].textContent = offset < file.size ? `${size(offset)} of ${size(file.size)}` : size(file.size);
      }
      this.tell(offset);
    }

    /** Say how far everything is, with the bytes of the file under way. */
    tell(offset) {
      this.whole.value = this.total ? ((this.sent + offset) / this.total) * 100 : 100;
      this.say(`${this.done.toLocaleString()} of ${this.files.length.toLocaleString()} files, ${size(this.sent + offset)} of ${size(this.total)}`);
    }

    say(words) {
      const place = this.upload.querySelector(".upload-words");
      if (place.textContent !== words) place.textContent = words;
    }

    pause() {
      this.isPaused = true;
      this.request?.abort();
      this.wake?.();
    }

    resume() {
      this.isPaused = false;
      this.wake?.();
    }

    /** Wait until somebody presses "Go on", or for a while. */
    rest(milliseconds) {
      return new Promise((resolve) => {
        this.wake = resolve;
        if (milliseconds !== undefined) setTimeout(resolve, milliseconds);
      });
    }

    async all() {
      for (const [index, [path, file]] of this.files.entries()) {
        const row = index < MOST_ROWS ? this.rows[index] : null;
        const bar = row ? this.bar(row, `Sending ${path}`) : null;
        this.show(row, bar, file, 0);
        await this.insist(() => (file.size >= LARGE_BYTES && this.upload.dataset.partsUrl
          ? this.inParts(path, file, (offset) => this.show(row, bar, file, offset))
          : this.atOnce(path, file, (offset) => this.show(row, bar, file, offset))));
        this.sent += file.size;
        this.done += 1;
        row?.classList.add("done");
        this.tell(0);
      }
    }

    /** Try again, longer each time, as long as the server is away; stop at what it refuses. */
    async insist(send) {
      for (let tries = 0; ;) {
        try {
          await send();
          return;
        } catch (error) {
          const isAway = error instanceof TypeError || (error instanceof Refused && [429, 500, 502, 503, 504].includes(error.request.status));
          if (!(error instanceof Paused) && !isAway) throw error;
          if (this.isPaused) {
            this.say("Paused. What has arrived is kept.");
            while (this.isPaused) await this.rest();
          } else {
            this.say("The server does not answer; trying again. What has arrived is kept.");
            await this.rest(WAITS_MS[Math.min(tries, WAITS_MS.length - 1)]);
            tries += 1;
          }
        }
      }
    }

    async atOnce(path, file, onProgress) {
      if (this.isPaused) throw new Paused();
      const url = this.upload.dataset.putUrl.replace("{name}", encodeURIComponent(path));
      const answer = await ask("PUT", url, { body: file, onProgress, run: this, headers: { "Content-Type": "application/octet-stream" } });
      if (answer.status >= 400) throw new Refused(answer);
    }

    async inParts(path, file, onProgress) {
      let url = unfinished(path, file)?.url ?? this.begun?.get(path);
      let offset = url ? await this.offsetOf(url) : null;
      if (offset === null) {
        url = await this.begin(path, file);
        offset = 0;
      }
      do {
        if (this.isPaused) throw new Paused();
        onProgress(offset);
        const start = offset;
        const answer = await ask("PATCH", url, {
          body: file.slice(start, start + PART_BYTES),
          onProgress: (loaded) => onProgress(Math.min(start + loaded, file.size)),
          run: this,
          headers: { "Content-Type": "application/octet-stream", "Upload-Offset": String(start) },
        });
        if (answer.status !== 409 && answer.status >= 400) throw new Refused(answer);
        offset = told(answer).offset;
      } while (offset < file.size);
      forget(path, file);
    }

    async offsetOf(url) {
      const answer = await ask("HEAD", url);
      if (answer.status === 404) return null;
      if (answer.status >= 400) throw new Refused(answer);
      return Number(answer.getResponseHeader("Upload-Offset"));
    }

    async begin(path, file) {
      const wanted = JSON.stringify({ name: path, size: file.size });
      const answer = await ask("POST", this.upload.dataset.partsUrl, { body: wanted, headers: { "Content-Type": "application/json" } });
      if (answer.status >= 400) throw new Refused(answer);
      const url = answer.getResponseHeader("Location");
      this.begun = (this.begun ?? new Map()).set(path, url);
      remember(path, file, url);
      return url;
    }
  }

  const sendForm = async (form, submitter, run) => {
    const answer = await ask("POST", form.action, {
      body: new FormData(form, submitter),
      onProgress: (loaded) => { run.whole.value = run.total ? Math.min(100, (loaded / run.total) * 100) : 100; },
      headers: { "HX-Request": "true", "HX-Target": "div#problem" },
    });
    if (answer.status >= 400) throw new Refused(answer);
    return answer.getResponseHeader("HX-Redirect") || answer.responseURL;
  };

  // ---- Events ---------------------------------------------------------------------------------
  const reflect = (upload, isRunning) => {
    upload.classList.toggle("sending", isRunning);
    for (const button of upload.closest("form").querySelectorAll("button[type=submit]")) button.disabled = isRunning;
    const pause = upload.querySelector(".upload-pause");
    pause.hidden = !isRunning || !upload.dataset.putUrl;
    pause.textContent = "Pause";
  };
  document.addEventListener("submit", async (event) => {
    const upload = event.target.querySelector("[data-upload]");
    if (!upload || !filesOf(upload).size) return;
    event.preventDefault();
    if (running) return;
    document.getElementById("problem").replaceChildren();
    running = new Run(upload, list(upload));
    reflect(upload, true);
    try {
      let next = upload.dataset.thenUrl || location.href;
      if (upload.dataset.putUrl) await running.all();
      else next = await sendForm(event.target, event.submitter, running);
      running = null;
      location.assign(next);
    } catch (error) {
      if (error instanceof Refused) refuse(error.request);
      else complain("The file was not sent", error.name === "NotReadableError" ? "The browser cannot read it any more. Choose it again." : error.message);
      running = null;
      reflect(upload, false);
    }
  });
  document.addEventListener("click", (event) => {
    const pause = event.target.closest(".upload-pause");
    if (!pause || !running) return;
    if (running.isPaused) running.resume();
    else running.pause();
    pause.textContent = running.isPaused ? "Go on" : "Pause";
  });
  document.addEventListener("change", (event) => {
    const upload = event.target.closest("[data-upload]");
    if (!upload || event.target.type !== "file") return;
    const files = [...event.target.files].map((file) => [file.webkitRelativePath || file.name, file]);
    keep(upload, files, { replace: !event.target.webkitdirectory });
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, async (event) => {
      const drop = event.target.closest?.(".upload-drop");
      if (!drop) return;
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind !== "drop") return;
      const upload = drop.closest("[data-upload]");
      const files = await dropped(event.dataTransfer);
      const input = drop.querySelector("input[type=file]");
      const taken = new DataTransfer(); // so that the field itself holds what was dropped, too
      for (const [, file] of input.multiple ? files : files.slice(0, 1)) taken.items.add(file);
      input.files = taken.files;
      keep(upload, files, { replace: !input.multiple });
    });
  }
  window.addEventListener("beforeunload", (event) => { if (running && !running.isPaused) event.preventDefault(); });
})();
