// Adds a file to the library under a name: its content is the body of the request.
"use strict";

const toLibrary = (name, file, token) => fetch(`/api/v1/files?name=${encodeURIComponent(name)}`, {
  method: "POST",
  body: file,
  credentials: "same-origin",
  headers: { "Content-Type": "application/octet-stream", "X-CSRF-Token": token },
});
