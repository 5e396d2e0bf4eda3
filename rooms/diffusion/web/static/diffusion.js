// Draws what is known of an ion's diffusion: slices of the energy surface, the path, the barrier against evaluations, diffusion
// against temperature. Each has its files and its numbers as a table.
"use strict";

(() => {
  const section = document.getElementById("diffusion");
  if (!section) return;
  const place = document.getElementById("diffusion-place");
  let found = null;
  let plots = [];

  // With the files of the figure that `tansaku plot` draws under this name.
  const panel = (title, stem) => {
    const box = place.appendChild(document.createElement("div"));
    const body = figureIn(box, title);
    offer(box, stem);
    return body;
  };

  const offer = (box, stem) => takenFrom(box, section.dataset, stem, "view().surface()");

  const chart = (body, options, data) => {
    const width = Math.max(280, Math.min(640, place.clientWidth));
    plots.push(new uPlot({ width, height: 280, ...options }, data, body));
  };

  // A square of fractional coordinates; what is inside an atom stays empty.
  const heat = (root, left, cut, values, top, title) => {
    const side = 180, [columns, rows] = [cut.places_across.length, cut.places_up.length];
    const cell = { width: side / columns + 0.4, height: side / rows + 0.4 };
    svg("text", { x: left, y: 14, class: "label" }, root, title);
    values.forEach((column, x) => column.forEach((value, y) => {
      if (value === null) return;
      const [red, green, blue] = onScale(value / top);
      const at = { x: left + side * x / columns, y: 20 + side * (1 - (y + 1) / rows) };
      svg("rect", { ...at, ...cell, fill: `rgb(${red} ${green} ${blue})` }, root);
    }));
    for (const [x, y] of cut.computed) {
      svg("circle", { cx: left + side * (x + 0.5 / columns), cy: 20 + side * (1 - y - 0.5 / rows), r: 2.5, class: "mark" }, root);
    }
    svg("rect", { x: left, y: 20, width: side, height: side, class: "open" }, root);
    svg("text", { x: left + side / 2, y: 36 + side, class: "middle" }, root, cut.across);
    svg("text", { x: left - 10, y: 20 + side / 2, class: "middle" }, root, cut.up);
  };

  const slice = (box, cut) => {
    const most = Math.max(...cut.deviation.flat().filter((value) => value !== null), 1e-9);
    const body = figureIn(box, `${cut.axis} = ${shorter(cut.height)}: energy up to ${shorter(cut.top)} eV, deviation up to ${shorter(most)} eV; dots are computed`);
    body.classList.add("wide");
    const root = svg("svg", { viewBox: "0 0 430 222", width: 430, height: 222, class: "drawing" }, body);
    heat(root, 20, cut, cut.energy, cut.top, "energy");
    heat(root, 240, cut, cut.deviation, most, "deviation");
  };

  const path = (data) => {
    const body = panel("Energy along the path [eV]: what is expected, two deviations around it, computed points", "path");
    const { colour, lines } = plotStyle(body);
    const off = (sign) => data.energy.map((value, at) => data.deviation[at] === null ? null : value + 2 * sign * data.deviation[at]);
    chart(body, {
      scales: { x: { time: false } },
      axes: [{ ...lines, label: "distance along the path [Å]" }, { ...lines, label: "energy [eV]", size: 70 }],
      series: [
        { label: "distance" },
        { label: "expected", stroke: colour("good"), width: 2, points: { show: false } },
        { label: "two deviations below", stroke: colour("quiet"), width: 1, points: { show: false } },
        { label: "above", stroke: colour("quiet"), width: 1, points: { show: false } },
        { label: "computed", stroke: colour("warn"), paths: () => null, points: { show: true, size: 7 } },
      ],
    }, [data.distance, data.energy, off(-1), off(1), data.energy.map((value, at) => data.computed[at] ? value : null)]);
  };

  const posterior = (data) => {
    const body = panel("Barrier against evaluations [eV], with its interval", "barrier");
    const { colour, lines } = plotStyle(body);
    const off = (sign) => data.barrier.map((value, at) => data.tolerance[at] === null ? null : value + sign * data.tolerance[at]);
    chart(body, {
      scales: { x: { time: false } },
      axes: [{ ...lines, label: "evaluations", incrs: WHOLE }, { ...lines, label: "barrier [eV]", size: 70 }],
      series: [
        { label: "evaluations" },
        { label: "barrier", stroke: colour("good"), width: 2, points: { show: true, size: 6 } },
        { label: "at least", stroke: colour("quiet"), dash: [6, 4], points: { show: true, size: 4 } },
        { label: "at most", stroke: colour("quiet"), dash: [6, 4], points: { show: true, size: 4 } },
      ],
    }, [data.evaluations, data.barrier, off(-1), off(1)]);
  };

  const arrhenius = (data) => {
    const body = panel(`Diffusion coefficient against inverse temperature: activation energy ${shorter(data.energy)} eV`, "arrhenius");
    const { colour, lines } = plotStyle(body);
    const rows = data.temperature.map((kelvin, at) => [1000 / kelvin, Math.log10(data.coefficient[at])]).filter((row) => isFinite(row[1])).sort((one, other) => one[0] - other[0]);
    chart(body, {
      scales: { x: { time: false } },
      axes: [{ ...lines, label: "1000 K / temperature" }, { ...lines, label: "log10 of diffusion [cm²/s]", size: 70 }],
      series: [{ label: "1000 K / T" }, { label: "log10 of diffusion", stroke: colour("good"), width: 2, points: { show: true, size: 6 } }],
    }, [rows.map((row) => row[0]), rows.map((row) => row[1])]);
  };

  const draw = () => {
    for (const plot of plots) plot.destroy();
    plots = [];
    place.replaceChildren();
    if (!found) return;
    const cuts = place.appendChild(document.createElement("div"));
    for (const cut of found.slices) slice(cuts, cut);
    if (found.slices.length > 0) offer(cuts, "surface");
    if (found.path) path(found.path);
    if (found.posterior) posterior(found.posterior);
    if (found.diffusion) arrhenius(found.diffusion);
  };

  const load = async () => {
    const answer = await fetch(section.dataset.diffusion, { credentials: "same-origin" });
    if (!answer.ok) return;
    found = await answer.json();
    draw();
  };

  keepDrawn(draw, load);
})();
