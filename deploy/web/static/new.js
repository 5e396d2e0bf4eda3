// The page of new campaigns: keeps form and text in step and checks them after a pause in typing; marks lines; rehearses.
"use strict";

(() => {
  const form = document.getElementById("new");
  if (!form) return;
  const spec = document.getElementById("spec");
  const shown = document.getElementById("shown");
  const fields = document.getElementById("fields");
  const lines = document.getElementById("lines");
  const result = document.getElementById("result");
  const status = document.getElementById("status");
  const rehearsed = document.getElementById("rehearsed");
  const rehearsal = document.getElementById("rehearsal");
  const QUANTITIES = ["within", "spread"];
  const PAUSE = 400;
  let latest = 0;
  let timer = null;
  let changed = ""; // the field that was changed last

  const call = async (method, path, body) => {
    const answer = await fetch(`/api/v1${path}`, {
      method,
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": form.dataset.token },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (answer.status === 401) location.reload();
    const found = await answer.json();
    if (!answer.ok) throw found;
    return found;
  };

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  // Commands and keys stand between backticks in messages.
  const said = (text) => text.split(/`([^`\n]+)`/).map((part, place) => place % 2 ? element("code", part) : part);

  const numberLines = () => {
    const bad = new Set([...result.querySelectorAll("[data-line]")].map((link) => Number(link.dataset.line)));
    const count = spec.value.split("\n").length;
    lines.replaceChildren();
    for (let number = 1; number <= count; number += 1) {
      lines.append(element("span", bad.has(number) ? `${number} ✗` : `${number}`, bad.has(number) ? "bad" : ""), "\n");
    }
    lines.scrollTop = spec.scrollTop;
  };

  const goTo = (number) => {
    const before = spec.value.split("\n").slice(0, number - 1);
    const begin = before.reduce((sum, line) => sum + line.length + 1, 0);
    const end = spec.value.indexOf("\n", begin);
    spec.focus();
    spec.setSelectionRange(begin, end < 0 ? spec.value.length : end);
    const height = spec.scrollHeight / spec.value.split("\n").length;
    spec.scrollTop = Math.max(0, (number - 8) * height);
  };

  // Puts the parts of an answered page in place; what somebody types in, keeps what was typed and the place of the cursor.
  const take = (page) => {
    const found = page.getElementById("result");
    const typed = document.activeElement;
    const place = [typed.selectionStart, typed.selectionEnd];
    const opened = [...fields.querySelectorAll("details[open]")].map((part) => part.id);
    fields.replaceChildren(...page.getElementById("fields").childNodes);
    for (const id of opened) if (id && document.getElementById(id)) document.getElementById(id).open = true;
    result.replaceChildren(...found.childNodes);
    document.getElementById("comparing").hidden = !("complete" in found.dataset);
    const text = page.getElementById("spec");
    if (spec.value !== text.value) spec.value = text.value;
    spec.toggleAttribute("aria-invalid", text.hasAttribute("aria-invalid"));
    shown.value = page.getElementById("shown").value;
    rehearsal.dataset.unit = page.getElementById("rehearsal").dataset.unit;
    for (const id of QUANTITIES) document.getElementById(id).placeholder = page.getElementById(id).placeholder;
    const again = typed.id && !typed.isConnected && document.getElementById(typed.id);
    if (again) {
      if (again.matches("input, textarea") && typed.id === changed && typed.value !== typed.defaultValue) {
        again.dataset.answered = again.value; // as the form writes it, once somebody leaves the field
        again.value = typed.value;
      }
      again.focus({ preventScroll: true });
      if (again.matches("input, textarea") && place[0] !== null) again.setSelectionRange(...place);
    }
    numberLines();
    document.dispatchEvent(new Event("fields-shown"));
    return found.hasAttribute("data-running");
  };

  const post = async () => {
    const body = new URLSearchParams(new FormData(form));
    body.set("action", "check");
    body.set("script", "1");
    // The form's own property of this name is its buttons.
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, credentials: "same-origin" });
    if (answer.status === 401 || answer.redirected) location.reload();  // logged out
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  const uploading = () => "uploading" in form.dataset;

  const step = async () => {
    clearTimeout(timer);
    latest += 1;
    const mine = latest;
    if (!uploading()) status.textContent = "Checking …";
    try {
      for (;;) {
        const page = await post();
        if (mine !== latest) return;
        if (!take(page)) break;
      }
      if (!uploading()) status.textContent = result.querySelector(".problem") ? "The spec has problems." : "";
    } catch {
      if (mine !== latest) return;
      status.textContent = "The server does not answer.";
      document.dispatchEvent(new Event("fields-shown")); // what waits for the check waits no longer
    }
  };

  // The last answer stays in sight while the changed text is checked, and says so.
  const stepSoon = () => {
    document.getElementById("not-created")?.remove();
    if (!result.querySelector(".outdated")) result.prepend(element("p", "Checking what was changed …", "outdated"));
    latest += 1;
    clearTimeout(timer);
    timer = setTimeout(step, PAUSE);
  };

  // What the page calls the options of a rehearsal.
  const labels = { "options.within": "Near enough", "options.spread": "Expected standard deviation" };

  const rehearse = async (button) => {
    button.disabled = true;
    rehearsed.textContent = "Rehearsing …";
    const options = { replays: 20 };
    for (const name of QUANTITIES) {
      const text = document.getElementById(name).value.trim();
      if (text) options[name] = Number.isFinite(Number(text)) ? `${text} ${rehearsal.dataset.unit || 1}` : text;
    }
    try {
      let found = await call("POST", "/rehearsals?wait=1", { spec: spec.value, options });
      while (found.state === "running") {
        rehearsed.textContent = `Rehearsing: ${found.done} of ${found.total || 20}`;
        found = await call("GET", `/rehearsals/${found.id}?wait=2`);
      }
      const bought = found.rehearsal;
      rehearsed.replaceChildren(...said(bought
        ? `The budget is enough with a probability of ${Math.round(100 * bought.chance)} % (${Math.round(100 * bought.low)} to ${Math.round(100 * bought.high)} %): ${Math.round(bought.chance * bought.replays)} of ${bought.replays} searches came within ${bought.within}${bought.unit === "1" ? "" : ` ${bought.unit}`} of the best value, on ${bought.source}.`
        : found.problems.map((problem) => `${labels[problem.key] ? `${labels[problem.key]}: ` : problem.key ? `\`${problem.key}\`: ` : ""}${problem.message}`).join(" ")));
    } catch (error) {
      rehearsed.textContent = error.detail || "The server does not answer.";
    } finally {
      button.disabled = false;
    }
  };

  // What a row of the table had as another kind is there again when the kind is chosen again.
  const KEYS = { number: ["low", "high", "step", "unit"], integer: ["low", "high"], category: ["values"] };
  const had = new Map(); // by name of the row and key
  let rechosen = null;
  const cell = (key, place) => document.getElementById(`field-${key}-${place}`);
  const rowName = (place) => cell("parameter", place)?.value.split(/[([]/)[0].trim().replace(/[\s./-]+/g, "_");
  for (const kind of ["input", "change"]) {
    fields.addEventListener(kind, (event) => {
      const [, key, place] = /^(\w+)-(\d+)$/.exec(event.target.name ?? "") ?? [];
      if (!key || !rowName(place)) return;
      for (const other of Object.values(KEYS).flat()) {
        const text = cell(other, place)?.value;
        if (text?.trim() && other !== key) had.set(`${rowName(place)} ${other}`, text);
      }
      if (key === "type") rechosen = place;
    });
  }
  document.addEventListener("fields-shown", () => {
    const place = rechosen;
    rechosen = null;
    const name = place && rowName(place);
    for (const key of KEYS[place && cell("type", place)?.value] ?? []) {
      const input = cell(key, place);
      if (!input || input.value || !had.has(`${name} ${key}`)) continue;
      input.value = had.get(`${name} ${key}`);
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
  fields.addEventListener("focusout", (event) => {
    const { answered } = event.target.dataset ?? {};
    if (answered !== undefined) event.target.value = answered;
  });

  spec.addEventListener("input", () => { numberLines(); stepSoon(); });
  spec.addEventListener("scroll", () => { lines.scrollTop = spec.scrollTop; });
  fields.addEventListener("input", (event) => {
    changed = event.target.id;
    delete event.target.dataset.answered; // what is typed now was not answered yet
    if (!event.target.dataset.key) return;
    document.getElementById(`problem-${event.target.name}`)?.remove(); // it was about what stood there
    event.target.removeAttribute("aria-invalid");
    stepSoon();
  });
  result.addEventListener("click", (event) => {
    const link = event.target.closest("[data-line]");
    if (!link) return;
    event.preventDefault();
    goTo(Number(link.dataset.line));
  });
  // Creating a campaign takes seconds, and longer on a busy machine. What is sent has form and text as they are now.
  form.addEventListener("submit", (event) => {
    const pressed = event.submitter;
    if (pressed && pressed.value === "check") {
      event.preventDefault();
      step();
    }
    if (!pressed || !["create", "run"].includes(pressed.value)) return;
    clearTimeout(timer);
    latest += 1;
    const note = element("span", " Creating the campaign …");
    note.setAttribute("role", "status");
    pressed.after(note);
    const buttons = form.querySelectorAll("button[name=action]");
    const disable = (value) => buttons.forEach((button) => { button.disabled = value; });
    // After the form has been sent with the name of the button.
    setTimeout(() => disable(true));
    window.addEventListener("pageshow", () => { note.remove(); disable(false); }, { once: true });
  });
  document.getElementById("rehearse").addEventListener("click", (event) => rehearse(event.target));
  document.getElementById("yaml-file").addEventListener("change", async (event) => {
    const file = event.target.files[0];
    if (!file) return;
    if (file.size > 65536) {
      status.textContent = `${file.name} is larger than 64 KiB.`;
      return;
    }
    spec.value = await file.text();
    shown.value = spec.value;
    await step();
  });

  // What needs this script.
  document.getElementById("open-file").hidden = false;
  rehearsal.hidden = false;
  document.getElementById("comparing").hidden = !("complete" in result.dataset);
  lines.hidden = false;
  numberLines();
  if (!("untouched" in form.dataset)) step();
})();
