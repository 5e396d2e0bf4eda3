// One stream for each campaign, shared by all tabs: browsers allow six connections to a server.
"use strict";

const followed = new Map(); // address -> {source, version, ports}
const places = new Map(); // port -> address

const leave = (port) => {
  const address = places.get(port);
  places.delete(port);
  const stream = followed.get(address);
  if (!stream) return;
  stream.ports.delete(port);
  if (stream.ports.size === 0) { stream.source.close(); followed.delete(address); }
};

const open = (address) => {
  const stream = { source: new EventSource(address), version: null, ports: new Set() };
  stream.source.addEventListener("version", (event) => {
    stream.version = event.data;
    for (const port of stream.ports) port.postMessage({ address, version: event.data });
  });
  // The server refuses: the session has ended or the campaign was deleted. The pages find out which.
  stream.source.onerror = () => {
    if (stream.source.readyState !== EventSource.CLOSED) return;
    for (const port of stream.ports) port.postMessage({ address, version: null });
  };
  followed.set(address, stream);
  return stream;
};

const follow = (port, address) => {
  leave(port);
  let stream = followed.get(address);
  if (!stream || stream.source.readyState === EventSource.CLOSED) {
    const ports = stream ? stream.ports : new Set();
    stream = open(address);
    stream.ports = ports;
  }
  stream.ports.add(port);
  places.set(port, address);
  if (stream.version !== null) port.postMessage({ address, version: stream.version });
};

onconnect = (event) => {
  const port = event.ports[0];
  port.onmessage = (message) => {
    if (message.data.follow) follow(port, message.data.follow);
    else leave(port);
  };
};
