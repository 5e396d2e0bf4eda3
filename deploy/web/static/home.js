// Brings the list of campaigns up to date as soon as one that moves has changed; poll.js sees what else changes.
"use strict";

(() => {
  if (!window.SharedWorker) return;
  const worker = new SharedWorker(document.getElementById("home").dataset.worker);
  const versions = new Map(); // address of a campaign's changes -> last version
  let followed = "[]";

  // The campaigns that move are others after each replacement.
  const follow = () => {
    const moving = document.getElementById("home").dataset.moving;
    if (moving === followed) return;
    followed = moving;
    worker.port.postMessage({ follow: JSON.parse(moving) });
  };

  worker.port.onmessage = ({ data }) => {
    const known = versions.get(data.address);
    versions.set(data.address, data.version);
    if (known !== undefined && known !== data.version) document.dispatchEvent(new CustomEvent("tansaku:moved", { detail: "home" }));
  };
  worker.port.start();
  follow();
  document.addEventListener("tansaku:replaced", follow);
  addEventListener("pagehide", () => worker.port.postMessage({ leave: true }));
  addEventListener("pageshow", (event) => { if (event.persisted) { followed = "[]"; follow(); } });
})();
