// Draws lines over parameters, slices and contours as SVG, whose colours come from the style sheet but for the scale of values.
"use strict";

// From poor to good: both ends are seen on a light and on a dark page.
const GOODNESS = [[96, 125, 159], [142, 122, 142], [217, 95, 2]];

const goodness = (share) => {
  const at = Math.min(Math.max(share, 0), 1) * (GOODNESS.length - 1), low = Math.min(Math.floor(at), GOODNESS.length - 2);
  return `rgb(${GOODNESS[low].map((part, k) => Math.round(part + (at - low) * (GOODNESS[low + 1][k] - part))).join(" ")})`;
};

const cut = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

// Range of the numbers of an axis, with some room; of categories their places.
const rangeOf = (axis, ...numbers) => {
  if (axis.categories) return [-0.5, axis.categories.length - 0.5];
  const known = numbers.flat().filter((value) => typeof value === "number");
  if (known.length === 0) return [0, 1];
  const low = Math.min(...known), high = Math.max(...known), room = 0.04 * (high - low) || 0.5;
  return [low - room, high + room];
};

const placeOn = (axis, cell) => cell === null ? null : axis.categories ? axis.categories.indexOf(cell) : cell;

const marksOf = ([low, high], most) => {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((part) => part * power).find((size) => size >= rough);
  const marks = [];
  for (let k = Math.ceil(low / step); k * step <= high; k += 1) marks.push(Number((k * step).toPrecision(12)));
  return marks;
};

// Values without those that are far from all others, which would leave nothing of the scale.
const plausible = (lines) => {
  const kept = lines.values.filter((_, at) => !lines.outliers[at]);
  return kept.length > 0 ? kept : lines.values;
};

const drawParallel = (body, lines, open) => {
  const axes = [...lines.axes, { name: lines.quantity.replaceAll("_", " "), unit: lines.unit === "1" ? null : prettyUnit(lines.unit), categories: null }];
  const cells = [...lines.cells, lines.values];
  const width = Math.max(body.clientWidth, 74 * axes.length), height = 310, left = 34, right = 44, top = 48, bottom = 26;
  body.classList.add("wide");
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "drawing" }, body);
  const known = plausible(lines), low = Math.min(...known), high = Math.max(...known);
  const good = (value) => (lines.direction === "minimize" ? high - value : value - low) / (high - low || 1);
  const x = (at) => left + (width - left - right) * at / (axes.length - 1);
  const ranges = axes.map((axis, at) => {
    if (axis.categories) return [0, Math.max(axis.categories.length - 1, 1)];
    const numbers = (at === axes.length - 1 ? known : cells[at]).filter((value) => value !== null);
    return numbers.length > 0 ? [Math.min(...numbers), Math.max(...numbers)] : [0, 1];
  });
  const y = (at, cell) => {
    const [least, most] = ranges[at];
    const share = most > least ? (placeOn(axes[at], cell) - least) / (most - least) : 0.5;
    return height - bottom - (height - top - bottom) * Math.min(Math.max(share, -0.04), 1.04);
  };
  axes.forEach((_, at) => svg("line", { x1: x(at), x2: x(at), y1: top, y2: height - bottom, class: "axis" }, root));
  lines.numbers.forEach((number, line) => {
    const points = cells.map((column, at) => column[line] === null ? null : `${x(at).toFixed(1)},${y(at, column[line]).toFixed(1)}`).filter((point) => point);
    const far = lines.outliers[line], best = number === lines.best;
    const strand = svg("g", { class: `strand${far ? " far" : ""}${best ? " best" : ""}` }, root);
    svg("polyline", { points: points.join(" "), class: "line", stroke: goodness(good(lines.values[line])) }, strand);
    svg("polyline", { points: points.join(" "), class: "reach" }, strand);
    svg("title", {}, strand, `evaluation ${number}: ${lines.candidates[line]}, ${shorter(lines.values[line])} ${lines.unit}${far ? ", far from all others" : ""}`);
    strand.addEventListener("click", () => open(line));
  });
  // Above the lines, so that they can be read; the names on two levels, so that they do not meet.
  axes.forEach((axis, at) => {
    const first = at === 0, name = inUnit(axis.name, axis.unit ?? "1");
    // Every second name is on its level; the first and the last begin and end at the edge.
    const room = (width - left - right) / (axes.length - 1) * (first || at === axes.length - 1 ? 1.15 : 1.7) / 6.5;
    const label = svg("text", { x: x(at) + (first ? -left + 4 : 0), y: at % 2 ? 12 : 26, class: first ? "label" : at === axes.length - 1 ? "end" : "middle" }, root, cut(name, Math.max(16, Math.floor(room))));
    if (at === axes.length - 1) label.setAttribute("x", String(width - 2));
    svg("title", {}, label, name);
    const texts = axis.categories ?? [ranges[at][0], ranges[at][1]];
    texts.forEach((text, place) => {
      if (axis.categories && texts.length > 12 && place % Math.ceil(texts.length / 12) !== 0) return;
      svg("text", { x: x(at) + 4, y: y(at, text) + (axis.categories ? 4 : place === 0 ? 14 : -5), class: "label small" }, root, axis.categories ? cut(text, 9) : shorter(text));
    });
  });
};

