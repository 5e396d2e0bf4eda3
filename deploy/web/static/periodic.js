// A periodic structure as it is shown: its atoms inside their cell, and a narrow upright cell beside copies of itself.
"use strict";

const periodic = (() => {
  const NEAR = 0.3; // [Å] by which an atom may stand outside its cell
  const UPRIGHT = 1.5; // of the longer of the other two axes: from here the third one is the normal of a boundary
  const LEAST_WIDTH = 0.5; // of what is shown, as a share of its height
  const MOST_ATOMS = 3000;

  const minor = (m, row, column) => {
    const [i, j] = [0, 1, 2].filter((k) => k !== row), [p, q] = [0, 1, 2].filter((k) => k !== column);
    return m[i][p] * m[j][q] - m[i][q] * m[j][p];
  };

  // Fractions of a position along the axes are position · inverse.
  const inverseOf = (axes) => {
    const volume = [0, 1, 2].reduce((sum, k) => sum + (k === 1 ? -1 : 1) * axes[0][k] * minor(axes, 0, k), 0);
    return volume === 0 ? null : [0, 1, 2].map((row) => [0, 1, 2].map((column) => ((row + column) % 2 ? -1 : 1) * minor(axes, column, row) / volume));
  };

  // Cell and atoms of an extended XYZ; null where it has none that repeats.
  const parsed = (text) => {
    const lines = text.split("\n"), count = Number(lines[0]), head = lines[1] ?? "";
    const numbers = (/\bLattice="([^"]+)"/.exec(head)?.[1] ?? "").trim().split(/\s+/).map(Number);
    if (!(count > 0) || numbers.length !== 9 || !numbers.every(Number.isFinite)) return null;
    const axes = [0, 3, 6].map((at) => numbers.slice(at, at + 3)), inverse = inverseOf(axes);
    if (!inverse) return null;
    const repeats = (/\bpbc="([^"]+)"/.exec(head)?.[1] ?? "T T T").trim().split(/\s+/).map((word) => /^[T1]/i.test(word));
    const rows = lines.slice(2, 2 + count).map((line) => line.trim().split(/\s+/));
    return { head, axes, inverse, repeats, rows, lengths: axes.map((axis) => Math.hypot(...axis)) };
  };

  const inside = (at, { axes, inverse, repeats, lengths }) => {
    const fractions = [0, 1, 2].map((k) => at.reduce((sum, value, row) => sum + value * inverse[row][k], 0));
    const cells = fractions.map((value, k) => repeats[k] ? Math.floor(value + NEAR / lengths[k]) : 0);
    return at.map((value, k) => value - cells.reduce((sum, cell, row) => sum + cell * axes[row][k], 0));
  };

  // The axis that lies across the view, and how many cells stand beside each other along it.
  const spread = ({ lengths: [a, b, c], repeats, rows }) => {
    if (c < UPRIGHT * Math.max(a, b)) return { across: 0, copies: 1 };
    const across = a < b ? 1 : 0;
    let copies = 1;
    while (repeats[across] && copies * [a, b][across] < LEAST_WIDTH * c && (copies + 2) * rows.length <= MOST_ATOMS) copies += 2;
    return { across, copies };
  };

  // The text to show, the axis across the view, and the number of its cells; the first one's atoms are first.
  const shown = (text) => {
    const found = parsed(text);
    if (!found) return { text, across: 0, copies: 1 };
    const { across, copies } = spread(found);
    const shifts = [...Array(copies).keys()].map((at) => (at % 2 ? 1 : -1) * Math.ceil(at / 2));
    const places = found.rows.map((row) => inside(row.slice(1, 4).map(Number), found));
    const lines = shifts.flatMap((shift) => found.rows.map((row, at) =>
      [row[0], ...places[at].map((value, k) => (value + shift * found.axes[across][k]).toFixed(6)), ...row.slice(4)].join(" ")));
    return { text: [lines.length, found.head, ...lines, ""].join("\n"), across, copies };
  };

  return { shown };
})();
