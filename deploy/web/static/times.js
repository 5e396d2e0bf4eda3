// Times stand in the page in UTC; they are shown in the time of this computer, and in UTC where somebody points at one.
"use strict";

(() => {
  const UTC = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/;
  const two = (number) => String(number).padStart(2, "0");
  const local = (text) => {
    const at = new Date(text.replace(" ", "T"));
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  };
  const isShown = ({ data, parentElement }) => UTC.test(data) && !parentElement.closest("pre, code, textarea, script");

  const show = (node) => {
    const [text] = UTC.exec(node.data);
    const known = node.parentElement.closest("time");
    const time = known ?? document.createElement("time");
    time.dateTime = text.replace(" ", "T");
    time.title = `${text.slice(0, -1)} UTC`;
    if (known) { node.data = node.data.replace(text, local(text)); return; }
    time.textContent = local(text);
    const after = node.splitText(node.data.indexOf(text));
    after.data = after.data.slice(text.length);
    after.before(time);
    if (UTC.test(after.data)) show(after);
  };

  const showWithin = (root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (node) => isShown(node) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT);
    const found = root.nodeType === Node.TEXT_NODE && isShown(root) ? [root] : [];
    while (walker.nextNode()) found.push(walker.currentNode);
    found.forEach(show);
  };
  const showNew = (records) => {
    for (const node of records.flatMap((record) => [...record.addedNodes])) if (node.isConnected) showWithin(node);
  };
  new MutationObserver(showNew).observe(document.body, { childList: true, subtree: true });
  showWithin(document.body);
  document.querySelector("footer")?.append(` · times in ${Intl.DateTimeFormat().resolvedOptions().timeZone}`);
})();
