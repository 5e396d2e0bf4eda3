// Sends a file of measured values as it is: the server reads CSV and Excel workbooks.
"use strict";

(() => {
  const part = document.getElementById("report-file");
  const input = part.querySelector("input");
  const problem = part.querySelector(".problem");
  const again = part.querySelector("button");
  const status = document.getElementById("status");
  const LARGEST = 700000; // bytes: the server takes no larger request
  let asked = null; // the file with a value far from what was expected
  part.hidden = false;

  const fail = (said) => {
    problem.textContent = said;
    problem.hidden = false;
    input.value = "";
  };

  const encoded = (file) => new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.readAsDataURL(file);
  });

  const send = async (file, confirm) => {
    problem.hidden = again.hidden = true;
    status.textContent = ""; // what became of an earlier file
    if (file.size > LARGEST) { fail(`${file.name} is larger than ${LARGEST / 1000} kB; paste its rows in parts.`); return; }
    try {
      const answer = await outbox.post({ file: await encoded(file), confirm }, outbox.newKey());
      const found = await answer.json();
      asked = !answer.ok && found.key === "confirm" ? file : null;
      again.hidden = !asked;
      if (!answer.ok) { fail(`${file.name}: ${found.detail.replace(/^confirm: /, "").replaceAll("\\n", "\n")}`); return; }
      const counts = Object.entries(found.new).map(([kind, count]) => `${count} ${(count === 1 ? kind.replace(/s$/, "") : kind).replace("_", " ")}`);
      status.textContent = `${file.name}: ${counts.join(", ") || "nothing new"}${found.command ? ", stored, learning" : ""}${found.ignored.length ? `; not read: ${found.ignored.join(", ")}` : ""}`;
      input.value = "";
    } catch (error) {
      if (!(error instanceof TypeError) && error.name !== "TimeoutError") throw error;
      fail("The server does not answer; choose the file again when the connection is back.");
    }
  };

  input.addEventListener("change", () => { if (input.files[0]) send(input.files[0], false); });
  again.addEventListener("click", () => send(asked, true));
})();
