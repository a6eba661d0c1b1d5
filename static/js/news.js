// Writing news: a toolbar, a live preview, and drafts that survive a closed tab, a dead battery and a second device.
// The server renders the preview and judges every save; without this module the form's own buttons do the same.
//
// A draft is saved by itself every ten seconds if something changed, naming the version it began from. When another
// device saved in between the server answers 409, nothing is overwritten, and saving by itself ends until the writer has
// seen both texts. What could not be sent is kept on this device and offered again.
const EVERY = 10_000;
const PREVIEW_AFTER = 500;
const WORDS = ["title", "source", "language", "visibility"];

function start(form) {
  const source = form.elements.source;
  const status = form.querySelector("[data-status]");
  let sent = form.dataset.unsaved ? "" : snapshot();
  let busy = false;
  let stopped = !form.dataset.autosave;
  let leaving = false;

  function snapshot() {
    return JSON.stringify(WORDS.map((name) => form.elements[name].value));
  }

  function say(text) {
    if (status.textContent !== text) status.textContent = text;
  }

  // --- what is kept on this device ---------------------------------------------------------------

  const plain = (words) => JSON.stringify(words.map((word) => word.replaceAll("\r\n", "\n").trim()));

  function keep(submitted = false) {
    try {
      const value = { words: JSON.parse(snapshot()), version: form.elements.version.value, submitted };
      localStorage.setItem(form.dataset.key, JSON.stringify(value));
    } catch {
      // Private windows and full disks keep nothing; the server still does.
    }
  }

  function forget() {
    try {
      localStorage.removeItem(form.dataset.key);
    } catch {
      // As above.
    }
  }

  function kept(key) {
    try {
      const found = JSON.parse(localStorage.getItem(key) ?? "null");
      return Array.isArray(found?.words) && found.words.length === WORDS.length ? found : null;
    } catch {
      return null;
    }
  }

  // A text that was sent and has arrived is dropped; one that never arrived, or was never sent, is offered.
  function offer() {
    const box = form.querySelector("[data-unsent]");
    const now = plain(JSON.parse(snapshot()));
    const asNew = form.dataset.key.replace(/\d+$/, "new");
    if (asNew !== form.dataset.key && plain(kept(asNew)?.words ?? []) === now) localStorage.removeItem(asNew);
    const found = kept(form.dataset.key);
    if (!found) return;
    const arrived = found.submitted && Number(form.elements.version.value) > Number(found.version);
    if (arrived || plain(found.words) === now) {
      forget();
      return;
    }
    box.hidden = false;
    box.querySelector("[data-unsent-take]").addEventListener("click", () => {
      WORDS.forEach((name, index) => {
        form.elements[name].value = found.words[index];
      });
      box.hidden = true;
      source.dispatchEvent(new Event("input", { bubbles: true }));
      source.focus();
    });
    box.querySelector("[data-unsent-drop]").addEventListener("click", () => {
      forget();
      box.hidden = true;
      source.focus();
    });
  }

  // --- saving by itself --------------------------------------------------------------------------

  function body() {
    const data = new FormData();
    for (const name of [...WORDS, "version", "form_token", "csrfmiddlewaretoken"]) data.set(name, form.elements[name].value);
    data.set("post", form.dataset.post);
    return data;
  }

  async function save() {
    const now = snapshot();
    if (stopped || busy || leaving || now === sent || !(form.elements.title.value + source.value).trim()) return;
    busy = true;
    say(form.dataset.saidSaving);
    try {
      const response = await fetch(form.dataset.autosave, { method: "POST", body: body(), credentials: "same-origin" });
      if (response.redirected || !(response.headers.get("Content-Type") ?? "").includes("json")) throw new Error("no answer");
      const answer = await response.json();
      if (response.ok) {
        sent = now;
        form.elements.version.value = answer.version;
        if (!form.dataset.post) {
          form.dataset.post = answer.post;
          forget();
          form.dataset.key = form.dataset.key.replace(/new$/, answer.post);
          history.replaceState(null, "", answer.edit);
          form.action = answer.edit;
        }
        if (snapshot() === sent) forget();
        say(form.dataset.saidSaved);
      } else if (response.status === 409) {
        stopped = true;
        keep();
        say(form.dataset.saidConflict);
      } else {
        keep();
        say(answer.error ?? form.dataset.saidOffline);
      }
    } catch {
      keep();
      say(form.dataset.saidOffline);
    } finally {
      busy = false;
    }
  }

  // --- preview -----------------------------------------------------------------------------------

  const pane = form.querySelector("[data-preview-pane]");
  let timer = 0;
  let running = null;

  async function preview() {
    running?.abort();
    running = new AbortController();
    const data = new FormData();
    data.set("source", source.value);
    data.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    try {
      const response = await fetch(form.dataset.preview, { method: "POST", body: data, signal: running.signal, credentials: "same-origin" });
      if (!response.ok || response.redirected) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const shown = form.querySelector("[data-preview-body]");
      shown.replaceChildren(...page.body.childNodes);
      shown.lang = form.elements.language.value;
      pane.hidden = !source.value.trim();
    } catch {
      // The preview is a convenience: without a connection the last one stays.
    }
  }

  // --- toolbar -----------------------------------------------------------------------------------

  function put(text, from, to, selectFrom, selectTo) {
    source.setRangeText(text, from, to, "end");
    source.setSelectionRange(selectFrom, selectTo);
    source.focus();
    source.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function press(button) {
    const { selectionStart: from, selectionEnd: to, value } = source;
    if (button.dataset.line) {
      const first = value.lastIndexOf("\n", from - 1) + 1;
      const lines = value.slice(first, to).split("\n").map((line) => button.dataset.line + line).join("\n");
      put(lines, first, to, first + lines.length, first + lines.length);
      return;
    }
    const words = value.slice(from, to) || button.dataset.word;
    if ("link" in button.dataset) {
      const text = `[${words}](https://)`;
      const address = from + words.length + 3;
      put(text, from, to, address, address + "https://".length);
      return;
    }
    const mark = button.dataset.wrap;
    put(mark + words + mark, from, to, from + mark.length, from + mark.length + words.length);
  }

  const toolbar = form.querySelector("[data-toolbar]");
  const buttons = [...toolbar.querySelectorAll("button")];
  toolbar.hidden = false;
  buttons.forEach((button, index) => {
    // One stop of the Tab key for the whole bar; arrows move within it.
    button.tabIndex = index ? -1 : 0;
    button.addEventListener("click", () => press(button));
  });
  toolbar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const now = buttons.indexOf(document.activeElement);
    const next = buttons[(now + step + buttons.length) % buttons.length];
    buttons.forEach((button) => {
      button.tabIndex = button === next ? 0 : -1;
    });
    next.focus();
  });

  form.addEventListener("input", (event) => {
    if (event.target === source || event.target.name === "language") {
      clearTimeout(timer);
      timer = setTimeout(preview, PREVIEW_AFTER);
    }
    keep();
  });
  form.addEventListener("submit", () => {
    leaving = true;
    keep(true);
  });
  // A tab that is put away may never come back: what is not saved yet goes out now.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") save();
  });
  window.addEventListener("online", save);
  setInterval(save, EVERY);
  offer();
  if (source.value.trim()) preview();
}

document.querySelectorAll("[data-news-editor]").forEach(start);
