// Uploads a file of the library.
"use strict";

(() => {
  const form = document.getElementById("upload");
  if (!form) return;
  const status = document.getElementById("status");
  const input = document.getElementById("file");
  const button = form.querySelector("button");

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = input.files[0];
    if (!file) return;
    if (file.size > Number(form.dataset.largest) * 2 ** 20) {
      status.textContent = `${file.name} is larger than ${form.dataset.largest} MB.`;
      return;
    }
    button.disabled = true;
    status.textContent = `Uploading ${file.name} …`;
    try {
      const answer = await toLibrary(file.name, file, form.dataset.token);
      const found = await answer.json();
      if (!answer.ok) status.textContent = `${file.name}: ${found.detail}`;
      else if (answer.status === 200) status.textContent = `This content is in the library already, as ${found.name}.`;
      else location.reload();
    } catch {
      status.textContent = "The server does not answer.";
    } finally {
      button.disabled = false;
    }
  });
})();
