// Draws the figures that a campaign has: energy against angle and over the chemical potential, map of compositions, Pareto front, looks beside full values,
// certificate, last proposals. The same numbers are in tables below them.
"use strict";

(() => {
  const section = document.getElementById("figures");
  const place = document.getElementById("figure-place");
  const ofModel = document.getElementById("model-figures");
  const problem = document.getElementById("figures-problem");
  let found = null;
  let drawn = ""; // what the figures of the first part show
  let plots = { found: [], model: [] };
  const SELDOM = 60000; // [ms] between two looks at pictures, which the server draws
  const ofPictures = document.createElement("div");
  place.after(ofPictures);
  let seen = "", looked = -Infinity, later = null; // version of the pictures, and when they were asked for

  // With the files of the figure that `tansaku plot` draws under this name, and the line of Python that has its numbers.
  const panel = (title, stem, python, where = place) => {
    const body = figureIn(where, title);
    takenFrom(where, section.dataset, stem, python);
    return body;
  };

  // Points at both ends stand inside the frame.
  const padded = (_, low, high) => { const room = 0.03 * (high - low || 1); return [low - room, high + room]; };

  const points = (label, stroke, size) => ({ label, stroke, paths: () => null, points: { show: true, size, fill: stroke } });

  const chart = (body, options, data, kind = "found") => {
    const width = Math.max(280, Math.min(760, body.clientWidth));
    plots[kind].push(new uPlot({ width, height: 300, ...options }, data, body));
  };

  const angles = (data) => {
    const body = panel(inUnit("Energy against misorientation angle", found.unit), "energy-angle", "view().systems()");
    const { colour, lines } = plotStyle(body);
    // Boundaries of the same misorientation differ in their planes: no line leads from one to another.
    const distinct = data.angle.every((angle, at) => at === 0 || angle - data.angle[at - 1] > 0.1);
    const least = data.searched.map((value, at) => data.relaxed[at] === null ? value : Math.min(value, data.relaxed[at]));
    chart(body, {
      scales: { x: { time: false, range: padded }, y: { range: (_, low, high) => [Math.min(0, low), high * 1.05] } },
      axes: [{ ...lines, label: "angle [°]" }, { ...lines, label: inUnit(found.name, found.unit), size: 70 }],
      series: [
        { label: "angle", value: (_, value, __, at) => at === null || value === null ? "–" : `${value.toFixed(2)}° ${data.labels[at]}` },
        { label: "lowest", stroke: colour("quiet"), width: 1.5, points: { show: false }, show: distinct },
        points("search", colour("warn"), 8),
        points("final relaxation", colour("good"), 6),
      ],
    }, [data.angle, least, data.searched, data.relaxed]);
  };

  // A line for each excess of units, and the lowest of them, over the chemical potential of the unit.
  const potentials = (data) => {
    const body = panel(inUnit(`${data.boundary}: energy over the chemical potential Δμ of ${data.unit_name}, 0 in its crystal`, found.unit), "chemical-potential", "view().systems()");
    const { colour, lines } = plotStyle(body);
    const excess = (line) => line.excess ? `${line.excess > 0 ? "+" : "−"}${Math.abs(line.excess)} ${data.unit_name}` : "stoichiometric";
    const dashes = [[], [8, 4], [2, 3], [10, 3, 2, 3]], shades = ["warn", "bad", "quiet"];
    chart(body, {
      scales: { x: { time: false, range: padded } },
      axes: [{ ...lines, label: `Δμ of ${data.unit_name} [eV]` }, { ...lines, label: inUnit(found.name, found.unit), size: 70 }],
      series: [
        { label: "potential" },
        { label: "lowest", stroke: colour("good"), width: 5, points: { show: false } },
        ...data.lines.map((line, at) => ({ label: `${excess(line)}, round ${line.number}`, stroke: colour(shades[at % shades.length]), width: 2, dash: dashes[at % dashes.length], points: { show: false } })),
      ],
    }, [data.potentials, data.lowest, ...data.lines.map((line) => line.energy)]);
  };

  const front = (data) => {
    const shown = data.axes.map((axis) => inUnit(axis.name, axis.unit));
    for (let other = 1; other < data.axes.length; other += 1) {
      const body = panel(`Pareto front: ${data.axes[0].name} (${data.axes[0].direction}), ${data.axes[other].name} (${data.axes[other].direction})`, "front", "view().front()");
      const { colour, lines } = plotStyle(body);
      const of = (wanted) => data.values[other].map((value, at) => data.member[at] === wanted ? value : null);
      chart(body, {
        scales: { x: { time: false } },
        axes: [{ ...lines, label: shown[0] }, { ...lines, label: shown[other], size: 70 }],
        series: [
          { label: shown[0], value: (_, value, __, at) => at === null || value === null ? "–" : `${value} ${data.candidates[at]}` },
          points("surpassed", colour("quiet"), 4),
          { label: "front", stroke: colour("good"), width: 2, spanGaps: true, points: { show: true, size: 8 } },
        ],
      }, [data.values[0], of(false), of(true)]);
    }
  };

  const looks = (data) => {
    const body = panel(`Looks beside full values, ${data.alone} without one`, "looks", "results");
    const { colour, lines } = plotStyle(body);
    const shades = ["good", "warn", "bad", "quiet"];
    const of = (level) => data.full.map((value, at) => data.level[at] === level ? value : null);
    chart(body, {
      scales: { x: { time: false } },
      axes: [{ ...lines, label: inUnit("look", data.unit) }, { ...lines, label: inUnit(found.name, found.unit), size: 70 }],
      series: [
        { label: "look", value: (_, value, __, at) => at === null || value === null ? "–" : `${value} ${data.candidates[at]}` },
        ...data.levels.map((name, level) => points(name, colour(shades[level % shades.length]), 7)),
      ],
    }, [data.look, ...data.levels.map((_, level) => of(level))]);
  };

  const proposals = (data) => {
    const body = panel(`Acquisition and deviation of the last ${data.numbers.length} proposals`, "acquisition", "frame", ofModel);
    const { colour, lines } = plotStyle(body);
    chart(body, {
      scales: { x: { time: false } },
      axes: [
        { ...lines, label: "round", incrs: WHOLE },
        { ...lines, label: "acquisition", size: 70 },
        { ...lines, label: inUnit("deviation", found.unit), scale: "deviation", side: 1, size: 70, grid: { show: false } },
      ],
      series: [
        { label: "round" },
        { label: "acquisition", stroke: colour("good"), width: 3, points: { show: true, size: 5 } },
        { label: "deviation", scale: "deviation", stroke: colour("warn"), width: 2, dash: [6, 4], points: { show: true, size: 5 } },
      ],
    }, [data.numbers, data.acquisition, data.deviation], "model");
  };

  const clear = (kind, where) => {
    for (const plot of plots[kind]) plot.destroy();
    plots[kind] = [];
    where.replaceChildren();
  };

  const isEmpty = () => place.children.length === 0 && ofPictures.children.length === 0 && !found.problem;

  const drawFound = () => {
    clear("found", place);
    problem.hidden = !found.problem;
    problem.textContent = found.problem;
    if (found.angles) angles(found.angles);
    for (const map of found.maps) drawMap(panel(inUnit(`${map.system}: ${found.name}`, found.unit), "map", "view().compositions()"), map, section.dataset.evaluations);
    for (const lines of found.potentials) potentials(lines);
    if (found.front) front(found.front);
    if (found.looks) looks(found.looks);
    section.hidden = isEmpty();
  };

  const drawModel = () => {
    clear("model", ofModel);
    if (ofModel.closest("[hidden]")) return;
    if (found.certificate?.tolerance.some((value) => value !== null)) {
      const percent = 100 * found.certificate.confidence;
      const text = inUnit(`Certificate by system: with ${percent} %, nothing better by more than this remains`, found.unit);
      drawBars(panel(text, "certificate", "status", ofModel), found.certificate.systems, found.certificate.tolerance, ofModel.clientWidth);
    }
    if (found.proposals) proposals(found.proposals);
  };

  // Figures that this page does not draw itself, of those that there are, as `tansaku plot` draws them.
  const lookAtPictures = async () => {
    clearTimeout(later);
    if (found.pictures.length === 0 || seen === found.version || ofPictures.closest("[hidden]:not(#figures)")) return;
    const wait = looked + SELDOM - performance.now();
    if (wait > 0) { later = setTimeout(lookAtPictures, wait); return; }
    looked = performance.now();
    const version = found.version;
    const known = await shared.json(section.dataset.drawings.slice(0, -1));
    if (!known) return;
    seen = version;
    ofPictures.replaceChildren();
    for (const name of found.pictures) {
      const there = known.find(({ figure }) => figure === name);
      if (!there) continue;
      const body = figureIn(ofPictures, name[0].toUpperCase() + name.slice(1).replaceAll("-", " "));
      pictureIn(body, `${section.dataset.drawings}${name}?form=svg&seen=${encodeURIComponent(version)}`);
      takenFrom(ofPictures, section.dataset, name, "view().plot(\"figures\")", { forms: there.forms });
    }
    section.hidden = isEmpty();
  };

  const draw = () => {
    if (!found) return;
    drawFound();
    drawModel();
    lookAtPictures();
  };

  const load = async () => {
    const answer = await shared.json(section.dataset.figures);
    if (!answer) return;
    found = answer;
    // Most results change the last proposals alone.
    const now = JSON.stringify({ ...found, version: null, proposals: null, certificate: null });
    if (now !== drawn) drawFound();
    drawn = now;
    drawModel();
    await lookAtPictures();
  };

  keepDrawn(draw, load);
})();
