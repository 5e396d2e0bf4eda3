// What the figures of a campaign share: their frame, colours of the page's scheme, and when they are drawn again.
"use strict";

// All digits of the marks of an axis; uPlot rounds them to three places.
const marked = (_, marks) => marks.map((mark) => mark === null ? "" : Number(mark.toPrecision(6)).toLocaleString("en", { maximumFractionDigits: 12 }));

const plotStyle = (place) => {
  // Canvas does not know light-dark(): a computed colour is read from an element that uses the variable.
  const colour = (name) => {
    const probe = document.createElement("span");
    probe.className = name;
    place.appendChild(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const lines = { stroke: colour("quiet"), grid: { stroke: colour("grid"), width: 1 }, ticks: { stroke: colour("grid") }, values: marked };
  return { colour, lines };
};

// A name with the unit of its numbers; plain numbers have none.
const inUnit = (name, unit) => unit === "1" ? name : `${name} [${prettyUnit(unit)}]`;

// Marks of an axis that counts: whole numbers only.
const WHOLE = [1, 2, 5].flatMap((step) => [0, 1, 2, 3, 4, 5, 6].map((power) => step * 10 ** power)).sort((a, b) => a - b);

// A figure with its caption; what is drawn in it is hidden from screen readers, who have the same numbers in tables.
const figureIn = (place, title) => {
  const made = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  const body = document.createElement("div");
  body.setAttribute("aria-hidden", "true");
  made.append(caption, body);
  place.append(made);
  return body;
};

// A picture that the server draws, for light and for dark pages.
const pictureIn = (place, address) => {
  const picture = place.appendChild(document.createElement("picture"));
  picture.append(
    Object.assign(document.createElement("source"), { srcset: `${address}&scheme=dark`, media: "(prefers-color-scheme: dark)" }),
    Object.assign(document.createElement("img"), { className: "drawn", alt: "", src: address }),
  );
};

// Buttons that choose the horizontal axis of a figure.
const onAxisChosen = (axis, choose) => {
  axis.addEventListener("click", (event) => {
    const chosen = event.target.dataset.axis;
    if (!chosen) return;
    for (const button of axis.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === event.target));
    choose(chosen);
  });
};

// A place is drawn again when its width changes, as when the figure beside it appears. What a hidden part of the page shows is
// asked for when somebody looks at it.
const keepDrawn = (draw, load, place = null, isHidden = () => null) => {
  let waiting = null, width = place?.clientWidth, outdated = false;
  const loadSeen = () => {
    outdated = Boolean(isHidden());
    if (!outdated) load();
  };
  const ofWidth = () => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    draw();
  };
  if (place) new ResizeObserver(ofWidth).observe(place);
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(draw, 150); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.addEventListener("tansaku:shown", () => { if (outdated) loadSeen(); else draw(); });
  document.addEventListener("tansaku:changed", loadSeen);
  queueMicrotask(loadSeen); // after the script that hides parts of the page
};