// Marks along the horizontal axis of a small figure.
const markAcross = (root, axis, range, x, floor) => {
  const marks = axis.categories ? axis.categories.map((_, at) => at) : marksOf(range, 4);
  const every = axis.categories ? Math.ceil(marks.length / 8) : 1;
  const most = Math.max(3, Math.floor(every * (x(range[1]) - x(range[0])) / marks.length / 7)); // letters that fit
  for (const mark of marks.filter((_, at) => at % every === 0)) {
    svg("line", { x1: x(mark), x2: x(mark), y1: floor, y2: floor + 4, class: "axis" }, root);
    svg("text", { x: x(mark), y: floor + 16, class: "middle small" }, root, axis.categories ? cut(axis.categories[mark], most) : shorter(mark));
  }
};

const markUp = (root, axis, range, y, left) => {
  const marks = axis.categories ? axis.categories.map((_, at) => at) : marksOf(range, 5);
  for (const mark of marks) {
    svg("line", { x1: left - 4, x2: left, y1: y(mark), y2: y(mark), class: "axis" }, root);
    svg("text", { x: left - 7, y: y(mark) + 4, class: "end small" }, root, axis.categories ? cut(axis.categories[mark], 9) : shorter(mark));
  }
};

const dots = (root, places, lines, open) => {
  places.forEach((place, at) => {
    if (!place) return;
    const dot = svg("circle", { cx: place[0], cy: place[1], r: 3.5, class: lines.outliers[at] ? "dot far" : "dot" }, root);
    svg("title", {}, dot, `evaluation ${lines.numbers[at]}: ${shorter(lines.values[at])} ${lines.unit}`);
    dot.addEventListener("click", () => open(at));
  });
};

const drawSlices = (body, slices, lines, open) => {
  body.classList.add("slices");
  const seen = slices.flatMap((item) => item.mean.flatMap((mean, k) => [mean - item.deviation[k], mean + item.deviation[k]]));
  const range = rangeOf({}, seen, plausible(lines));
  for (const item of slices) {
    const { axis } = item, width = 250, height = 190, left = 48, top = 8, floor = height - 40;
    const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "drawing slice" }, body);
    const across = rangeOf(axis, item.at, item.computed);
    const x = (place) => left + (width - left - 8) * (place - across[0]) / (across[1] - across[0]);
    const y = (value) => floor - (floor - top) * (value - range[0]) / (range[1] - range[0]);
    svg("line", { x1: left, x2: width - 8, y1: floor, y2: floor, class: "axis" }, root);
    svg("line", { x1: left, x2: left, y1: top, y2: floor, class: "axis" }, root);
    markAcross(root, axis, across, x, floor);
    markUp(root, {}, range, y, left);
    const name = inUnit(axis.name, axis.unit ?? "1");
    svg("title", {}, svg("text", { x: (left + width) / 2, y: height - 6, class: "middle" }, root, cut(name, 28)), name);
    const best = placeOn(axis, item.best);
    svg("line", { x1: x(best), x2: x(best), y1: top, y2: floor, class: "here" }, root);
    const points = item.at.map((cell, k) => ({ at: placeOn(axis, cell), mean: item.mean[k], off: item.deviation[k] })).sort((a, b) => a.at - b.at);
    const line = (height) => points.map((point) => `${x(point.at).toFixed(1)},${y(height(point)).toFixed(1)}`);
    dots(root, item.computed.map((cell, at) => cell === null || lines.outliers[at] ? null : [x(placeOn(axis, cell)), y(lines.values[at])]), lines, open);
    if (axis.categories) {
      for (const point of points) {
        svg("line", { x1: x(point.at), x2: x(point.at), y1: y(point.mean - point.off), y2: y(point.mean + point.off), class: "mean" }, root);
        svg("circle", { cx: x(point.at), cy: y(point.mean), r: 4.5, class: "bar" }, root);
      }
    } else {
      svg("polygon", { points: [...line((point) => point.mean + point.off), ...line((point) => point.mean - point.off).reverse()].join(" "), class: "band" }, root);
      svg("polyline", { points: line((point) => point.mean).join(" "), class: "mean" }, root);
    }
  }
};

