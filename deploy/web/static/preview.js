// Shows the structures that were added to the form of a new campaign, one at a time; the viewer is loaded with the first.
"use strict";

(() => {
  const section = document.getElementById("preview");
  if (!section) return;
  const text = document.getElementById("preview-text");
  const place = document.getElementById("preview-place");
  const LARGEST = 2 ** 21; // [bytes] of a file that is shown
  const files = [];
  let viewer = null, at = 0, turn = 0;

  const formatOf = (name) => /\.cif$/i.test(name) ? "cif" : /\.(ext)?xyz$/i.test(name) ? "xyz" : /^(POSCAR|CONTCAR)|\.(vasp|poscar)$/i.test(name) ? "vasp" : null;

  const loaded = new Promise((resolve, reject) => {
    section.addEventListener("begun", () => {
      const script = Object.assign(document.createElement("script"), { src: section.dataset.library });
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => reject(new Error("the viewer cannot be loaded")));
      document.head.append(script);
    }, { once: true });
  });

  const counted = (atoms) => {
    const counts = new Map();
    for (const { elem } of atoms) counts.set(elem, (counts.get(elem) ?? 0) + 1);
    return [...counts].sort().map(([element, count]) => element + count).join(" ");
  };

  const show = async () => {
    const mine = turn += 1, file = files[at], which = `${file.name} (${at + 1} of ${files.length})`;
    try {
      if (file.size > LARGEST) throw new Error("it is too large to be shown here");
      const [content] = await Promise.all([file.text(), loaded]);
      if (mine !== turn) return; // another one was asked for meanwhile
      viewer ??= structureViewer(place);
      const atoms = viewer.show(content, formatOf(file.name), { doAssembly: true, duplicateAssemblyAtoms: true, normalizeAssembly: true });
      if (atoms.length === 0) throw new Error("the viewer finds no atoms in it; the check tells what is wrong");
      text.textContent = `${which}: ${atoms.length} atoms, ${counted(atoms)}`;
      place.hidden = false;
    } catch (error) {
      text.textContent = `${which}: ${error.message}`;
      place.hidden = true;
    }
  };

  const turnTo = (step) => { at = (at + step + files.length) % files.length; show(); };
  document.getElementById("preview-before").addEventListener("click", () => turnTo(-1));
  document.getElementById("preview-after").addEventListener("click", () => turnTo(1));

  document.addEventListener("tansaku:chosen", ({ detail }) => {
    const added = detail.filter((file) => formatOf(file.name));
    if (added.length === 0) return;
    at = files.length;
    files.push(...added);
    section.hidden = false;
    section.dispatchEvent(new Event("begun"));
    for (const id of ["preview-before", "preview-after"]) document.getElementById(id).hidden = files.length < 2;
    show();
  });
})();
