// Buttons that copy a text of the page; where the browser refuses, the text is selected for the keyboard.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  const text = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    const said = document.getElementById("status");
    getSelection().selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.textContent); // undefined unless the page came by https or from this machine
      said.textContent = "Copied.";
    } catch {
      said.textContent = document.execCommand("copy") ? "Copied." : "The text is selected: copy it with the keyboard.";
    }
  });
}
