// Uploads beside the fields of a form that name files of the library: several at once, a folder, a zip, or dropped.
"use strict";

(() => {
  const form = document.getElementById("new");
  if (!form) return;
  const MOST = 1000;
  const LARGEST = 2 ** 28; // bytes that an archive may hold: a small one can unpack to fill the memory

  // The bytes of a deflated file, of which there are not more than there is room.
  const inflated = async (packed, name, room) => {
    const reader = packed.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    const parts = [];
    for (let size = 0, part; !(part = await reader.read()).done;) {
      size += part.value.length;
      if (size > room) { await reader.cancel(); throw new Error(`${name} unpacks to more than ${LARGEST / 2 ** 20} MB.`); }
      parts.push(part.value);
    }
    return new Blob(parts);
  };

  // The files in a zip archive, by its central directory; only what is stored or deflated.
  const unzip = async (archive) => {
    const view = new DataView(await archive.arrayBuffer());
    let end = view.byteLength - 22;
    while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
    if (end < 0) throw new Error(`${archive.name} is no zip archive.`);
    const found = [];
    let room = LARGEST;
    let at = view.getUint32(end + 16, true);
    for (let left = view.getUint16(end + 10, true); left > 0 && found.length <= MOST; left -= 1) {
      const method = view.getUint16(at + 10, true);
      const size = view.getUint32(at + 20, true);
      const [nameSize, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
      const name = new TextDecoder().decode(new Uint8Array(view.buffer, at + 46, nameSize));
      const local = view.getUint32(at + 42, true);
      const begin = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
      at += 46 + nameSize + extra + comment;
      const base = name.split("/").pop();
      if (!base || base.startsWith(".") || name.startsWith("__MACOSX/")) continue;
      if (method !== 0 && method !== 8) throw new Error(`${name} is packed in an unknown way.`);
      const packed = new Blob([new Uint8Array(view.buffer, begin, size)]);
      const content = method === 0 ? packed : await inflated(packed, archive.name, room);
      room -= content.size;
      found.push(new File([content], base));
    }
    return found;
  };

  // A place outside the archive, or data that cannot be inflated: the browser's words for it name no file.
  const damaged = (file) => (error) => {
    throw error instanceof RangeError || error instanceof TypeError ? new Error(`${file.name} is a damaged zip archive.`) : error;
  };

  const isWorkbook = (file) => /\.xlsx$/i.test(file.name);

  // Adds a file to the library; of a workbook its first sheet, as a CSV of its name.
  const send = async (file, kind) => {
    const taken = kind === "table" && isWorkbook(file);
    const content = taken ? await sheetOf(file, form.dataset.token) : file;
    const name = (taken ? file.name.replace(/xlsx$/i, "csv") : file.name).replace(/[^A-Za-z0-9._+-]/g, "_");
    const answer = await toLibrary(name, content, form.dataset.token);
    const found = await answer.json();
    if (!answer.ok) throw new Error(`${file.name}: ${found.detail}`);
    return name;
  };

  // A field for several files gets all names, any other the last one.
  const enter = (input, names) => {
    if (input.matches("select")) {
      const name = names[names.length - 1];
      if (![...input.options].some((option) => option.value === name)) input.append(new Option(name, name));
      input.value = name;
    } else if (input.matches("textarea")) {
      const before = input.value.split("\n").map((line) => line.trim()).filter(Boolean);
      input.value = [...new Set([...before, ...names])].join("\n");
    } else {
      input.value = names[names.length - 1];
    }
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };

  // Nothing is said to be missing while files are on their way, nor before the check that knows their names.
  let uploading = 0;
  const creating = form.querySelectorAll("button[value=create], button[value=run]");
  const lock = () => {
    form.toggleAttribute("data-uploading", uploading > 0);
    for (const button of creating) button.disabled = uploading > 0;
  };
  const begin = () => { uploading += 1; lock(); };
  const end = () => { uploading -= 1; lock(); };

  // How far uploads are, by the field for their names; a check may have put another box in place since they began.
  const progress = new Map();
  const box = (input) => document.querySelector(`.upload[data-into="${input}"]`);
  const tell = (input, text) => {
    progress.set(input, text);
    const said = box(input)?.querySelector("[role=status]");
    if (said) said.textContent = text;
  };

  // Refused files stay named until others are chosen, whatever a check puts in place of the box.
  const refusals = new Map();
  const complain = (input) => {
    const place = box(input);
    place?.querySelector(".problem")?.remove();
    const said = refusals.get(input);
    if (place && said) place.append(Object.assign(document.createElement("span"), { className: "problem", textContent: said }));
  };

  const upload = async (input, files) => {
    begin();
    refusals.delete(input);
    complain(input);
    const names = [];
    const wrong = [];
    const refuse = (error) => { wrong.push(error.message); return []; };
    const unpacked = await Promise.all([...files].map((file) => /\.zip$/i.test(file.name) ? unzip(file).catch(damaged(file)).catch(refuse) : [file]));
    const found = unpacked.flat().sort((one, other) => one.name.localeCompare(other.name));
    const every = found.slice(0, MOST);
    document.dispatchEvent(new CustomEvent("tansaku:chosen", { detail: every }));
    for (const [place, file] of every.entries()) {
      tell(input, ` Uploading ${place + 1} of ${every.length}: ${file.name} …`);
      try {
        if (file.name === every[place - 1]?.name) throw new Error(`${file.name}: another file has this name; rename it.`);
        names.push(await send(file, box(input)?.dataset.kind));
      } catch (error) {
        wrong.push(error.message);
      }
    }
    const target = document.getElementById(input);
    if (names.length && target) {
      document.addEventListener("fields-shown", end, { once: true });
      enter(target, names);
    } else {
      end();
    }
    tell(input, ` ${names.length} uploaded.`);
    const said = [];
    if (wrong.length) said.push(` ${wrong.length} of ${names.length + wrong.length} refused: ${wrong.slice(0, 5).join(" ")}`);
    if (found.length > MOST) said.push(` Only the first ${MOST} files at a time; the others were left out.`);
    if (said.length) refusals.set(input, said.join(""));
    complain(input);
  };

  const isPlain = (file) => !file.name.startsWith(".");

  // The files of something that was dropped, a folder's with those of its folders.
  const filesOf = async (entry) => {
    if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
    const reader = entry.createReader();
    const found = [];
    while (found.length < MOST) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) break;
      for (const inside of some) found.push(...await filesOf(inside));
    }
    return found.filter(isPlain);
  };

  // Uploads what was dropped; an entry is a file or a folder, and some programs give only the file.
  const take = (into, dropped) => {
    const files = [...dropped.items].filter((item) => item.kind === "file");
    const found = files.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
    Promise.all(found.map((entry) => (entry instanceof File ? [entry] : filesOf(entry)))).then((each) => upload(into, each.flat()));
  };

  const chooserOf = (into, text, more) => {
    const chooser = Object.assign(document.createElement("input"), { type: "file", multiple: true, hidden: true, ...more });
    chooser.addEventListener("change", () => upload(into, [...chooser.files].filter(isPlain)));
    const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: text });
    button.addEventListener("click", () => chooser.click());
    return [button, chooser];
  };

  const offer = (place) => {
    const into = place.dataset.into;
    const choosers = place.dataset.kind === "structure"
      ? [...chooserOf(into, "Add files or a zip"), " ", ...chooserOf(into, "Add a folder", { webkitdirectory: true })]
      : chooserOf(into, "Add a file");
    const said = document.createElement("span");
    said.setAttribute("role", "status");
    said.textContent = progress.get(into) ?? "";
    place.replaceChildren(...choosers, ` or drop ${choosers.length > 2 ? "them" : "it"} here. `, said);
    place.classList.add("drop");
    complain(into);
    place.addEventListener("dragover", (event) => { event.preventDefault(); place.classList.add("over"); });
    place.addEventListener("dragleave", () => place.classList.remove("over"));
    place.addEventListener("drop", (event) => {
      event.preventDefault();
      place.classList.remove("over");
      take(into, event.dataTransfer);
    });
  };

  // A file that is dropped beside the box would be opened in place of the page, and what was typed would be lost.
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (event.defaultPrevented || !event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      if (kind === "dragover") return;
      const places = document.querySelectorAll(".upload.drop");
      const reading = document.querySelector("[data-reads]");
      if (reading) readInto(reading.dataset.reads, event.dataTransfer.files[0]);
      else if (places.length === 1) take(places[0].dataset.into, event.dataTransfer);
      else document.getElementById("status").textContent = places.length ? "Drop the file on the box of its field." : "This form takes no files.";
    });
  }

  // The text of a file takes the place of what was typed in a field.
  const readInto = async (input, file) => {
    const status = document.getElementById("status");
    let text = "";
    try {
      text = isWorkbook(file) ? await sheetOf(file, form.dataset.token) : file.size > 65536 ? null : await file.text();
    } catch (error) {
      status.textContent = error instanceof TypeError ? "The server does not answer." : error.message;
      return;
    }
    if (text === null || text.length > 65536) {
      status.textContent = `${file.name} has more than 64 KiB of text; create the campaign, then send it on the page Measurements.`;
      return;
    }
    const target = document.getElementById(input); // a check may have put another one in place
    target.closest("details")?.setAttribute("open", "");
    target.value = text;
    target.dispatchEvent(new Event("input", { bubbles: true }));
  };
  form.addEventListener("change", (event) => {
    const { reads } = event.target.dataset;
    if (reads && event.target.files.length) readInto(reads, event.target.files[0]);
  });

  const offerAll = () => {
    document.querySelectorAll(".upload:not(.drop)").forEach(offer);
    for (const part of document.querySelectorAll(".reads")) part.hidden = false;
  };
  document.addEventListener("fields-shown", offerAll);
  offerAll();
})();
