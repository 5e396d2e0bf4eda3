// The focus goes from a card whose value was saved to the field of the next one, unless somebody has gone on meanwhile.
"use strict";

const nextField = (() => {
  let put = null; // the field of the next value, in which a script has put the focus
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, () => { put = null; }, true);
  const placed = () => put !== null && document.activeElement === put && put.value === put.defaultValue;

  // Puts the focus in the first field of a card; returns whether it has one that is empty.
  const moveTo = (card, scrolls = true) => {
    const field = card.querySelector("form[data-number]:not([hidden]) .measure input");
    if (!field || field.value) return false;
    field.focus({ preventScroll: true });
    put = field;
    if (scrolls) card.scrollIntoView({ block: "start" });
    return true;
  };
  const following = (card) => {
    const cards = [...document.querySelectorAll("#proposals > .card")];
    return [...cards.slice(cards.indexOf(card) + 1), ...cards].find((other) => other !== card && other.querySelector("form[data-number]:not([hidden])"));
  };

  // Goes back to a form whose value was refused.
  const back = (form) => {
    const card = form?.closest("li");
    if (!card || !placed()) return;
    form.hidden = false;
    form.querySelector(".measure input").focus({ preventScroll: true });
    card.scrollIntoView({ block: "start" });
  };

  return { back, following, moveTo, placed };
})();
