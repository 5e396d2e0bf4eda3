// Draws the best value so far from the series of the API. The same numbers are in the table below it.
"use strict";

(() => {
  const place = document.getElementById("curve");
  const axis = document.getElementById("curve-axis");
  let series = null;
  let horizontal = "evaluations";
  let plot = null;

  const draw = () => {
    if (plot) plot.destroy();
    plot = null;
    if (!series || series.evaluations.length === 0) return;
    place.replaceChildren();
    const unit = horizontal === "cost" ? series.cost_unit ?? "as given" : null;
    const { colour, lines } = plotStyle(place);
    plot = new uPlot({
      width: Math.max(280, place.clientWidth),
      height: 280,
      scales: { x: { time: false } },
      axes: [{ ...lines, label: unit ? `${horizontal} [${unit}]` : horizontal, ...(horizontal === "evaluations" ? { incrs: WHOLE } : {}) }, { ...lines, label: series.unit === "1" ? "" : prettyUnit(series.unit), size: 70 }],
      series: [
        { label: horizontal },
        { label: "result", stroke: colour("quiet"), paths: () => null, points: { show: true, size: 4 } },
        { label: "best so far", stroke: colour("good"), width: 2, paths: uPlot.paths.stepped({ align: 1 }) },
      ],
    }, [series[horizontal], series.value, series.best], place);
  };

  const files = document.getElementById("best-value-files");
  takenFrom(files, place.dataset, "best-value-over-evaluations", "frame", { table: false }); // the last improvements are below

  const load = async () => {
    const answer = await shared.json(place.dataset.series);
    if (!answer) return;
    series = answer;
    files.hidden = !series.best.some((value) => value !== null);
    axis.hidden = files.hidden;
    draw();
  };

  onAxisChosen(axis, (chosen) => {
    horizontal = chosen;
    draw();
  });
  keepDrawn(draw, load, place);
})();
