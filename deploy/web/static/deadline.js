// The deadline as a date and time of this computer; the field with a zone, which is sent, is filled in from it.
"use strict";

(() => {
  const sent = document.getElementById("budget-deadline");
  if (!sent) return;
  const MINUTE = 60000; // [ms]
  const clock = (minutes) => new Date(minutes * MINUTE).toISOString();
  const zone = (at) => (at.getTimezoneOffset() > 0 ? "-" : "+") + clock(Math.abs(at.getTimezoneOffset())).slice(11, 16);
  const at = new Date(sent.value);
  if (sent.value && Number.isNaN(at.getTime())) return; // what was refused is shown as it was typed
  const chosen = Object.assign(document.createElement("input"), { type: "datetime-local", id: "deadline-here" });
  if (sent.value) chosen.value = clock(at / MINUTE - at.getTimezoneOffset()).slice(0, 16);
  const label = document.querySelector("label[for=budget-deadline]");
  label.htmlFor = chosen.id;
  label.textContent = `Deadline (${Intl.DateTimeFormat().resolvedOptions().timeZone})`;
  chosen.addEventListener("input", () => { sent.value = chosen.value && `${chosen.value}:00${zone(new Date(chosen.value))}`; });
  sent.hidden = true;
  sent.after(chosen);
})();
