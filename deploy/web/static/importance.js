// Draws how much each group of features matters to the model, or says why that cannot be given, when its part of the page is looked at.
"use strict";

(() => {
  const section = document.getElementById("importance");
  const note = document.getElementById("importance-note");
  const place = document.getElementById("importance-place");
  const SELDOM = 10000; // between two questions to a model that learns all the time [ms]
  let found = null, asked = -SELDOM, later = null;

  const draw = () => {
    if (!found) return;
    place.replaceChildren();
    note.hidden = found.shares.length > 0;
    note.textContent = found.problem && `Importance cannot be given: ${found.problem}.`;
    if (found.shares.length === 0) return;
    const body = figureIn(place, "Share of the variance in the model [%], by group of features");
    drawBars(body, found.shares.map((item) => item.name), found.shares.map((item) => 100 * item.share), place.clientWidth);
    takenFrom(place, section.dataset, "importance", "importance()");
  };

  const load = async () => {
    clearTimeout(later);
    const wait = asked + SELDOM - performance.now();
    if (wait > 0) { later = setTimeout(load, wait); return; }
    asked = performance.now();
    found = await shared.json(section.dataset.importance) ?? found;
    draw();
  };

  keepDrawn(draw, load, null, () => section.closest("[hidden]"));
})();
