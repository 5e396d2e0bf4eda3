// Brings the cards of proposals and reported values up to date when the campaign changes; a card in use stays as it is.
"use strict";

(() => {
  let busy = false;
  let again = false;
  let version = null;
  let saved = null; // id of the card at which a value was saved last

  const typed = (card) => [...card.querySelectorAll("input:not([type=hidden]), select")].some((field) => field.value !== (field.tagName === "SELECT" ? "" : field.defaultValue));
  const focused = (card) => card.contains(document.activeElement) && document.activeElement !== card && !document.activeElement.matches(".sent") && !placed();
  const inUse = (card) => focused(card) || typed(card) || (typeof outbox !== "undefined" && outbox.busy(card));

  // Whether the focus is in a field where a script has put it, and nothing was typed or pressed since.
  const placed = () => typeof nextField !== "undefined" && nextField.placed();

  // Whoever saved a value sees the next card from its top, with its conditions, and types the next value at once.
  const moveTo = (card, scrolls = true) => {
    if (typeof nextField !== "undefined" && nextField.moveTo(card, scrolls)) return;
    card.tabIndex = -1;
    card.focus({ preventScroll: true });
    if (scrolls) card.scrollIntoView({ block: "start" });
  };

  // What somebody looks at keeps its place in the window while cards around it come and go.
  const holding = (act) => {
    const card = document.activeElement?.closest(".card");
    const before = card?.getBoundingClientRect().top;
    act();
    const after = card && document.getElementById(card.id);
    if (after) window.scrollBy({ top: after.getBoundingClientRect().top - before, behavior: "instant" });
  };

  const replaceCards = (page, id) => {
    const now = document.getElementById(id);
    const next = [...page.getElementById(id).children];
    const known = new Set(next.map((card) => card.id));
    for (const card of [...now.children]) if (!card.id || !known.has(card.id) && !inUse(card)) card.remove();
    let before = null; // cards are moved by nothing but the others around them: one in use keeps its focus
    for (const card of next) {
      const old = card.id ? document.getElementById(card.id) : null;
      if (old && inUse(old)) { before = old; continue; }
      const had = old !== null && (old === document.activeElement || (placed() && old.contains(document.activeElement)));
      old?.remove();
      if (before) before.after(card); else now.prepend(card);
      if (had) moveTo(card, false);
      before = card;
    }
  };

  const load = async () => {
    const answer = await fetch(location.pathname, { credentials: "same-origin", headers: { "X-Part": "true" } });
    if (answer.status === 401 || answer.status === 404) { location.reload(); return; }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const following = document.getElementById(saved)?.nextElementSibling?.id;
    holding(() => {
      replaceCards(page, "proposals");
      replaceCards(page, "told");
    });
    for (const id of ["waiting-title", "descriptor", "waiting-said"]) document.getElementById(id)?.replaceWith(page.getElementById(id));
    document.querySelector(".said")?.remove(); // what became of a form, which the page shows by now
    if (typeof outbox !== "undefined") outbox.settle();
    if (!saved || document.getElementById(saved)) return;
    const card = document.getElementById(following) ?? document.querySelector("#proposals > .card");
    if (card) saved = null; // else the next proposal is on its way
    // Not away from where somebody types by now.
    if (document.activeElement?.matches("body, #save-all")) moveTo(card ?? document.getElementById("waiting-title"));
  };

  const reload = async () => {
    if (document.hidden) { again = true; return; }
    if (busy) { again = true; return; }
    busy = true;
    try {
      do { again = false; await load(); } while (again && !document.hidden);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the server may be down for a while
    } finally {
      busy = false;
    }
  };

  document.addEventListener("submit", (event) => {
    if (event.target.dataset.number) saved = event.target.closest("#proposals > li")?.id ?? null;
  });
  document.addEventListener("visibilitychange", () => { if (again) reload(); });
  shared.onVersion((next) => {
    if (version !== null && next !== version) reload();
    version = next;
  });
})();
