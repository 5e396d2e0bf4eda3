// One stream for all campaigns that tabs of this browser show: browsers allow six connections to a server. What tabs show of a
// version is asked for once for all of them.
"use strict";

const MOST = 100; // campaigns in a stream
const places = new Map(); // port -> addresses of the changes of its campaigns
const versions = new Map(); // campaign -> last version
const texts = new Map(); // campaign -> answers of this version, by their addresses
let source = null;
let planned = false;

const nameOf = (address) => decodeURIComponent(address.split("/")[4]);

const tell = (name, version) => {
  for (const [port, addresses] of places) {
    for (const address of addresses) if (name === nameOf(address)) port.postMessage({ address, version });
  }
};

const followed = () => [...new Set([...places.values()].flat().map(nameOf))];

const open = () => {
  planned = false;
  if (source) source.close();
  source = null;
  versions.clear();
  texts.clear();
  const names = followed().slice(0, MOST);
  if (names.length === 0) return;
  const stream = new EventSource("/api/v1/changes?" + new URLSearchParams(names.map((name) => ["campaign", name])));
  stream.addEventListener("version", (event) => {
    const { campaign, version } = JSON.parse(event.data);
    versions.set(campaign, version);
    texts.set(campaign, new Map());
    tell(campaign, version);
  });
  stream.addEventListener("gone", (event) => tell(JSON.parse(event.data).campaign, null));
  // The server refuses: the session has ended. The pages find out.
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED) followed().forEach((name) => tell(name, null));
  };
  source = stream;
};

// Tabs that open together give one new stream. It begins with the present versions, so that nothing is missed.
const plan = () => {
  if (planned) return;
  planned = true;
  setTimeout(open, 50);
};

// A page follows these campaigns from now on, and no others.
const follow = (port, addresses) => {
  const before = followed();
  if (addresses.length > 0) places.set(port, addresses);
  else places.delete(port);
  const now = followed();
  const known = source !== null && source.readyState !== EventSource.CLOSED;
  if (!known || now.length !== before.length || now.some((name) => !before.includes(name))) { plan(); return; }
  for (const address of addresses) {
    if (versions.has(nameOf(address))) port.postMessage({ address, version: versions.get(nameOf(address)) });
  }
};

const ask = async (address) => {
  try {
    const answer = await fetch(address, { credentials: "same-origin", headers: { "X-Part": "true" } });
    return { status: answer.status, text: answer.ok ? await answer.text() : "" };
  } catch {
    return { status: 0, text: "" };
  }
};

const load = async (port, address) => {
  const name = places.has(port) ? nameOf(places.get(port)[0]) : null;
  const version = versions.get(name);
  if (version === undefined) { port.postMessage({ loaded: address, ...await ask(address) }); return; }
  const kept = texts.get(name);
  const complete = `${address}${address.includes("?") ? "&" : "?"}seen=${encodeURIComponent(version)}`;
  if (!kept.has(address)) kept.set(address, ask(complete));
  port.postMessage({ loaded: address, ...await kept.get(address) });
};

onconnect = (event) => {
  const port = event.ports[0];
  port.onmessage = (message) => {
    if (message.data.follow) follow(port, message.data.follow);
    else if (message.data.load) load(port, message.data.load);
    else follow(port, []);
  };
};
