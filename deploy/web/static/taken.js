// What can be taken from a figure: its files, its numbers as a table, and the lines of Python that have the same numbers.
"use strict";

const MOST_ROWS = 1000; // of a table; the CSV has all
const openTables = new Set(); // keys of tables that were opened: a figure that is drawn again keeps its own open

// Rows of a CSV file, with quotes around cells that need them.
const rowsOf = (text) => {
  const rows = [[]];
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    rows.at(-1).push(quoted?.replaceAll('""', '"') ?? bare);
    if (end !== ",") rows.push([]);
  }
  return rows.filter((row) => row.join("") !== "");
};

const NUMBER = /^-?(?!0\d)\d+(\.\d+)?(e[-+]?\d+)?$/i;

// The numbers of a figure; a column of which each cell is a number holds numbers.
const numbersAt = async (address) => {
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  const [headings, ...rows] = rowsOf(await answer.text());
  const numeric = headings.map((_, at) => rows.every((row) => row[at] === "" || NUMBER.test(row[at])));
  return { headings, rows: rows.map((row) => row.map((cell, at) => numeric[at] && cell !== "" ? Number(cell) : cell)) };
};

// With raised powers, °C and Å, as the page shows units.
const prettyUnit = (unit) => unit.replace(/(?<=[A-Za-zÅ])\^?([23])(?![\d.])/g, (_, power) => power === "2" ? "²" : "³").replace(/\bdeg(?=[CF]\b)/, "°").replace(/[Aa]ngstrom/g, "Å");

const cellText = (cell) => typeof cell === "number" && !Number.isInteger(cell) ? Number(cell.toPrecision(6)) : cell ?? "";

const filled = (title, { headings, rows }, linkOf) => {
  const box = document.createElement("div");
  box.className = "wide tall";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", `${title}, as a table`);
  const table = box.appendChild(document.createElement("table"));
  if (rows.length > MOST_ROWS) table.createCaption().textContent = `The first ${MOST_ROWS} of ${rows.length} rows; the CSV has all.`;
  const head = table.createTHead().insertRow();
  for (const text of headings) head.append(Object.assign(document.createElement("th"), { scope: "col", textContent: text.replace(/\[.*\]$/, prettyUnit) }));
  const body = table.createTBody();
  for (const row of rows.slice(0, MOST_ROWS)) {
    const line = body.insertRow();
    row.forEach((cell, at) => {
      const made = line.insertCell();
      if (typeof cell === "number") made.className = head.cells[at].className = "number";
      const href = linkOf(cell, at);
      if (href) made.append(Object.assign(document.createElement("a"), { href, textContent: cell }));
      else made.textContent = cellText(cell);
    });
  }
  return box;
};

// What the figure in or before a place is called.
const titleOf = (where) => {
  const caption = [...where.querySelectorAll("figcaption")].at(-1) ?? where.previousElementSibling?.querySelector("figcaption");
  return (caption ?? where.closest("section")?.querySelector("h2, h3"))?.textContent ?? "This figure";
};

// A table that is made when it is opened. `ask` gives its headings and rows; `linkOf` the address behind a cell, if any.
const tableIn = (where, key, ask, linkOf = () => null) => {
  const details = document.createElement("details");
  details.append(Object.assign(document.createElement("summary"), { textContent: "As a table" }));
  details.addEventListener("toggle", async () => {
    openTables[details.open ? "add" : "delete"](key);
    if (!details.open || details.children.length > 1) return;
    const place = details.appendChild(document.createElement("p"));
    place.textContent = "…";
    try {
      place.replaceWith(filled(titleOf(where), await ask(), linkOf));
    } catch (error) {
      place.textContent = `The table cannot be shown now. ${error.message}`;
    }
  });
  where.append(details);
  details.open = openTables.has(key);
};

const pythonOf = (address) => `import tansaku_client as tc\ntc.connect(${JSON.stringify(location.origin)}).numbers(${JSON.stringify(address.replace("/api/v1", ""))})`;

const inForm = (address, form) => `${address}${address.includes("?") ? "&" : "?"}form=${form}`;

// Files of the figure at an address of the API, its table unless one is beside it, and the button for its lines of Python.
const taken = (where, address, { lines = pythonOf(address), forms = ["png", "svg", "csv"], table = true } = {}) => {
  const files = document.createElement("p");
  for (const form of forms) {
    files.append(Object.assign(document.createElement("a"), { href: inForm(address, form), download: "", textContent: form.toUpperCase() }), " · ");
  }
  const code = Object.assign(document.createElement("pre"), { tabIndex: 0, textContent: lines, hidden: true });
  const copy = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Copy as Python" });
  copy.addEventListener("click", async () => {
    code.hidden = false; // to be copied by hand where a browser does not let scripts copy
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
    } catch (error) {
      if (error instanceof DOMException || error instanceof TypeError) getSelection().selectAllChildren(code);
      else throw error;
    }
  });
  files.append(copy);
  where.append(files, code);
  if (table && forms.includes("csv")) tableIn(where, address, () => numbersAt(inForm(address, "csv")));
};

const pythonIn = (name, python) => `import tansaku as ts\nts.Campaign.open(${JSON.stringify(name)}).${python}`;

// The same of a figure of a campaign, which `tansaku plot` draws under this name.
const takenFrom = (where, { drawings, name }, stem, python, { query = {}, ...more } = {}) => {
  const asked = new URLSearchParams(query).toString();
  taken(where, `${drawings}${stem}${asked && `?${asked}`}`, { lines: pythonIn(name, python), ...more });
};

// Figures that the page itself has: data-take is their address, and data-campaign and data-python the line that has their numbers.
(() => {
  const fill = () => {
    for (const place of document.querySelectorAll("[data-take]:empty")) {
      const { take, forms, campaign, python, table } = place.dataset;
      const lines = python ? { lines: pythonIn(campaign, python) } : {};
      taken(place, take, { ...lines, ...(forms ? { forms: forms.split(" ") } : {}), table: table !== "beside" });
    }
  };
  fill();
  document.addEventListener("tansaku:replaced", fill);
})();
