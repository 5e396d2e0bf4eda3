// Draws a campaign over its parameters: evaluations as lines at once; slices, a contour and shares of the model when its part
// of the page is looked at, because they take longer. Each figure has its files, its line of Python, and its numbers as a table.
"use strict";

(() => {
  const section = document.getElementById("parameters");
  if (!section) return;
  const ofModel = document.getElementById("parameter-model");
  const note = document.getElementById("parameter-note");
  const places = Object.fromEntries(["parallel", "slices", "contour", "shares"].map((name) => [name, document.getElementById(`${name}-place`)]));
  const choice = { x: document.getElementById("contour-x"), y: document.getElementById("contour-y") };
  const SELDOM = 10000; // between two questions to a model that learns all the time [ms]
  let lines = null, said = null, contour = null;
  let asked = 0, stale = true, busy = false, later = null;

  // A column of a table may have its unit in its name.
  const titled = (axis) => axis.unit && !/[\])]$/.test(axis.name) ? inUnit(axis.name, axis.unit) : axis.name;
  const axisOf = (name) => lines.axes.find((axis) => axis.name === name);
  const cellsOf = (name) => lines.cells[lines.axes.findIndex((axis) => axis.name === name)];
  const found = () => inUnit(lines.quantity.replaceAll("_", " "), lines.unit);
  const openEvaluation = (at) => { location.href = section.dataset.evaluations + lines.numbers[at]; };

  const figure = (where, title, stem, query, python, headings, rows) => {
    where.replaceChildren();
    const body = figureIn(where, title);
    takenFrom(where, section.dataset, stem, python, { query, table: false });
    tableIn(where, stem, async () => ({ headings, rows: rows() }), (cell, at) => at === 0 && headings[0] === "Evaluation" ? section.dataset.evaluations + cell : null);
    return body;
  };

  const drawLines = () => {
    section.hidden = !lines;
    if (!lines) return;
    const shown = lines.numbers.length, left = lines.left_out ? `; ${lines.left_out} parameters are not shown` : "";
    const title = `${shown === lines.count ? shown : `${shown} of ${lines.count}`} values, a line each: click on it to open its evaluation${left}`;
    const headings = ["Evaluation", "Candidate", ...lines.axes.map(titled), found(), ""];
    const rows = () => lines.numbers.map((number, at) => [
      number, lines.candidates[at], ...lines.cells.map((cells) => cells[at]), lines.values[at], lines.outliers[at] ? "far from all others" : "",
    ]).reverse();
    drawParallel(figure(places.parallel, title, "parallel", {}, "frame", headings, rows), lines, openEvaluation);
  };

  const drawModel = () => {
    if (!lines || !said) return;
    note.textContent = said.problem || `Drawn from the model of evaluation ${said.model.evaluation}; the best is ${said.model.candidate}, evaluation ${said.model.number}.`;
    const model = said.model;
    if (!model) return;
    const band = `Predicted ${found()}, with one standard deviation, through the best candidate`;
    const slices = () => model.slices.flatMap((item) => item.at.map((at, k) => [item.along, at, item.mean[k], item.deviation[k]]));
    drawSlices(
      figure(places.slices, band, "slices", {}, "slices()", ["Along", "At", inUnit("Mean", lines.unit), inUnit("Deviation", lines.unit)], slices),
      model.slices.map((item) => ({ ...item, axis: axisOf(item.along), computed: cellsOf(item.along) })), lines, openEvaluation,
    );
    if (model.shares.length > 0) {
      const title = "Importance: share of the variance in the model [%]";
      const body = figure(places.shares, title, "importance", {}, "importance()", ["Parameter", "Share [%]"], () => model.shares.map((item) => [item.name, 100 * item.share]));
      drawBars(body, model.shares.map((item) => cut(item.name, 24)), model.shares.map((item) => 100 * item.share), places.shares.clientWidth);
    }
    drawChosen();
  };

  const drawChosen = () => {
    if (!contour) return;
    const { x, y } = contour;
    const title = `Predicted ${found()} over ${x} and ${y}, else as the best; circles are evaluations (evaluation ${contour.evaluation} is the last that the model knows)`;
    const rows = () => contour.at_x.flatMap((across, i) => contour.at_y.map((up, j) => [across, up, contour.mean[i][j], contour.deviation[i][j]]));
    const headings = [titled(axisOf(x)), titled(axisOf(y)), inUnit("Mean", lines.unit), inUnit("Deviation", lines.unit)];
    const body = figure(places.contour, title, "contour", { x, y }, `view().contour(${JSON.stringify(x)}, ${JSON.stringify(y)})`, headings, rows);
    drawContour(body, contour, [axisOf(x), axisOf(y)], [cellsOf(x), cellsOf(y)], lines, openEvaluation);
  };

  // Parts of the same fractions cannot be changed independently.
  const independent = (x, y) => x !== y && !(x.includes(".") && x.split(".")[0] === y.split(".")[0]);

  const offer = () => {
    const names = lines.axes.map((axis) => axis.name);
    if (choice.x.options.length === 0) for (const name of names) choice.x.add(new Option(name, name));
    choice.x.value = contour.x;
    choice.y.replaceChildren(...names.filter((name) => independent(contour.x, name)).map((name) => new Option(name, name)));
    choice.y.value = contour.y;
    document.getElementById("contour-choice").hidden = false;
  };

  const askContour = async (chosen) => {
    const names = lines.axes.map((axis) => axis.name);
    if (!names.some((x) => names.some((y) => independent(x, y)))) return;
    const answer = await shared.json(`${section.dataset.contour}?${new URLSearchParams(chosen)}`);
    if (!answer) return;
    contour = answer;
    offer();
    drawChosen();
  };

  for (const select of [choice.x, choice.y]) {
    select.addEventListener("change", () => {
      const x = choice.x.value;
      const y = independent(x, choice.y.value) ? choice.y.value : lines.axes.map((axis) => axis.name).find((name) => independent(x, name));
      askContour(y === undefined ? { x } : { x, y });
    });
  }

  const askModel = async () => {
    if (!lines || !stale || busy || !ofModel.checkVisibility()) return;
    clearTimeout(later);
    const wait = asked + SELDOM - Date.now();
    if (wait > 0) { later = setTimeout(askModel, wait); return; }
    busy = true;
    asked = Date.now();
    stale = false;
    if (!said) note.textContent = "The model is being asked…";
    const answer = await shared.json(section.dataset.model);
    busy = false;
    if (!answer) { stale = true; return; }
    said = answer;
    drawModel();
    if (said.model) await askContour(contour ? { x: contour.x, y: contour.y } : {});
  };

  const load = async () => {
    stale = true;
    lines = await shared.json(section.dataset.parallel) ?? lines;
    drawLines();
    ofModel.hidden = !lines;
    await askModel();
  };

  keepDrawn(() => { drawLines(); if (ofModel.checkVisibility()) { drawModel(); askModel(); } }, load);
})();
