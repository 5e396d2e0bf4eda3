// One button for each group of failures ticks all of its boxes, or takes all ticks away. Without scripts it is not shown.
"use strict";

(() => {
  const boxes = (button) => [...button.closest("fieldset").querySelectorAll("input[type=checkbox]")];

  const show = () => {
    for (const button of document.querySelectorAll("[data-select-group]")) {
      button.parentElement.hidden = false;
      button.setAttribute("aria-pressed", String(boxes(button).every((box) => box.checked)));
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-select-group]");
    if (!button) return;
    const wanted = !boxes(button).every((box) => box.checked);
    for (const box of boxes(button)) box.checked = wanted;
    show();
  });
  document.addEventListener("change", (event) => { if (event.target.closest("#failures")) show(); });
  document.addEventListener("tansaku:changed", show);
  show();
})();
