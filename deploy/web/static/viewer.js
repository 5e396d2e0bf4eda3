// Shows structures in three dimensions, with their cell in the colours of the page.
"use strict";

const structureViewer = (place) => {
  const viewer = $3Dmol.createViewer(place, {});
  let model = null, periodic = false;

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
    if (periodic) {
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
    const matrix = periodic ? model.getCrystData().matrix?.elements : null;
    if (!matrix) return 1;
    const axes = [0, 3, 6].map((at) => [...matrix].slice(at, at + 3));
    const diagonals = [[1, 1], [1, -1], [-1, 1], [-1, -1]].map(([b, c]) => Math.hypot(...[0, 1, 2].map((k) => axes[0][k] + b * axes[1][k] + c * axes[2][k])));
    return Math.min(3, Math.max(1, 10 / Math.max(...diagonals)));
  };

  // Shows a structure and returns its atoms; `options` are those of the reader of the format. A step of the same relaxation
  // keeps the view.
  const show = (text, format, options = {}, keepsView = false) => {
    if (periodic) viewer.removeUnitCell(model);
    viewer.removeAllModels();
    viewer.removeAllLabels();
    model = viewer.addModel(text, format, options);
    periodic = Boolean(model.getCrystData());
    dress({});
    if (keepsView) {
      paint();
      return model.selectedAtoms({});
    }
    // Side view: a boundary's normal, the third axis of its cell, stands upright.
    viewer.setView([0, 0, 0, 0, 0, 0, 0, 1]);
    viewer.rotate(-90, "x");
    paint();
    // The cell was drawn, so it is fitted as well, with room for the letters at its ends, also where the frame is narrow.
    viewer.zoomTo();
    viewer.zoom(0.85 * nearer() * Math.min(1, place.clientWidth / place.clientHeight));
    viewer.render();
    return model.selectedAtoms({});
  };

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  return { show, dress };
};
