// Draws computed against predicted values, with the line on which they are equal and a bar of one standard deviation to both
// sides of each prediction. A click on a point opens its evaluation. The text above it tells the same.
"use strict";

(() => {
  const place = document.getElementById("parity");
  if (!place) return;
  const NEAR = 15; // of a click to a point [pixels]
  const FEWEST = 5; // predictions of which `tansaku plot` draws the figure
  let found = null;
  let plot = null;

  const draw = () => {
    if (plot) plot.destroy();
    plot = null;
    if (!found || found.predicted.length === 0) return;
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
    const range = () => uPlot.rangeNum(Math.min(...both), Math.max(...both), 0.05, false);
    const side = Math.min(480, Math.max(280, place.clientWidth));
    plot = new uPlot({
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
        { label: "equal", stroke: colour("quiet"), width: 1, points: { show: false } },
      ],
    }, [predicted, computed, predicted], place);
  };

  const load = async () => {
    const answer = await shared.json(place.dataset.predictions);
    if (!answer) return;
    found = answer;
    draw();
    if (found.count < FEWEST || place.nextElementSibling) return;
    takenFrom(place.parentElement, place.dataset, "parity", "view().predictions()");
  };

  keepDrawn(draw, load, null, () => place.closest("[hidden]"));
})();
