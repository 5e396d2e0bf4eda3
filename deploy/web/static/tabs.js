// Shows one part of a campaign's page at a time: the one that the address names, or that holds what it names.
// Without scripts all parts follow each other.
"use strict";

(() => {
  const tabs = document.getElementById("tabs");
  const links = [...tabs.querySelectorAll("a[href^='#']")];
  const part = (link) => document.getElementById(link.hash.slice(1));

  // Scripts that draw one part alone are loaded when it is first shown.
  const loadScript = ({ dataset }) => {
    if (!dataset.script) return;
    document.head.append(Object.assign(document.createElement("script"), { src: dataset.script }));
    delete dataset.script;
  };

  const choose = (chosen) => {
    loadScript(part(chosen));
    for (const link of links) {
      part(link).hidden = link !== chosen;
      if (link === chosen) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    // What was drawn while its part was hidden had no width.
    document.dispatchEvent(new CustomEvent("tansaku:shown"));
  };

  const holding = (element) => element && links.find((link) => part(link).contains(element));

  const follow = () => {
    const wanted = location.hash ? document.getElementById(location.hash.slice(1)) : null;
    const tab = holding(wanted);
    // What is named may stand above all parts, as the form for edits or a field of it: the part that is shown stays.
    if (tab || !wanted || !links.some((link) => link.hasAttribute("aria-current"))) choose(tab ?? links[0]);
    const folded = wanted && !tab && wanted.closest("details");
    if (folded) folded.open = true;
    if (wanted && !links.some((link) => part(link) === wanted)) wanted.scrollIntoView({ block: wanted.matches("input") ? "center" : "start" });
    if (wanted?.matches("input")) wanted.focus({ preventScroll: true });
  };

  tabs.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!links.includes(link)) return;
    event.preventDefault(); // else the page jumps to the part, and its head is gone
    history.replaceState(null, "", link.hash);
    choose(link);
  });
  addEventListener("hashchange", follow);
  // The page that answers a form shows the same part: an address that it redirects to takes over what follows the #.
  document.addEventListener("submit", (event) => {
    const sent = event.target.getAttribute("action");
    if (!sent || sent.includes("#")) return;
    // An address that names what stands above all parts, as the form for edits, would open it again and lose the part.
    const named = location.hash && document.getElementById(location.hash.slice(1));
    const shown = links.find((link) => link.hasAttribute("aria-current"));
    event.target.setAttribute("action", sent + (named && !holding(named) ? shown.hash : location.hash));
  });
  // A form that was refused is shown with what is wrong.
  const refused = document.querySelector(".tab [role=alert]");
  if (refused) choose(holding(refused));
  else follow();
})();
