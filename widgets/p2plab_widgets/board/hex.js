// Bytes in hex, sixteen a line, with the fields that they are: pointing at either shows the other.

import { element } from "../view/dom.js";

const LINE = 16;

export function hex(card) {
  const root = element("div", "p2plab-hex");
  if (!card.data) {
    root.append(element("p", "p2plab-empty", card.empty));
    return { root };
  }
  const bytes = card.data.match(/../g), dump = element("div", "p2plab-dump"), fields = element("ol", "p2plab-fields");
  dump.tabIndex = 0;
  dump.setAttribute("aria-label", `${card.size} bytes in hex`);
  const outer = (at) => at + 1 < card.fields.length && card.fields[at + 1][2] > card.fields[at][2];
  const colours = new Map(), owner = new Array(bytes.length).fill(-1);
  let next = 0;
  card.fields.forEach(([start, end], at) => {
    if (outer(at)) return;
    colours.set(at, next++ % 6);
    for (let i = start; i < end; i++) owner[i] = at;
  });
  const cells = bytes.map((byte, at) => {
    const made = element("span", owner[at] >= 0 ? `p2plab-byte p2plab-field-${colours.get(owner[at])}` : "p2plab-byte", byte);
    made.addEventListener("pointerenter", () => show(owner[at]));
    return made;
  });
  for (let start = 0; start < bytes.length; start += LINE) {
    const line = element("div", "p2plab-hex-line"), said = bytes.slice(start, start + LINE)
      .map((byte) => parseInt(byte, 16)).map((code) => (code >= 32 && code < 127 ? String.fromCharCode(code) : "·")).join("");
    line.append(element("span", "p2plab-offset", start.toString(16).padStart(4, "0")), ...cells.slice(start, start + LINE));
    if (start + LINE > bytes.length) line.append(element("span", "p2plab-fill"));
    line.append(element("span", "p2plab-ascii", said));
    dump.append(line);
  }
  if (card.size > bytes.length) dump.append(element("p", "p2plab-empty", `… ${card.size - bytes.length} more bytes`));
  const lines = card.fields.map(([start, end, depth, name, value], at) => {
    const line = element("li", colours.has(at) ? `p2plab-field-${colours.get(at)}` : "");
    line.tabIndex = 0;
    line.style.paddingLeft = `${depth * 12}px`;
    line.append(element("span", "p2plab-field-name", name), element("span", "p2plab-field-value", value));
    line.append(element("span", "p2plab-offset", end > start ? `bytes ${start} to ${end - 1}` : "no bytes"));
    for (const kind of ["pointerenter", "focus"]) line.addEventListener(kind, () => show(at));
    fields.append(line);
    return line;
  });
  const show = (at) => {
    const [start, end] = at >= 0 ? card.fields[at] : [0, 0];
    cells.forEach((one, i) => one.classList.toggle("p2plab-lit", i >= start && i < end));
    lines.forEach((one, i) => one.classList.toggle("p2plab-lit", i === at));
  };
  root.addEventListener("pointerleave", () => show(-1));
  root.append(dump, fields);
  return { root };
}
