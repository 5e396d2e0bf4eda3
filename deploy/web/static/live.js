// Reloads the parts of a campaign's page that change, when the shared stream tells of a new version.
"use strict";

(() => {
  const parts = ["facts", "numbers", "runs", "budget", "turns", "failures", "improvements", "hits", "systems", "proposals", "history", "evaluations"];
  const place = document.getElementById("live");
  const READ_WITHIN = 10000; // [ms]
  let version = place.dataset.version;
  let busy = false;
  let again = false;
  let outdated = false;
  let unseen = 0;
  const served = new Map(); // part -> its text as it came
  let leaving = false; // a form was sent: what it is answered with must not be lost, also if it deleted the campaign

  // A part that somebody is about to use is left as it is until the next change.
  const inUse = (part) => part.contains(document.activeElement) && document.activeElement !== part;

  const replacePart = (now, next) => {
    const opened = [...now.querySelectorAll("details")].map((part) => part.open);
    const ticked = new Set([...now.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.id));
    now.replaceWith(next);
    next.querySelectorAll("details").forEach((part, index) => { part.open = opened[index] ?? false; });
    for (const box of next.querySelectorAll("input[type=checkbox]")) box.checked = ticked.has(box.id);
  };

  // All viewers get the same text: each page fills in the token of its session, and keys of its own for what it asks for.
  const fillSlot = (part) => {
    const token = document.querySelector("input[name=csrf_token]")?.value ?? "";
    for (const field of part.querySelectorAll("input[name=csrf_token]")) field.value = token;
    for (const field of part.querySelectorAll("input[name=key]")) {
      field.value = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    }
  };

  // What became of the reader's own request is no longer true of what the page shows, once it has been read.
  const forget = () => {
    setTimeout(() => { document.getElementById("status").textContent = ""; }, Math.max(0, READ_WITHIN - performance.now()));
  };

  const load = async () => {
    const answer = await shared.load(place.dataset.page);
    if ((answer.status === 401 || answer.status === 404) && !leaving) location.reload();
    if (answer.status !== 200) return;
    const page = new DOMParser().parseFromString(answer.text, "text/html");
    version = page.getElementById("live").dataset.version;
    document.title = page.getElementById("live").dataset.title;
    for (const name of parts) {
      const now = document.getElementById(name);
      const next = page.getElementById(name);
      if (!now || !next || inUse(now) || served.get(name) === next.outerHTML) continue;
      served.set(name, next.outerHTML);
      fillSlot(next);
      replacePart(now, next);
    }
    forget();
    document.dispatchEvent(new CustomEvent("tansaku:changed"));
  };

  // The title of a page that nobody sees tells what has happened, half a minute late at most.
  const laterUnseen = () => {
    outdated = true;
    unseen ||= setTimeout(() => { unseen = 0; load(); }, 30000);
  };

  const reload = async () => {
    if (document.hidden) { laterUnseen(); return; }
    outdated = false;
    clearTimeout(unseen);
    unseen = 0;
    if (busy) { again = true; return; }
    busy = true;
    try {
      do { again = false; await load(); } while (again);
    } finally {
      busy = false;
    }
  };

  // What a command waits for is over soon, also where it was applied before this page was made, and no version tells of it.
  const said = document.getElementById("status");
  if (/: stored;/.test(said.textContent)) setTimeout(() => { if (!document.hidden) said.textContent = ""; }, 2 * READ_WITHIN);
  addEventListener("submit", () => { leaving = true; });
  addEventListener("pageshow", () => { leaving = false; });
  // What nobody sees is brought up to date when somebody looks.
  document.addEventListener("visibilitychange", () => { if (outdated) reload(); });
  // The state also changes by what becomes of a request to run, which is no change of the campaign.
  let state = document.getElementById("state").textContent;
  document.addEventListener("tansaku:replaced", ({ detail }) => {
    served.delete(detail);
    const now = document.getElementById("state").textContent;
    if (detail !== "runs" || now === state) return;
    state = now;
    forget();
    reload();
  });
  shared.onVersion((next) => { if (next !== version) reload(); });
})();
