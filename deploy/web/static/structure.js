// Shows the structure of the API in three dimensions, coloured by element or by a column of its atoms: grain, energy, site.
// The text above it tells formula, atoms and cell.
"use strict";

(async () => {
  const place = document.getElementById("structure");
  const choice = document.getElementById("structure-colour");
  const key = document.getElementById("structure-key");
  const answer = await fetch(place.dataset.file, { credentials: "same-origin" });
  if (!answer.ok) { place.hidden = true; return; }
  // 3Dmol's reader of XYZ knows the cell of the extended form.
  const text = await answer.text();
  const viewer = structureViewer(place);

  // Columns with one value for each atom, as the second line names them.
  const columns = () => {
    const lines = text.split("\n");
    const fields = (/Properties=(\S+)/.exec(lines[1] ?? "")?.[1] ?? "").split(":");
    const rows = lines.slice(2, 2 + Number(lines[0])).map((line) => line.trim().split(/\s+/));
    const found = new Map();
    for (let field = 0, column = 0; field + 2 < fields.length; field += 3) {
      const [name, kind, count] = [fields[field], fields[field + 1], Number(fields[field + 2])];
      const at = column;
      column += count;
      if (count !== 1 || !/^[A-Za-z]\w*$/.test(name) || name === "species") continue;
      const values = rows.map((row) => kind === "R" || kind === "I" ? Number(row[at]) : row[at]);
      if (new Set(values).size > 1) found.set(name, { values, real: kind === "R" });
    }
    return found;
  };

  const GROUPS = ["#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#d55e00", "#0072b2", "#f0e442", "#999999"];
  const between = (share) => {
    const [low, middle, high] = [[0, 90, 181], [200, 200, 200], [204, 51, 17]];
    const [from, to, part] = share < 0.5 ? [low, middle, 2 * share] : [middle, high, 2 * share - 1];
    return `#${from.map((value, k) => Math.round(value + part * (to[k] - value)).toString(16).padStart(2, "0")).join("")}`;
  };

  const known = columns();
  const colour = (name) => {
    const column = known.get(name);
    key.textContent = "";
    if (!column) {
      viewer.dress({});
    } else if (column.real) {
      const low = Math.min(...column.values), high = Math.max(...column.values);
      key.textContent = `${name}: from ${low.toPrecision(5)} (blue) to ${high.toPrecision(5)} (red)`;
      viewer.dress({ colorfunc: (atom) => between((column.values[atom.index % column.values.length] - low) / (high - low)) });
    } else {
      const groups = [...new Set(column.values)].sort();
      key.textContent = `${name}: ${groups.length} groups, ${groups.slice(0, 8).join(", ")}`;
      viewer.dress({ colorfunc: (atom) => GROUPS[groups.indexOf(column.values[atom.index % column.values.length]) % GROUPS.length] });
    }
  };

  for (const name of known.keys()) choice.add(new Option(name, name));
  choice.parentElement.hidden = known.size === 0;
  choice.addEventListener("change", () => colour(choice.value));
  viewer.show(text, "xyz");
  document.getElementById("structure-copies").textContent = viewer.beside() ? `The cell is${viewer.beside().slice(1)}.` : "";
})();
