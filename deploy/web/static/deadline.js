// The deadline as a date and time of this computer; the field with a zone, which is sent, is filled in from it.
"use strict";

(() => {
  const sent = document.getElementById("budget-deadline");
  if (!sent) return;
  const two = (number) => String(number).padStart(2, "0");
  const zone = (at) => `${at.getTimezoneOffset() > 0 ? "-" : "+"}${two(Math.floor(Math.abs(at.getTimezoneOffset()) / 60))}:${two(Math.abs(at.getTimezoneOffset()) % 60)}`;
  const chosen = Object.assign(document.createElement("input"), { type: "datetime-local", id: "deadline-here" });
  const at = new Date(sent.value);
  if (!Number.isNaN(at.getTime())) chosen.value = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
  else if (sent.value) return; // what was refused is shown as it was typed
  const label = document.querySelector("label[for=budget-deadline]");
  label.htmlFor = chosen.id;
  label.textContent = "Deadline";
  if (sent.hasAttribute("aria-invalid")) chosen.setAttribute("aria-invalid", "true");
  chosen.addEventListener("input", () => { sent.value = chosen.value && `${chosen.value}:00${zone(new Date(chosen.value))}`; });
  sent.hidden = true;
  sent.after(chosen);
})();
