// Draws computed against predicted values, with the line on which they are equal and a bar of one standard deviation to both
// sides of each prediction; and how often values lie within an interval of the prediction, against how often they should. A click
// on a point opens its evaluation. The text above it tells the same.
"use strict";

(() => {
  const place = document.getElementById("parity");
  if (!place) return;
  const NEAR = 15; // of a click to a point [pixels]
  const FEWEST = 5; // predictions of which `tansaku plot` draws the figure
  const ofCoverage = document.getElementById("coverage");
  let found = null;
  let plots = [];

  // Error function within 1.5e-7: Abramowitz and Stegun 7.1.26, for arguments that are not negative.
  const erf = (x) => {
    const t = 1 / (1 + 0.3275911 * x);
    const sum = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592].reduce((total, factor) => total * t + factor, 0);
    return 1 - sum * t * Math.exp(-x * x);
  };

  // Each value stands at the border of one interval about its prediction; as many of all values lie within it.
  const drawCoverage = () => {
    const within = found.predicted.map((mean, at) => erf(Math.abs(found.computed[at] - mean) / found.deviations[at] / Math.SQRT2)).filter(Number.isFinite).sort((a, b) => a - b);
    ofCoverage.closest("section").hidden = within.length < FEWEST;
    if (within.length < FEWEST) return;
    const { colour, lines } = plotStyle(ofCoverage);
    const side = Math.min(480, Math.max(280, ofCoverage.clientWidth));
    const percent = (share) => 100 * share;
    plots.push(new uPlot({
      width: side,
      height: side,
      scales: { x: { time: false, range: [0, 100] }, y: { range: [0, 100] } },
      axes: [{ ...lines, label: "interval: values that should lie in it [%]" }, { ...lines, label: "values that lie in it [%]", size: 70 }],
      series: [
        { label: "expected" },
        { label: "found", stroke: colour("good"), width: 2, points: { show: false } },
        { label: "right", stroke: colour("quiet"), width: 1, points: { show: false } },
      ],
    }, [[0, ...within, 1].map(percent), [0, ...within.map((_, at) => (at + 1) / within.length), 1].map(percent), [0, ...within, 1].map(percent)], ofCoverage));
  };

  const draw = () => {
    for (const plot of plots) plot.destroy();
    plots = [];
    if (!found || found.predicted.length === 0) return;
    drawCoverage();
    const { colour, lines } = plotStyle(place);
    const order = found.predicted.map((_, index) => index).sort((a, b) => found.predicted[a] - found.predicted[b]);
    const predicted = order.map((index) => found.predicted[index]);
    const computed = order.map((index) => found.computed[index]);
    // The same range on both axes: on the line, what was predicted was found.
    const both = [...predicted, ...computed];
    const bars = (u) => {
      u.ctx.save();
      u.ctx.strokeStyle = colour("quiet");
      u.ctx.globalAlpha = 0.5;
      u.ctx.beginPath();
      order.forEach((index, at) => {
        const y = u.valToPos(computed[at], "y", true);
        for (const [end, move] of [[-1, "moveTo"], [1, "lineTo"]]) u.ctx[move](u.valToPos(predicted[at] + end * found.deviations[index], "x", true), y);
      });
      u.ctx.stroke();
      u.ctx.restore();
    };
    const open = (u) => u.over.addEventListener("click", (event) => {
      const far = predicted.map((value, at) => Math.hypot(u.valToPos(value, "x") - event.offsetX, u.valToPos(computed[at], "y") - event.offsetY));
      const nearest = far.indexOf(Math.min(...far));
      if (far[nearest] < NEAR) location.href = place.dataset.evaluations + found.numbers[order[nearest]];
    });
    const [low, high] = uPlot.rangeNum(Math.min(...both), Math.max(...both), 0.05, false);
    const range = () => [low, high];
    const side = Math.min(480, Math.max(280, place.clientWidth));
    plots.push(new uPlot({
      width: side,
      height: side,
      hooks: { draw: [bars], ready: [open] },
      scales: { x: { time: false, range }, y: { range } },
      axes: [
        { ...lines, label: inUnit("predicted", found.unit) },
        { ...lines, label: inUnit("computed", found.unit), size: 70 },
      ],
      series: [
        { label: "predicted" },
        { label: "computed", stroke: colour("good"), paths: () => null, points: { show: true, size: 5 } },
        { label: "equal", stroke: colour("quiet"), width: 1, spanGaps: true, points: { show: false } },
      ],
    }, [[low, ...predicted, high], [null, ...computed, null], [low, ...predicted.map(() => null), high]], place));
  };

  const load = async () => {
    const answer = await shared.json(place.dataset.predictions);
    if (!answer) return;
    found = answer;
    draw();
    if (found.count < FEWEST || place.nextElementSibling) return;
    takenFrom(place.parentElement, place.dataset, "parity", "view().predictions()");
    takenFrom(ofCoverage.parentElement, place.dataset, "calibration", "view().predictions()");
  };

  keepDrawn(draw, load, null, () => place.closest("[hidden]"));
})();
