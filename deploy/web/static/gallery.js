// Structures side by side in three dimensions; each shows where its candidate began, or ended, or the steps between.
"use strict";

// Structures of a file of several, each as text: their number of atoms, a line that describes them, and a line for each atom.
const structuresOf = (text) => {
  const lines = text.split("\n"), found = [];
  for (let at = 0; Number(lines[at]) > 0; at += Number(lines[at]) + 2) {
    found.push(lines.slice(at, at + Number(lines[at]) + 2).join("\n"));
  }
  return found;
};

const described = (step, place, count) => {
  const number = /\bstep=(\w+)/.exec(step)?.[1], energy = /\benergy=(\S+)/.exec(step)?.[1];
  const said = number === "end" ? "the end" : number === "0" ? "the start" : `step ${number}`;
  return `${place + 1} of ${count} kept structures: ${said}${energy ? `, ${Number(energy).toFixed(4)} eV` : ""}`;
};

for (const figure of document.querySelectorAll("figure[data-file]")) {
  const said = figure.querySelector("[role=status]");
  const viewer = structureViewer(figure.querySelector(".viewer"));
  const chosen = figure.querySelector(".step"), slider = chosen?.querySelector("input");
  let turn = 0, steps = [];

  const showStep = (keepsView) => {
    const place = Number(slider.value);
    viewer.show(steps[place], "xyz", {}, keepsView);
    said.textContent = described(steps[place], place, steps.length);
  };

  const show = async (of) => {
    const mine = turn += 1;
    for (const button of figure.querySelectorAll("[data-of]")) button.setAttribute("aria-pressed", String(button.dataset.of === of));
    if (chosen) chosen.hidden = true;
    said.textContent = "Loading …";
    const answer = await fetch(`${figure.dataset.file}&of=${of}`, { credentials: "same-origin" }).catch(() => null);
    const text = answer === null ? "The server does not answer." : answer.ok ? await answer.text() : (await answer.json()).detail;
    if (mine !== turn) return; // the other one was asked for meanwhile
    if (!answer?.ok) { said.textContent = text; return; }
    if (chosen) chosen.hidden = of !== "steps";
    if (of === "steps") {
      steps = structuresOf(text);
      slider.max = String(steps.length - 1);
      slider.value = "0";
      showStep(false);
      return;
    }
    const atoms = viewer.show(text, "xyz");
    said.textContent = `${atoms.length} ${atoms.length === 1 ? "atom" : "atoms"}, ${of === "start" ? "as its space has it" : "as it was computed"}${viewer.beside()}`;
  };

  figure.addEventListener("click", (event) => { if (event.target.dataset.of) show(event.target.dataset.of); });
  slider?.addEventListener("input", () => showStep(true));
  show("end");
}
