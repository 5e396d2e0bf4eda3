// On a phone each row of a table is a card: this names each cell as its column does.
"use strict";

(() => {
  const narrow = matchMedia("(max-width: 40rem)");
  const mark = () => {
    if (!narrow.matches) return;
    for (const table of document.querySelectorAll(".wide table:not(.inputs, .rows-as-cards)")) {
      const titles = [...(table.tHead?.rows[0]?.cells ?? [])].map((cell) => cell.textContent.trim());
      const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
      // Cells that lie in several rows have no card of their own.
      if (titles.length < 2 || rows.some((row) => [...row.cells].some((cell) => cell.rowSpan > 1))) continue;
      for (const row of rows) if (row.cells.length === titles.length) [...row.cells].forEach((cell, place) => { cell.dataset.title = titles[place]; });
      table.classList.add("rows-as-cards");
    }
  };
  new MutationObserver(mark).observe(document.getElementById("main"), { childList: true, subtree: true });
  narrow.addEventListener("change", mark);
  mark();
})();
