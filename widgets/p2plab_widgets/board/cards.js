// How each kind of card is drawn. A function takes the card and the frame, and gives { root, resize?, themed?, close? }.

import { element } from "../view/dom.js";
import { matrix } from "./matrix.js";
import { ring } from "./ring.js";
import { hex } from "./hex.js";
import { dag } from "./dag.js";

// A cell: a text, or a button that selects.
export function cell(one, frame) {
  if (typeof one === "string") return element("span", "", one);
  const made = element("button", "p2plab-pick", one.text);
  made.type = "button";
  made.title = `select this ${one.pick.kind}`;
  made.dataset.pick = JSON.stringify([one.pick.kind, one.pick.id]);
  made.addEventListener("click", () => frame.select(one.pick.kind, one.pick.id));
  return made;
}

const nothing = (card) => element("p", "p2plab-empty", card.empty);
const rest = (card, root) => {
  if (card.more > 0) root.append(element("p", "p2plab-empty", `… and ${card.more.toLocaleString("en")} more`));
};

function facts(card, frame) {
  const root = element("dl", "p2plab-facts-list");
  for (const [name, value] of card.rows) {
    const term = element("dt", "", name), said = element("dd");
    said.append(cell(value, frame));
    root.append(term, said);
  }
  return { root };
}

function table(card, frame) {
  if (!card.rows.length) return { root: nothing(card) };
  const root = element("div", "p2plab-table-box"), made = element("table", "p2plab-table");
  const head = element("tr");
  for (const name of card.columns) {
    const th = element("th", "", name);
    th.scope = "col";
    head.append(th);
  }
  const body = element("tbody");
  for (const row of card.rows) {
    const line = element("tr");
    for (const one of row) {
      const td = element("td", typeof one === "string" && /^[-–\d.,\s%]+( [a-zA-Z/]+)?$/.test(one) ? "p2plab-number" : "");
      td.append(cell(one, frame));
      line.append(td);
    }
    body.append(line);
  }
  const top = element("thead");
  top.append(head);
  made.append(top, body);
  root.append(made);
  rest(card, root);
  return { root };
}

function steps(card, frame) {
  if (!card.rows.length) return { root: nothing(card) };
  const root = element("ol", "p2plab-steps");
  for (const [depth, one, remark] of card.rows) {
    const line = element("li");
    line.style.paddingLeft = `${Math.min(depth, 12) * 14}px`;
    line.append(cell(one, frame));
    if (remark) line.append(element("span", "p2plab-remark", remark));
    root.append(line);
  }
  const box = element("div");
  box.append(root);
  rest(card, box);
  return { root: box };
}

// A chart: an image, in which nothing can run. It follows the theme through its color-scheme.
function picture(card, frame) {
  const root = element("img", "p2plab-chart");
  root.alt = card.alt;
  root.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(card.svg)}`;
  const width = Number(/ width="([\d.]+)"/.exec(card.svg)?.[1]) || 640;
  const themed = () => {
    const { dark, size } = frame.theme();
    root.style.colorScheme = dark ? "dark" : "light";
    root.style.width = `${width * ((size || 13) / 13)}px`; // its type is as large as that around it
  };
  themed();
  return { root, themed };
}

// Lines of Python, each with a button that copies it.
function code(card) {
  const root = element("div", "p2plab-code");
  for (const text of card.lines) {
    const line = element("div", "p2plab-code-line"), copy = element("button", "p2plab-copy", "copy");
    copy.type = "button";
    copy.title = "copy this line";
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        copy.textContent = "copied";
      } catch {
        copy.textContent = "select it by hand: the page may not copy";
      }
      setTimeout(() => (copy.textContent = "copy"), 1500);
    });
    line.append(element("code", "", text), copy);
    root.append(line);
  }
  return { root };
}

const note = (card) => ({ root: element("p", "p2plab-said", card.text) });

export const cards = { facts, table, steps, picture, note, code, matrix, ring, hex, dag };
