// Draws the report on a table: how many sets of columns have which free energy, with the choices of usual methods, and how probable
// each column is. Each has its files and its numbers as a table.
"use strict";

(() => {
  const MOST_BARS = 30;
  let report = null;
  let plots = [];

  const panel = (place, stem, title) => {
    const box = place.appendChild(document.createElement("div"));
    const body = figureIn(box, title);
    taken(box, `${document.getElementById("sparse").dataset.search}/drawings/${stem}`);
    return body;
  };

  // A histogram whose counts span many orders of magnitude, as steps of their logarithm.
  const states = (place) => {
    const { edges, log_count: logs } = report.density_of_states;
    const body = panel(place, "density", "Number of sets of columns by free energy; points: the choice of each method");
    const { colour, lines } = plotStyle(body);
    const chosen = [["search", report.models[0].energy], ...Object.entries(report.methods).map(([name, method]) => [name, method.energy])];
    const count = (energy) => {
      const bin = Math.min(logs.length - 1, Math.max(0, edges.findIndex((edge) => edge > energy) - 1));
      return logs[bin] === null ? 0 : logs[bin] / Math.LN10;
    };
    const levels = [...edges, ...chosen.map((item) => item[1])].sort((one, other) => one - other);
    const bars = levels.map((level) => {
      const bin = edges.findLastIndex((edge) => edge <= level);
      const log = bin < 0 || bin >= logs.length ? null : logs[bin];
      return log === null ? null : log / Math.LN10;
    });
    const marked = new Set(chosen.map((item) => item[1]));
    const marks = levels.map((level) => marked.has(level) ? count(level) : null);
    const width = Math.max(280, Math.min(640, place.clientWidth));
    plots.push(new uPlot({
      width, height: 280, scales: { x: { time: false } },
      axes: [{ ...lines, label: "free energy [nats]; smaller is better" }, { ...lines, label: "log10 of the number of sets", size: 60 }],
      series: [
        { label: "free energy" },
        { label: "sets", stroke: colour("good"), width: 2, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
        { label: "methods", stroke: colour("warn"), paths: () => null, points: { show: true, size: 8 } },
      ],
    }, [levels, bars, marks], body));
  };

  const posterior = (place) => {
    const body = panel(place, "columns", "Probability that a column belongs to the model");
    const rows = Object.entries(report.feature_posterior).sort((one, other) => other[1] - one[1]).slice(0, MOST_BARS);
    drawBars(body, rows.map((row) => row[0]), rows.map((row) => row[1]), place.clientWidth);
  };

  const draw = () => {
    const place = document.getElementById("sparse-place");
    if (!place || !report) return;
    for (const plot of plots) plot.destroy();
    plots = [];
    place.replaceChildren();
    states(place);
    posterior(place);
  };

  const load = async () => {
    const section = document.getElementById("sparse");
    if (!section) return;
    const answer = await fetch(section.dataset.search, { credentials: "same-origin" });
    if (!answer.ok) return;
    report = (await answer.json()).search;
    draw();
  };

  document.addEventListener("tansaku:replaced", load);
  keepDrawn(draw, load);
})();
