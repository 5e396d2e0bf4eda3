// Structures side by side in three dimensions; each shows where its candidate began, or ended.
"use strict";

for (const figure of document.querySelectorAll("figure[data-file]")) {
  const said = figure.querySelector("[role=status]");
  const viewer = structureViewer(figure.querySelector(".viewer"));
  let turn = 0;

  const show = async (of) => {
    const mine = turn += 1;
    const answer = await fetch(`${figure.dataset.file}&of=${of}`, { credentials: "same-origin" });
    const text = answer.ok ? await answer.text() : (await answer.json()).detail;
    if (mine !== turn) return; // the other one was asked for meanwhile
    for (const button of figure.querySelectorAll("[data-of]")) button.setAttribute("aria-pressed", String(button.dataset.of === of));
    if (!answer.ok) { said.textContent = text; return; }
    const atoms = viewer.show(text, "xyz");
    said.textContent = `${atoms.length} atoms, ${of === "start" ? "as its space has it" : "as it was computed"}`;
  };

  figure.addEventListener("click", (event) => { if (event.target.dataset.of) show(event.target.dataset.of); });
  show("end");
}
