// Draws the learning curve of each model, computed against predicted values, and the coverage of its intervals.
"use strict";

const sections = document.querySelectorAll(".of-model");

for (const section of sections) {
  const whose = sections.length > 1 ? `${decodeURIComponent(section.dataset.model.split("/").at(-1))}: ` : ""; // versions side by side
  const place = document.createElement("div");
  section.append(place);
  let found = null;
  let plots = [];

  const chart = (title, stem, square, make) => {
    const box = place.appendChild(document.createElement("div"));
    const body = figureIn(box, whose + title);
    taken(box, `${section.dataset.model}/drawings/${encodeURIComponent(stem)}`);
    const style = plotStyle(body);
    const width = Math.max(280, Math.min(square ? 440 : 640, place.clientWidth));
    const { options, data } = make(style);
    plots.push(new uPlot({ width, height: square ? width : 280, ...options }, data, body));
  };

  const curve = (data) => chart(inUnit("Learning curve: root mean square error", data.unit), "learning", false, ({ colour, lines }) => ({
    options: {
      scales: { x: { time: false }, y: { distr: 3 } },
      axes: [{ ...lines, label: "step" }, { ...lines, label: inUnit("error", data.unit), size: 80 }],
      series: [
        { label: "step" },
        { label: "training", stroke: colour("quiet"), width: 2 },
        { label: "validation", stroke: colour("good"), width: 2, dash: [6, 3] },
      ],
    },
    data: [data.steps, data.training.map((value) => value > 0 ? value : null), data.validation.map((value) => value > 0 ? value : null)],
  }));

  const parity = (data) => chart(inUnit(`${data.property}: predicted against computed`, data.unit), `parity-${data.property}`, true, ({ colour, lines }) => {
    const rows = [
      ...data.held_out_computed.map((value, at) => [value, data.held_out_predicted[at], null]),
      ...data.training_computed.map((value, at) => [value, null, data.training_predicted[at]]),
    ].sort((a, b) => a[0] - b[0]);
    const computed = rows.map((row) => row[0]);
    const both = rows.flat().filter((value) => value !== null);
    const range = () => uPlot.rangeNum(Math.min(...both), Math.max(...both), 0.05, false);
    const dots = (label, stroke) => ({ label, stroke, paths: () => null, points: { show: true, size: 4, fill: stroke } });
    return {
      options: {
        scales: { x: { time: false, range }, y: { range } },
        axes: [{ ...lines, label: inUnit("computed", data.unit) }, { ...lines, label: inUnit("predicted", data.unit), size: 80 }],
        series: [{ label: "computed" }, dots("training", colour("quiet")), dots("held out", colour("good")), { label: "equal", stroke: colour("quiet"), points: { show: false } }],
      },
      data: [computed, rows.map((row) => row[2]), rows.map((row) => row[1]), computed],
    };
  });

  const calibration = (data) => chart(`${data.property}: observed against nominal coverage of the intervals, held-out data`, `calibration-${data.property}`, true, ({ colour, lines }) => ({
    options: {
      scales: { x: { time: false, range: [0, 1] }, y: { range: [0, 1] } },
      axes: [{ ...lines, label: "nominal" }, { ...lines, label: "observed", size: 60 }],
      series: [{ label: "nominal" }, { label: "observed", stroke: colour("good"), width: 2 }, { label: "right", stroke: colour("quiet"), points: { show: false } }],
    },
    data: [data.nominal, data.calibration, data.nominal],
  }));

  const draw = () => {
    for (const plot of plots) plot.destroy();
    plots = [];
    place.replaceChildren();
    if (!found) return;
    if (found.curve) curve(found.curve);
    for (const data of found.parity) {
      parity(data);
      if (data.calibration.length > 0) calibration(data);
    }
  };

  const load = async () => {
    const answer = await fetch(`${section.dataset.model}/figures`, { credentials: "same-origin" });
    if (!answer.ok) {
      const problem = document.createElement("p");
      problem.className = "problem";
      problem.textContent = "The report of this training cannot be read.";
      section.replaceChildren(problem);
      return;
    }
    found = await answer.json();
    draw();
  };

  keepDrawn(draw, load);
}
