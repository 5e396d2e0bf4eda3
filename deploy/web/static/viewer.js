// Shows structures in three dimensions, with their cell in the colours of the page.
"use strict";

const structureViewer = (place) => {
  const viewer = $3Dmol.createViewer(place, {});
  let model = null, hasCell = false, beside = "";

  const rgb = (colour) => {
    const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
    return (red << 16) + (green << 8) + blue;
  };

  // The cell is drawn in the colour of the text, because black cannot be seen on a dark page; its axes are seen on both.
  const cellStyle = (colour) => {
    const style = { box: { color: colour } };
    for (const [axis, line] of [["a", "#e05252"], ["b", "#2e9e5b"], ["c", "#4a90e2"]]) {
      style[`${axis}label`] = axis;
      style[`${axis}style`] = { color: line, radius: 0.1, midpos: -1 };
      style[`${axis}labelstyle`] = { fontColor: colour, showBackground: false, alignment: "center" };
    }
    return style;
  };

  const paint = () => {
    const style = getComputedStyle(document.body);
    viewer.setBackgroundColor(rgb(style.backgroundColor));
    if (hasCell) {
      viewer.removeUnitCell(model);
      viewer.addUnitCell(model, cellStyle(rgb(style.color)));
    }
    viewer.render();
  };

  const dress = (more) => {
    viewer.setStyle({}, { sphere: { scale: 0.3, ...more }, stick: { radius: 0.08, ...more } });
    viewer.render();
  };

  // The library fits no less than a sphere of 5 Å about the centre, in which a small cell would be lost.
  const nearer = () => {
    const matrix = hasCell ? model.getCrystData().matrix?.elements : null;
    if (!matrix) return 1;
    const axes = [0, 3, 6].map((at) => [...matrix].slice(at, at + 3));
    const diagonals = [[1, 1], [1, -1], [-1, 1], [-1, -1]].map(([b, c]) => Math.hypot(...[0, 1, 2].map((k) => axes[0][k] + b * axes[1][k] + c * axes[2][k])));
    return Math.min(3, Math.max(1, 10 / Math.max(...diagonals)));
  };

  // Shows a structure and returns the atoms of its cell; `options` are those of the reader of the format. A step of the same
  // relaxation keeps the view.
  const show = (given, format, options = {}, keepsView = false) => {
    const { text, across, copies } = format === "xyz" ? periodic.shown(given) : { text: given, across: 0, copies: 1 };
    beside = copies > 1 ? `, shown ${copies} times along ${"ab"[across]}` : "";
    const own = (atoms) => atoms.slice(0, atoms.length / copies);
    if (hasCell) viewer.removeUnitCell(model);
    viewer.removeAllModels();
    viewer.removeAllLabels();
    model = viewer.addModel(text, format, options);
    hasCell = Boolean(model.getCrystData());
    dress({});
    if (keepsView) {
      paint();
      return own(model.selectedAtoms({}));
    }
    // Side view: a boundary's normal, the third axis of its cell, stands upright, and the shorter period points at the reader.
    viewer.setView([0, 0, 0, 0, 0, 0, 0, 1]);
    viewer.rotate(-90, "x");
    if (across === 1) viewer.rotate(-90, "vy");
    paint();
    // The cell was drawn, so it is fitted as well, with room for the letters at its ends, also where the frame is narrow.
    viewer.zoomTo();
    viewer.zoom(0.85 * nearer() * Math.min(1, place.clientWidth / place.clientHeight));
    viewer.render();
    return own(model.selectedAtoms({}));
  };

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  return { show, dress, beside: () => beside };
};
