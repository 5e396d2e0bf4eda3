// Draws the best value so far of several campaigns on shared axes. The last values are in the table below.
"use strict";

(() => {
  const place = document.getElementById("curves");
  if (!place) return;
  const axis = document.getElementById("curves-axis");
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
  // Eight campaigns differ in their dash or their colour, and the first four in both.
  const dash = (at) => (at + Math.floor(at / DASHES.length)) % DASHES.length;
  let found = null;
  let horizontal = "evaluations";
  let plot = null;

  const offer = () => {
    const names = found.campaigns.map((line) => line.name);
    const query = new URLSearchParams([...names.map((name) => ["name", name]), ["axis", horizontal]]);
    const files = document.getElementById("curves-files");
    files.replaceChildren();
    const lines = `import pandas as pd\nimport tansaku as ts\npd.concat({name: ts.Campaign.open(name).frame for name in ${JSON.stringify(names)}})`;
    taken(files, `/api/v1/comparison/drawing?${query}`, { lines });
  };

  const draw = () => {
    if (plot) plot.destroy();
    plot = null;
    if (!found) return;
    const { colour, lines } = plotStyle(place);
    const colours = [colour("good"), colour("warn"), colour("bad"), colour("quiet")];
    const unit = horizontal === "cost" ? found.cost_unit : null;
    const tables = found.series.map((series) => [series[horizontal], series.best]);
    plot = new uPlot({
      width: Math.max(280, place.clientWidth),
      height: 340,
      scales: { x: { time: false } },
      axes: [{ ...lines, label: unit ? `${horizontal} [${unit}]` : horizontal, ...(horizontal === "evaluations" ? { incrs: WHOLE } : {}) }, { ...lines, label: inUnit(found.quantity, found.unit), size: 70 }],
      series: [
        { label: horizontal },
        ...found.campaigns.map((line, at) => ({
          label: line.name,
          stroke: colours[at % colours.length],
          // A line that lies on another one leaves it seen: through its gaps, and at its sides.
          width: DASHES[dash(at)].length ? 2 : 4,
          dash: DASHES[dash(at)],
          spanGaps: true,
          paths: uPlot.paths.stepped({ align: 1 }),
          points: { show: false },
        })),
      ],
    }, uPlot.join(tables), place);
  };

  const load = async () => {
    const answer = await fetch(place.dataset.comparison, { credentials: "same-origin" });
    if (!answer.ok) return;
    found = await answer.json();
    axis.hidden = false;
    offer();
    draw();
  };

  onAxisChosen(axis, (chosen) => {
    horizontal = chosen;
    offer();
    draw();
  });
  keepDrawn(draw, load);
})();
