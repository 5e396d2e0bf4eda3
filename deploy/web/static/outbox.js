// Values that are saved are kept in the browser until the server has them: each is sent under one key, however often it is tried.
"use strict";

const outbox = (() => {
  const place = document.getElementById("live");
  const name = `tansaku-outbox ${place.dataset.outbox}`;
  const status = document.getElementById("status");
  const LARGEST = 10000000; // bytes of a photo or file: the server takes no larger one
  const PAUSES = [2000, 5000, 10000, 30000]; // between two tries without an answer
  let memory = []; // where the browser keeps nothing
  let sending = false;
  let told = []; // what became stored at the last sending, in words
  let tries = 0;
  let timer = 0;

  const read = () => {
    try { return JSON.parse(localStorage.getItem(name) ?? "[]"); } catch { return memory; }
  };
  const write = (entries) => {
    memory = entries;
    try { localStorage.setItem(name, JSON.stringify(entries)); } catch { /* a private window may keep nothing */ }
  };
  // Photos and files lie in the browser's database: they are too large for the place of the values.
  const kept = (() => {
    const here = new Map(); // where the browser keeps nothing
    const opened = new Promise((resolve, reject) => {
      const asked = indexedDB.open("tansaku-outbox", 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore("files");
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
    opened.catch(() => {});
    const run = async (mode, act) => {
      const done = (await opened).transaction("files", mode);
      const request = act(done.objectStore("files"));
      return new Promise((resolve, reject) => {
        done.oncomplete = () => resolve(request.result);
        done.onabort = () => reject(done.error);
      });
    };
    return {
      put: (key, file) => run("readwrite", (files) => files.put(file, key)).catch(() => { here.set(key, file); }),
      get: async (key) => here.get(key) ?? run("readonly", (files) => files.get(key)).catch(() => undefined),
      drop: (key) => { here.delete(key); return run("readwrite", (files) => files.delete(key)).catch(() => {}); },
    };
  })();

  const change = (key, values) => write(read().map((entry) => (entry.key === key ? { ...entry, ...values } : entry)));
  const drop = (key) => {
    for (const file of read().find((entry) => entry.key === key)?.files ?? []) kept.drop(file.key);
    write(read().filter((entry) => entry.key !== key));
  };

  const newKey = () => "web-" + [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const token = () => document.querySelector("main input[name=csrf_token]")?.value ?? "";

  // As the server reads the fields of a form: kind-number, or done-number-column for what was done otherwise.
  const rowOf = (form) => {
    const row = { number: Number(form.dataset.number) };
    for (const [field, text] of new FormData(form)) {
      const [kind, number, ...column] = field.split("-");
      if (number === undefined || !text.trim()) continue;
      row[column.length ? column.join("-") : kind] = text.trim();
    }
    return row;
  };

  const chosen = (form) => [...form.querySelectorAll("input[type=file]")].filter((field) => field.files.length > 0);
  // Said at once, as there may be no connection.
  const problemOf = (field) => {
    const [{ name: file, size }] = field.files;
    if (size > LARGEST) return `${file} is larger than ${LARGEST / 1e6} MB.`;
    if ("photo" in field.dataset && /\.hei[cf]$/i.test(file)) return `${file} is a HEIC photo; choose a JPEG, PNG or WebP.`;
    return "";
  };
  const over = (entry) => entry.told && entry.state === "refused"; // its value is stored, a photo or file of it is not

  const formOf = (entry) => [...document.querySelectorAll("form[data-number]")].find(
    (form) => Number(form.dataset.number) === entry.row.number && Boolean(form.querySelector("[value=correction]")) === (entry.row.status === "correction"));

  const words = (entry) => {
    const { number, status: state, note, ...told } = entry.row;
    const values = state === "failed" ? ["failed"] : Object.entries(told).map(([key, text]) => (key === "value" ? text : `${key} ${text}`));
    return `proposal ${number}: ${[...values, ...(entry.files ?? []).map((file) => file.name)].join(", ")}`;
  };

  const part = (tag, text, type) => Object.assign(document.createElement(tag), { textContent: text, className: type ?? "" });

  const button = (text, act) => {
    const made = part("button", text, "quiet");
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  };

  // Shows at each card what became of its value; what has no card any more is listed above all cards.
  const show = () => {
    const list = document.querySelector("#kept ul");
    const used = document.activeElement?.closest(".sent, form[data-number]")?.closest("li");
    list.replaceChildren();
    for (const old of document.querySelectorAll(".sent")) old.remove();
    for (const form of document.querySelectorAll("form[data-number]")) {
      form.hidden = false;
      form.querySelector(".attach").hidden = false;
      form.querySelector(".asked").hidden = true;
    }
    for (const entry of read()) {
      const form = over(entry) ? null : formOf(entry);
      if (!form) {
        const item = part("li", `${words(entry)}. ${entry.said} `, entry.state === "refused" ? "problem" : "");
        item.append(button("Discard", () => { drop(entry.key); show(); }));
        list.append(item);
      } else if (entry.state === "refused") {
        const asked = form.querySelector(".asked");
        asked.hidden = false;
        asked.querySelector("p").textContent = entry.said;
        asked.querySelector("button").hidden = !entry.ask;
      } else {
        form.hidden = true;
        const said = part("div", "", "sent");
        said.tabIndex = -1;
        said.append(part("p", words(entry)), part("p", entry.said, entry.state === "stored" ? "stored" : "quiet"));
        if (entry.state === "waiting" && entry.said && !entry.told) {
          said.append(button("Change", () => { drop(entry.key); show(); form.querySelector("input:not([type=hidden])").focus(); }));
        }
        form.before(said);
      }
    }
    document.getElementById("kept").hidden = list.children.length === 0;
    // Whoever works by keyboard stays at the card.
    if (used && !used.contains(document.activeElement)) (used.querySelector(".sent") ?? used.querySelector(".measure input"))?.focus();
  };

  const later = (said) => {
    write(read().map((entry) => (entry.state === "waiting" ? { ...entry, said } : entry)));
    clearTimeout(timer);
    timer = setTimeout(send, PAUSES[Math.min(tries, PAUSES.length - 1)]);
    tries += 1;
  };

  const post = (body, key) => fetch(place.dataset.tells, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": token(), "Idempotency-Key": key },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20000),
  });

  const postFile = async (entry, { key, name: file, photo }) => {
    const content = await kept.get(key);
    if (!content) return null;
    const about = { number: entry.row.number, file, photo, ...(entry.tells ? { report: entry.key } : {}) };
    return fetch(`${place.dataset.attachments}?${new URLSearchParams(about)}`, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/octet-stream", "X-CSRF-Token": token(), "Idempotency-Key": key },
      body: content,
      signal: AbortSignal.timeout(120000),
    });
  };

  // Notes what the server has; an entry with more to send waits on.
  const took = (entry) => {
    const [sent, ...rest] = entry.told ? entry.files : [null, ...(entry.files ?? [])];
    if (sent) kept.drop(sent.key);
    const ended = rest.length === 0;
    change(entry.key, { told: true, files: rest, ...(ended ? { state: "stored", said: "Stored, learning" } : { said: "Stored; its photo or file is being sent" }) });
    formOf(entry)?.reset(); // else its card would count as in use
    if (!ended) return;
    told.push(words(entry));
    status.textContent = `Stored, learning: ${told.join("; ")}`;
  };

  // Returns whether the server answered.
  const sendEntry = async (entry) => {
    let answer;
    try {
      answer = await (entry.told ? postFile(entry, entry.files[0]) : post({ rows: [entry.row], confirm: entry.confirm }, entry.key));
    } catch (error) {
      if (!(error instanceof TypeError) && error.name !== "TimeoutError") throw error;
      later("Kept in this browser; it is sent when the connection is back.");
      return false;
    }
    if (!answer) {
      change(entry.key, { state: "refused", said: `The value is stored, but this browser did not keep ${entry.files[0].name}; choose it again.` });
    } else if (answer.ok) {
      took(entry);
    } else if (answer.status === 401 || answer.status === 403) { // the token of the page may be an earlier session's
      later("Kept in this browser; log in again and open this page to send it.");
      return false;
    } else if (answer.status >= 500 || answer.status === 408 || answer.status === 429) {
      later("Kept in this browser; the server is busy, and it is sent again.");
      return false;
    } else {
      const problem = await answer.json();
      const key = problem.key ? `${problem.key}: ` : "";
      const detail = problem.detail.startsWith(key) ? problem.detail.slice(key.length) : problem.detail;
      const said = (entry.told ? "The value is stored. " : "") + detail.replace(/^nothing was stored:(\s|\\n)*(line 1: )?/, "");
      const [refused, ...rest] = entry.told ? entry.files : [];
      if (rest.length > 0) { // the others are sent
        change(entry.key, { files: rest });
        write([...read(), { ...entry, key: newKey(), files: [refused], state: "refused", said }]);
      } else {
        change(entry.key, { state: "refused", said, ask: problem.key === "confirm" });
        nextField.back(formOf(entry));
      }
    }
    return true;
  };

  const send = async () => {
    if (sending) return;
    sending = true;
    told = [];
    try {
      for (let entry; (entry = read().find((known) => known.state === "waiting"));) {
        if (!await sendEntry(entry)) break;
        tries = 0;
        show();
      }
    } finally {
      sending = false;
      show();
    }
  };

  // What the page of the server shows now is not kept any longer.
  const settle = () => {
    write(read().filter((entry) => entry.state !== "stored"));
    show();
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.number || event.submitter?.name === "release") return;
    event.preventDefault();
    const row = rowOf(form);
    const first = form.querySelector(".measure input");
    const fields = chosen(form);
    const changed = [...form.querySelectorAll("input:not([type=hidden], [type=file])")].some((field) => field.value !== field.defaultValue);
    const tells = row.status === "failed" || Boolean(first.value.trim()) && (changed || row.status !== "correction");
    if (!tells && !(row.status === "correction" && fields.length > 0)) { // what is reported may get a photo later
      status.textContent = row.status === "correction" ? "Nothing was saved: nothing was changed." : `Nothing was saved: ${form.querySelector(`label[for="${first.id}"]`).textContent} is empty.`;
      first.focus();
      return;
    }
    const problem = fields.map(problemOf).find(Boolean);
    if (problem) {
      const asked = form.querySelector(".asked");
      asked.hidden = false;
      asked.querySelector("p").textContent = problem;
      asked.querySelector("button").hidden = true;
      return;
    }
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return;
    button.disabled = true;
    const files = fields.map((field) => ({ key: newKey(), name: field.files[0].name.slice(-100), photo: "photo" in field.dataset }));
    await Promise.all(files.map((file, at) => kept.put(file.key, fields[at].files[0])));
    button.disabled = false;
    for (const entry of read()) if (entry.row.number === row.number && entry.state === "refused" && !entry.told) drop(entry.key);
    write([...read(), { key: newKey(), row, files, tells, told: !tells, confirm: false, state: "waiting", said: "" }]);
    const card = form.closest("#proposals > .card");
    const stays = card?.contains(document.activeElement); // not where all values are saved at once
    show();
    const next = stays && nextField.following(card);
    if (next) nextField.moveTo(next);
    send();
  });

  document.addEventListener("click", (event) => {
    const form = event.target.closest(".asked button")?.closest("form");
    if (!form) return;
    const entry = read().find((known) => known.ask && formOf(known) === form);
    if (!entry) return;
    change(entry.key, { state: "waiting", said: "", ask: false, confirm: true });
    show();
    send();
  });

  // One press for what was typed on all cards.
  const all = document.getElementById("save-all");
  all?.addEventListener("click", () => {
    for (const form of document.querySelectorAll("#proposals form[data-number]")) {
      if (!form.hidden && form.querySelector(".measure input").value.trim()) form.requestSubmit(form.querySelector("[type=submit]"));
    }
  });
  if (all) all.hidden = false;

  addEventListener("online", () => { tries = 0; send(); });
  addEventListener("storage", (event) => { if (event.key === name) show(); });
  settle();
  send();
  return { post, newKey, settle, busy: (card) => [...card.querySelectorAll("form")].some((form) => read().some((entry) => entry.state !== "stored" && !over(entry) && formOf(entry) === form)) };
})();
