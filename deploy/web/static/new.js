// The page of new campaigns: checks the spec after a pause in typing, marks its lines, and puts fields into the text.
"use strict";

(() => {
  const form = document.getElementById("new");
  if (!form) return;
  const spec = document.getElementById("spec");
  const lines = document.getElementById("lines");
  const result = document.getElementById("result");
  const status = document.getElementById("status");
  const rehearsed = document.getElementById("rehearsed");
  const PAUSE = 400;
  let latest = 0;
  let timer = null;
  let bad = new Set();
  // The last field whose value the text does not have yet: resolves to whether it was taken.
  let editing = null;

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

  const problemItem = (problem) => {
    const item = element("li", undefined, "problem");
    if (problem.line) {
      const link = element("a", `line ${problem.line}`);
      link.href = "#spec";
      link.dataset.line = problem.line;
      item.append(link, " ");
    }
    if (problem.key) item.append(element("code", problem.key), ": ");
    item.append(...said(problem.message));
    return item;
  };

  const showProblems = (problems) => {
    bad = new Set(problems.map((problem) => problem.line).filter(Boolean));
    const list = element("ul", undefined, "plain problems");
    list.append(...problems.map(problemItem));
    result.replaceChildren(list);
    spec.setAttribute("aria-invalid", "true");
    numberLines();
  };

  const showFacts = (facts) => {
    bad = new Set();
    spec.removeAttribute("aria-invalid");
    const list = element("dl");
    for (const fact of facts) list.append(element("dt", fact.title), element("dd", fact.text));
    result.replaceChildren(element("p", "The spec is valid.", "good"), list);
    numberLines();
  };

  const show = (found) => {
    if (found.state === "running") return;
    if (found.preview) showFacts(found.facts);
    else showProblems(found.problems);
  };

  const explain = (error) => {
    const problems = error && error.problems ? error.problems : [{ key: error && error.key, line: null, message: (error && error.detail) || "The server does not answer." }];
    showProblems(problems);
  };

  const check = async () => {
    latest += 1;
    const mine = latest;
    status.textContent = "Checking …";
    try {
      let found = await call("POST", "/checks?wait=2", { spec: spec.value, page: form.dataset.page });
      while (mine === latest && found.state === "running") found = await call("GET", `/checks/${found.id}?wait=5`);
      if (mine === latest) show(found);
    } catch (error) {
      if (mine === latest) explain(error);
    } finally {
      if (mine === latest) status.textContent = bad.size ? "The spec has problems." : "";
    }
  };

  // The last answer stays in sight while the changed text is checked, and says so.
  const outdate = () => {
    if (!result.querySelector(".outdated")) result.prepend(element("p", "Checking the changed text …", "outdated"));
  };

  const checkSoon = () => {
    outdate();
    latest += 1;
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE);
  };

  const editFields = async (changes) => {
    try {
      const edited = await call("POST", "/spec-edits", { spec: spec.value, changes });
      if (spec.value !== edited.spec) spec.value = edited.spec;
      for (const [key, value] of Object.entries(edited.fields)) {
        const input = document.getElementById(`field-${key}`);
        if (input && input !== document.activeElement) input.value = value === null ? "" : value;
      }
      return true;
    } catch (error) {
      // A text that is being typed may not be YAML yet; the check says so.
      if (Object.keys(changes).length) explain(error);
      return false;
    }
  };

  const fieldValue = (input) => {
    const text = input.value.trim();
    if (text === "") return null;
    return input.dataset.key === "name" || Number.isNaN(Number(text)) ? text : Number(text);
  };

  // What the page calls the options of a rehearsal.
  const labels = { "options.within": "Near enough", "options.spread": "Expected spread" };

  const rehearse = async (button) => {
    button.disabled = true;
    rehearsed.textContent = "Rehearsing …";
    const options = { replays: 20 };
    for (const name of ["within", "spread"]) {
      const text = document.getElementById(name).value.trim();
      if (text) options[name] = text;
    }
    try {
      let found = await call("POST", "/rehearsals?wait=1", { spec: spec.value, options });
      while (found.state === "running") {
        rehearsed.textContent = `Rehearsing: ${found.done} of ${found.total || 20}`;
        found = await call("GET", `/rehearsals/${found.id}?wait=2`);
      }
      const bought = found.rehearsal;
      rehearsed.replaceChildren(...said(bought
        ? `${Math.round(100 * bought.chance)} % (${Math.round(100 * bought.low)} to ${Math.round(100 * bought.high)} %) to get within ${bought.within} ${bought.unit} of the best, in ${bought.replays} replays on ${bought.source}.`
        : found.problems.map((problem) => `${labels[problem.key] ? `${labels[problem.key]}: ` : problem.key ? `\`${problem.key}\`: ` : ""}${problem.message}`).join(" ")));
    } catch (error) {
      rehearsed.textContent = error.detail || "The server does not answer.";
    } finally {
      button.disabled = false;
    }
  };

  spec.addEventListener("input", () => { numberLines(); checkSoon(); });
  spec.addEventListener("change", () => editFields({}));
  spec.addEventListener("scroll", () => { lines.scrollTop = spec.scrollTop; });
  result.addEventListener("click", (event) => {
    const link = event.target.closest("[data-line]");
    if (!link) return;
    event.preventDefault();
    goTo(Number(link.dataset.line));
  });
  document.getElementById("fields").addEventListener("change", async (event) => {
    if (!event.target.dataset.key) return;
    const edit = editFields({ [event.target.dataset.key]: fieldValue(event.target) });
    editing = edit;
    await edit;
    if (editing === edit) editing = null;
    numberLines();
    checkSoon();
  });
  // Creating a campaign takes seconds, and longer on a busy machine.
  form.addEventListener("submit", (event) => {
    const pressed = event.submitter;
    if (!pressed || !["create", "run"].includes(pressed.value)) return;
    if (editing) {
      // The button was pressed straight from a field: the text that is sent must have its value.
      event.preventDefault();
      editing.then((taken) => { if (taken) form.requestSubmit(pressed); });
      return;
    }
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
    await editFields({});
    numberLines();
    checkSoon();
  });

  // What works without this script gives way to what works by itself with it.
  document.getElementById("apply").hidden = true;
  document.getElementById("open-file").hidden = false;
  document.getElementById("rehearsal").hidden = false;
  lines.hidden = false;
  numberLines();
  checkSoon();
})();
