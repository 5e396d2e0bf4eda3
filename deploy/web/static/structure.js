// Shows the structure of the API in three dimensions. The text above it tells formula, atoms and cell.
"use strict";

(async () => {
  const place = document.getElementById("structure");
  const answer = await fetch(place.dataset.file, { credentials: "same-origin" });
  if (!answer.ok) { place.hidden = true; return; }
  // 3Dmol reads plain XYZ; the cell of the extended form is drawn from its comment line.
  const text = await answer.text();
  const viewer = $3Dmol.createViewer(place, {});
  const paint = () => { viewer.setBackgroundColor(rgb(getComputedStyle(document.body).backgroundColor)); viewer.render(); };
  const rgb = (colour) => {
    const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
    return (red << 16) + (green << 8) + blue;
  };
  const model = viewer.addModel(text, "xyz");
  const cell = /Lattice="([^"]+)"/.exec(text);
  if (cell) {
    const [ax, ay, az, bx, by, bz, cx, cy, cz] = cell[1].trim().split(/\s+/).map(Number);
    model.setCrystMatrix(new $3Dmol.Matrix3(ax, bx, cx, ay, by, cy, az, bz, cz));
    viewer.addUnitCell(model);
  }
  viewer.setStyle({}, { sphere: { scale: 0.3 }, stick: { radius: 0.08 } });
  viewer.zoomTo();
  paint();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
})();