// Borders between places along an axis.
const borders = (places, range) => {
  const inner = places.slice(1).map((place, k) => (place + places[k]) / 2);
  return [range[0], ...inner, range[1]];
};

const drawContour = (body, data, [across, up], [cellsAcross, cellsUp], lines, open) => {
  const width = Math.max(300, Math.min(560, body.clientWidth)), height = 0.75 * width, left = 64, top = 10, key = 70, floor = height - 42;
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "drawing" }, body);
  const order = (axis, cells) => cells.map((cell, at) => [placeOn(axis, cell), at]).sort((a, b) => a[0] - b[0]);
  const columns = order(across, data.at_x), rows = order(up, data.at_y);
  const ranges = [rangeOf(across, data.at_x, cellsAcross), rangeOf(up, data.at_y, cellsUp)];
  const x = (place) => left + (width - left - key) * (place - ranges[0][0]) / (ranges[0][1] - ranges[0][0]);
  const y = (place) => floor - (floor - top) * (place - ranges[1][0]) / (ranges[1][1] - ranges[1][0]);
  const means = data.mean.flat(), low = Math.min(...means), high = Math.max(...means);
  const colour = (value) => `rgb(${onScale((value - low) / (high - low || 1)).join(" ")})`;
  const xs = borders(columns.map(([place]) => place), ranges[0]).map(x), ys = borders(rows.map(([place]) => place), ranges[1]).map(y);
  columns.forEach(([, i], column) => rows.forEach(([, j], row) => {
    const cell = { x: xs[column], y: ys[row + 1], width: xs[column + 1] - xs[column] + 0.5, height: ys[row] - ys[row + 1] + 0.5 };
    const made = svg("rect", { ...cell, fill: colour(data.mean[i][j]) }, root);
    svg("title", {}, made, `${data.at_x[i]}, ${data.at_y[j]}: ${shorter(data.mean[i][j])} ± ${shorter(data.deviation[i][j])} ${lines.unit}`);
  }));
  markAcross(root, across, ranges[0], x, floor);
  markUp(root, up, ranges[1], y, left);
  const named = (axis) => cut(inUnit(axis.name, axis.unit ?? "1"), 40);
  svg("text", { x: (left + width - key) / 2, y: height - 6, class: "middle" }, root, named(across));
  const middle = (top + floor) / 2;
  svg("text", { x: 12, y: middle, transform: `rotate(-90 12 ${middle})`, class: "middle" }, root, named(up));
  dots(root, cellsAcross.map((cell, at) => cell === null || cellsUp[at] === null ? null : [x(placeOn(across, cell)), y(placeOn(up, cellsUp[at]))]), lines, open);
  for (let step = 0; step < 24; step += 1) {
    const part = { x: width - key + 12, y: floor - (floor - top) * (step + 1) / 24, width: 12, height: (floor - top) / 24 + 0.5 };
    svg("rect", { ...part, fill: colour(low + (high - low) * (step + 0.5) / 24) }, root);
  }
  for (const [value, at] of [[low, floor], [high, top + 8]]) svg("text", { x: width - key + 27, y: at, class: "label small" }, root, shorter(value));
};
