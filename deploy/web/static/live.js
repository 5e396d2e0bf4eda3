// Reloads the parts of a campaign's page that change, when the shared stream tells of a new version.
"use strict";

(() => {
  const parts = ["facts", "runs", "failures", "improvements", "systems", "proposals", "history", "evaluations"];
  const place = document.getElementById("live");
  let version = place.dataset.version;
  let busy = false;
  let again = false;

  // A part that somebody is about to use is left as it is until the next change.
  const inUse = (part) => part.contains(document.activeElement) && document.activeElement !== part;

  const replacePart = (now, next) => {
    const opened = [...now.querySelectorAll("details")].map((part) => part.open);
    const unticked = new Set([...now.querySelectorAll("input[type=checkbox]:not(:checked)")].map((box) => box.id));
    now.replaceWith(next);
    next.querySelectorAll("details").forEach((part, index) => { part.open = opened[index] ?? false; });
    for (const box of next.querySelectorAll("input[type=checkbox]")) if (unticked.has(box.id)) box.checked = false;
  };

  const load = async () => {
    const answer = await fetch(place.dataset.page, { credentials: "same-origin", headers: { "X-Part": "true" } });
    if (answer.status === 401 || answer.status === 404) location.reload();
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    version = page.getElementById("live").dataset.version;
    for (const name of parts) {
      const now = document.getElementById(name);
      const next = page.getElementById(name);
      if (now && next && !inUse(now)) replacePart(now, next);
    }
    document.dispatchEvent(new CustomEvent("tansaku:changed"));
  };

  const reload = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      do { again = false; await load(); } while (again);
    } finally {
      busy = false;
    }
  };

  const changed = (next) => { if (next !== version) reload(); };

  if (window.SharedWorker) {
    const worker = new SharedWorker(place.dataset.worker);
    worker.port.onmessage = (event) => { if (event.data.address === place.dataset.changes) changed(event.data.version); };
    worker.port.start();
    worker.port.postMessage({ follow: place.dataset.changes });
    addEventListener("pagehide", () => worker.port.postMessage({ leave: true }));
    addEventListener("pageshow", (event) => { if (event.persisted) worker.port.postMessage({ follow: place.dataset.changes }); });
  } else {
    const source = new EventSource(place.dataset.changes);
    source.addEventListener("version", (event) => changed(event.data));
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) reload(); };
  }
})();
