// Draws maps and bars as SVG, whose colours come from the style sheet; the scale of values is the same in light and dark.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const SCALE = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]]; // viridis

const svg = (name, attributes, parent, text) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
};

const shorter = (value) => value === null ? "–" : Number(value.toPrecision(3)).toString();

const onScale = (share) => {
  const at = Math.min(Math.max(share, 0), 1) * (SCALE.length - 1);
  const low = Math.min(Math.floor(at), SCALE.length - 2);
  return SCALE[low].map((part, k) => Math.round(part + (at - low) * (SCALE[low + 1][k] - part)));
};

// Not evaluated: an outline. Failed: a cross. In progress: a dot. Else: the value on a colour.
const drawMap = (body, map, evaluations) => {
  const side = 46, tall = 24, left = 64, top = 78;
  const width = left + side * map.columns.length + 30, height = top + tall * map.rows.length;
  body.classList.add("wide");
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "drawing" }, body);
  const values = map.value.flat().filter((value) => value !== null);
  const low = Math.min(...values), range = Math.max(...values) - low || 1;
  map.columns.forEach((name, column) => {
    const x = left + side * (column + 0.6);
    svg("text", { x, y: top - 6, transform: `rotate(-50 ${x} ${top - 6})`, class: "label" }, root, name);
  });
  map.rows.forEach((name, row) => {
    svg("text", { x: left - 6, y: top + tall * (row + 0.68), class: "label end" }, root, name);
    map.columns.forEach((_, column) => {
      const state = map.state[row][column], value = map.value[row][column];
      if (state === 0) return;
      const x = left + side * column, y = top + tall * row;
      const cell = { x: x + 1, y: y + 1, width: side - 2, height: tall - 2 };
      const middle = { x: x + side / 2, y: y + tall * 0.68 };
      if (value === null) {
        svg("rect", { ...cell, class: "open" }, root);
        svg("text", { ...middle, class: state === 3 ? "middle failed" : "middle" }, root, ["", "", "", "×", "•"][state]);
        return;
      }
      const [red, green, blue] = onScale((value - low) / range);
      svg("rect", { ...cell, fill: `rgb(${red} ${green} ${blue})` }, root);
      const dark = 0.299 * red + 0.587 * green + 0.114 * blue > 128;
      const shown = svg("text", { ...middle, class: "middle", fill: dark ? "#000" : "#fff" }, root, shorter(value));
      svg("title", {}, shown, `${name} ${map.columns[column]}`);
      shown.addEventListener("click", () => { location.href = evaluations + map.number[row][column]; });
    });
  });
};

const drawBars = (body, names, values, width) => {
  const tall = 22, left = Math.min(Math.max(120, 7 * Math.max(...names.map((name) => name.length)) + 10), Math.max(120, width / 2)), wide = Math.max(60, Math.min(320, width - left - 90));
  const height = tall * names.length + 4;
  body.classList.add("wide");
  const root = svg("svg", { viewBox: `0 0 ${left + wide + 90} ${height}`, width: left + wide + 90, height, class: "drawing" }, body);
  const most = Math.max(...values.filter((value) => value !== null), 0) || 1;
  names.forEach((name, row) => {
    const y = tall * row + 2, value = values[row];
    svg("text", { x: left - 6, y: y + tall * 0.68, class: "label end" }, root, name);
    if (value !== null) svg("rect", { x: left, y: y + 3, width: Math.max(1, wide * value / most), height: tall - 8, class: "bar" }, root);
    const x = left + (value === null ? 0 : Math.max(1, wide * value / most)) + 6;
    svg("text", { x, y: y + tall * 0.68, class: "label" }, root, value === null ? "not known" : shorter(value));
  });
};
