// The stream of a campaign's changes, and what is asked for after each of them: shared by all tabs of a browser.
"use strict";

const shared = (() => {
  const place = document.getElementById("live");
  const waiting = new Map(); // address -> functions that take the answer
  const listeners = [];
  let worker = null;

  const direct = async (address) => {
    try {
      const answer = await fetch(address, { credentials: "same-origin", headers: { "X-Part": "true" } });
      return { status: answer.status, text: answer.ok ? await answer.text() : "" };
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return { status: 0, text: "" }; // the server may be down for a while
    }
  };

  // Status and text of an answer; status 0 if there was none.
  const load = (address) => {
    if (!worker) return direct(address);
    return new Promise((resolve) => {
      waiting.set(address, [...(waiting.get(address) ?? []), resolve]);
      worker.port.postMessage({ load: address });
    });
  };

  const json = async (address) => {
    const answer = await load(address);
    return answer.status === 200 ? JSON.parse(answer.text) : null;
  };

  const onVersion = (listener) => listeners.push(listener);

  const begin = () => {
    const address = place.dataset.changes;
    if (!window.SharedWorker) {
      const source = new EventSource(address);
      source.addEventListener("version", (event) => listeners.forEach((listener) => listener(event.data)));
      source.onerror = () => { if (source.readyState === EventSource.CLOSED) listeners.forEach((listener) => listener(null)); };
      return;
    }
    worker = new SharedWorker(place.dataset.worker);
    worker.port.onmessage = ({ data }) => {
      if (data.loaded !== undefined) {
        const resolves = waiting.get(data.loaded) ?? [];
        waiting.delete(data.loaded);
        for (const resolve of resolves) resolve(data);
      } else if (data.address === address) {
        listeners.forEach((listener) => listener(data.version));
      }
    };
    worker.port.start();
    const follow = () => worker.port.postMessage({ follow: [address] });
    follow();
    addEventListener("pagehide", () => worker.port.postMessage({ leave: true }));
    addEventListener("pageshow", (event) => { if (event.persisted) follow(); });
  };

  if (place) begin();
  return { load, json, onVersion };
})();
