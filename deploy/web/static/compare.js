// Draws the best value so far of several campaigns on shared axes. The last values are in the table below.
"use strict";

(() => {
  const place = document.getElementById("curves");
  if (!place) return;
  const axis = document.getElementById("curves-axis");
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
  let found = null;
  let horizontal = "evaluations";
  let plot = null;

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
      axes: [{ ...lines, label: unit ? `${horizontal} [${unit}]` : horizontal, ...(horizontal === "evaluations" ? { incrs: WHOLE } : {}) }, { ...lines, label: `${found.quantity} [${found.unit}]`, size: 70 }],
      series: [
        { label: horizontal },
        ...found.campaigns.map((line, at) => ({
          label: line.name,
          stroke: colours[at % colours.length],
          width: 2,
          dash: DASHES[Math.floor(at / colours.length) % DASHES.length],
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
    draw();
  };

  axis.addEventListener("click", (event) => {
    const chosen = event.target.dataset.axis;
    if (!chosen) return;
    horizontal = chosen;
    for (const button of axis.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === event.target));
    draw();
  });
  keepDrawn(draw, load);
})();
