// On a phone each row of a table is a card: this names each cell as its column does. Of many cards a button below them shows more.
"use strict";

(() => {
  const MOST = 20; // cards at first, and further ones with each click
  const narrow = matchMedia("(max-width: 40rem)");
  const shown = new Map(); // table, by where it stands -> cards that are shown, also once a live page has put another one in its place

  const keyOf = (table) => {
    const box = table.closest("[id]");
    return [box?.id, [...(box ?? document).querySelectorAll("table")].indexOf(table)].join(" ");
  };

  const done = new WeakMap(); // table -> how it was cut last

  const cut = (table) => {
    const key = keyOf(table), count = table.rows.length, most = narrow.matches ? shown.get(key) ?? MOST : Infinity;
    if (done.get(table) === `${most}/${count}`) return;
    done.set(table, `${most}/${count}`);
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    rows.forEach((row, at) => { row.hidden = at >= most; });
    table.parentElement.querySelector(":scope > .more-cards")?.remove();
    if (most >= rows.length) return;
    const textContent = `Show ${Math.min(MOST, rows.length - most)} more of ${rows.length}`;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet more-cards", textContent });
    button.addEventListener("click", () => {
      shown.set(key, most + MOST);
      cut(table);
      // The keyboard goes on at the first of the further cards, also where the button has gone.
      const next = rows[most];
      (next.querySelector("a, button, input") ?? Object.assign(next, { tabIndex: -1 })).focus();
    });
    table.after(button);
  };

  // Names the cells; false where the rows are no cards.
  const named = (table) => {
    if (table.classList.contains("rows-as-cards")) return true;
    if (!narrow.matches) return false;
    const titles = [...(table.tHead?.rows[0]?.cells ?? [])].map((cell) => cell.textContent.trim());
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    // Cells that lie in several rows have no card of their own.
    if (titles.length < 2 || rows.some((row) => [...row.cells].some((cell) => cell.rowSpan > 1))) return false;
    for (const row of rows) if (row.cells.length === titles.length) [...row.cells].forEach((cell, place) => { cell.dataset.title = titles[place]; });
    table.classList.add("rows-as-cards");
    return true;
  };

  const mark = () => {
    for (const table of document.querySelectorAll(".wide table:not(.inputs)")) if (named(table)) cut(table);
  };
  new MutationObserver(mark).observe(document.getElementById("main"), { childList: true, subtree: true });
  narrow.addEventListener("change", mark);
  mark();
})();
