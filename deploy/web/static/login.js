// A login link carries its token after `#`, which browsers do not send: it is taken from the address and posted.
"use strict";

const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("token").value = token;
  document.getElementById("login").submit();
}
