// Shows the structure of the API in three dimensions. The text above it tells formula, atoms and cell.
"use strict";

(async () => {
  const place = document.getElementById("structure");
  const answer = await fetch(place.dataset.file, { credentials: "same-origin" });
  if (!answer.ok) { place.hidden = true; return; }
  // 3Dmol's reader of XYZ knows the cell of the extended form.
  const text = await answer.text();
  const viewer = $3Dmol.createViewer(place, {});
  const paint = () => { viewer.setBackgroundColor(rgb(getComputedStyle(document.body).backgroundColor)); viewer.render(); };
  const rgb = (colour) => {
    const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
    return (red << 16) + (green << 8) + blue;
  };
  const model = viewer.addModel(text, "xyz");
  if (/^.*\n.*Lattice=/.test(text)) viewer.addUnitCell(model);
  viewer.setStyle({}, { sphere: { scale: 0.3 }, stick: { radius: 0.08 } });
  // Side view: a boundary's normal, the third axis of its cell, stands upright.
  viewer.rotate(-90, "x");
  viewer.zoomTo();
  paint();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
})();
