// Draws the energy along a path: the points are computed, the line through them is level at each.
"use strict";

(() => {
  const place = document.getElementById("path-plot");
  const [distance, energy] = [place.dataset.distance, place.dataset.energy].map((text) => text.split(" ").map(Number));
  let plot = null;

  const draw = () => {
    if (plot) plot.destroy();
    const { colour, lines } = plotStyle(place);
    const rows = [];
    for (let k = 0; k + 1 < distance.length; k += 1) {
      for (let step = 0; step < 20; step += 1) {
        const share = step / 20;
        const rise = 0.5 * (1 - Math.cos(Math.PI * share)) * (energy[k + 1] - energy[k]);
        rows.push([distance[k] + share * (distance[k + 1] - distance[k]), energy[k] + rise, step === 0 ? energy[k] : null]);
      }
    }
    rows.push([distance.at(-1), energy.at(-1), energy.at(-1)]);
    plot = new uPlot({
      width: Math.max(280, Math.min(640, place.clientWidth)),
      height: 280,
      scales: { x: { time: false } },
      axes: [{ ...lines, label: "distance along the path [Å]" }, { ...lines, label: "energy [eV]", size: 70 }],
      series: [
        { label: "distance" },
        { label: "line", stroke: colour("quiet"), width: 2, points: { show: false } },
        { label: "computed", stroke: colour("good"), paths: () => null, points: { show: true, size: 7 } },
      ],
    }, [0, 1, 2].map((column) => rows.map((row) => row[column])), place);
  };

  keepDrawn(draw, draw);
})();
