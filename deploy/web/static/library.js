// Adds a file to the library under a name, its content is the body of the request; and reads Excel workbooks.
"use strict";

const toLibrary = (name, file, token) => fetch(`/api/v1/files?name=${encodeURIComponent(name)}`, {
  method: "POST",
  body: file,
  credentials: "same-origin",
  headers: { "Content-Type": "application/octet-stream", "X-CSRF-Token": token },
});

// The first sheet of a workbook as the text of a CSV; the server reads it, with its limits.
const sheetOf = async (file, token) => {
  if (file.size > 700000) throw new Error(`${file.name} is larger than 700 kB; save its rows as CSV.`); // the largest request
  const content = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.readAsDataURL(file);
  });
  const answer = await fetch("/api/v1/sheets", {
    method: "POST",
    body: JSON.stringify({ file: content }),
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
  });
  const found = await answer.json();
  if (!answer.ok) throw new Error(`${file.name}: ${found.detail}`);
  return found.csv;
};
