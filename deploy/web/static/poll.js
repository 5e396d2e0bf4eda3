// Asks for parts of a page (data-poll: their path, data-seconds: how often) while somebody can see them.
"use strict";

(() => {
  const asked = new Map();

  const replacePart = async (part) => {
    const answer = await fetch(part.dataset.poll, { credentials: "same-origin", headers: { "X-Part": "true" } });
    if (answer.status === 401) location.reload();
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = document.getElementById(part.id);
    const next = page.getElementById(part.id);
    // A part that somebody is about to use is left as it is.
    if (!now || !next || now.contains(document.activeElement)) return;
    const ticked = [...now.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.id);
    now.replaceWith(next);
    for (const id of ticked) if (document.getElementById(id)) document.getElementById(id).checked = true;
    document.dispatchEvent(new CustomEvent("tansaku:replaced", { detail: part.id }));
  };

  const look = async () => {
    if (document.hidden) return;
    for (const part of document.querySelectorAll("[data-poll]")) {
      if (part.closest("details:not([open])")) continue;
      const due = (asked.get(part.id) ?? performance.now()) + 1000 * Number(part.dataset.seconds);
      if (!asked.has(part.id)) asked.set(part.id, performance.now());
      if (performance.now() < due) continue;
      asked.set(part.id, performance.now());
      // The server may be down for a while: the next look asks again.
      try { await replacePart(part); } catch (error) { if (!(error instanceof TypeError)) throw error; }
    }
  };

  // What has moved is asked for at the next look.
  document.addEventListener("tansaku:moved", (event) => asked.set(event.detail, -Infinity));
  setInterval(look, 500);
})();
