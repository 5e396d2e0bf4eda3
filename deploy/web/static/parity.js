// Draws computed against predicted values, with the line on which they are equal. The text above it tells the same.
"use strict";

(() => {
  const place = document.getElementById("parity");
  if (!place) return;
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
    const range = () => uPlot.rangeNum(Math.min(...both), Math.max(...both), 0.05, false);
    const side = Math.min(480, Math.max(280, place.clientWidth));
    plot = new uPlot({
      width: side,
      height: side,
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
  };

  keepDrawn(draw, load);
})();
