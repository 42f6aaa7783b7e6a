// A graph in levels: a row for each depth, a cell for each block or for several that follow each other. dag.py draws the
// same for stills. Arrow keys move from cell to cell, and words below say what is there.

import { element, setText } from "../view/dom.js";

const SPACE = "http://www.w3.org/2000/svg";
const WIDEST = 118, LABELLED = 58, HEAD = 17, GAP = 20, HIGH = 42, LOW = 18, BAND = 6;

function shape(tag, attributes, className = "", text = "") {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (className) made.setAttribute("class", className);
  if (text) made.textContent = text;
  return made;
}

const toned = (look, tone) => (look === "full" ? `p2plab-tone-${tone % 8}` : `p2plab-look-${look}`);

function swatch(x, y, width, height, look, tone) {
  const made = shape("g", {}, `p2plab-swatch ${toned(look, tone)}`);
  const filled = look === "full" || look === "grey", inset = filled ? 0 : 0.5;
  const size = [width, height].map((side) => Math.max(side - 2 * inset, 0.5));
  made.append(shape("rect", { x: x + inset, y: y + inset, width: size[0], height: size[1] }, filled ? "p2plab-filled" : "p2plab-outline"));
  if (look === "cross") made.append(shape("path", { d: `M${x} ${y}l${width} ${height}` }, "p2plab-outline"));
  return made;
}

export function dag(card, frame) {
  const root = element("div", "p2plab-dag");
  if (!card.rows.length) {
    root.append(element("p", "p2plab-empty", card.empty));
    return { root };
  }
  const picture = shape("svg", { tabindex: "0", role: "img" }), said = element("p", "p2plab-matrix-said");
  said.setAttribute("aria-live", "polite");
  const count = card.rows.reduce((sum, row) => sum + row.cells.length, 0);
  picture.setAttribute("aria-label", `${card.title}: ${count} cells in ${card.rows.length} levels; arrow keys move, Enter selects`);
  const legend = element("div", "p2plab-legend");
  for (const [meaning, look, tone, sign] of card.kinds) {
    const entry = element("span", "p2plab-matrix-key"), box = shape("svg", { viewBox: "0 0 14 12", width: 14, height: 12 }, "p2plab-dag-sign");
    box.append(swatch(0, 0, 14, 12, look, tone));
    entry.append(box, element("span", "", `${sign} ${meaning}`.trim()));
    legend.append(entry);
  }
  root.append(picture, said, legend);
  if (card.note) root.append(element("p", "p2plab-empty", card.note));
  let places = [], groups = [], here = null, drawn = "";

  const cellOf = ([label, second, parts, , pick], [x, y, width, height]) => {
    const group = shape("g", {}, `p2plab-dag-cell${pick === null ? "" : " p2plab-pick"}`);
    if (pick !== null) group.dataset.pick = JSON.stringify(["event", pick]);
    const [, look, tone, sign] = card.kinds[parts[0][0]];
    if (width >= LABELLED) {
      group.append(shape("rect", { x, y, width, height, rx: 3 }, `p2plab-dag-box ${toned(look, tone)}`));
      let at = x;
      for (const [kind, share] of parts) {
        const [, one, of] = card.kinds[kind];
        if (one === "full" || one === "grey") group.append(swatch(at, y, share * width, BAND, one, of));
        at += share * width;
      }
      const most = Math.max(1, Math.floor((width - 12) / 6.4)), cut = (text) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
      group.append(shape("text", { x: x + 5, y: y + 20 }, "p2plab-dag-name", cut(label)));
      group.append(shape("text", { x: x + 5, y: y + 34 }, "p2plab-dag-more", cut(second)));
      if (parts.length === 1 && sign) group.append(shape("text", { x: x + width - 5, y: y + 34, "text-anchor": "end" }, "p2plab-dag-letter", sign));
    } else {
      let at = y;
      for (const [kind, share] of parts) {
        const [, one, of] = card.kinds[kind];
        group.append(swatch(x, at, width, share * height, one, of));
        at += share * height;
      }
      if (parts.length === 1 && sign && width >= 9 && look === "full")
        group.append(shape("text", { x: x + width / 2, y: y + 13, "text-anchor": "middle" }, "p2plab-dag-letter p2plab-dag-on", sign));
    }
    group.append(shape("rect", { x: x - 1.5, y: y - 1.5, width: width + 3, height: height + 3, rx: 3 }, "p2plab-dag-mark"));
    return group;
  };

  const draw = () => {
    const width = Math.max(200, root.clientWidth || 600), key = String(width);
    if (key === drawn) return;
    drawn = key;
    let top = 0;
    places = card.rows.map(({ cells }) => {
      const gap = cells.length <= 16 ? 6 : 1, side = Math.min(WIDEST, (width - gap * (cells.length - 1)) / Math.max(1, cells.length));
      const start = (width - cells.length * side - gap * (cells.length - 1)) / 2, height = side >= LABELLED ? HIGH : LOW;
      const boxes = cells.map((_, at) => [start + at * (side + gap), top + HEAD, side, height]);
      top += HEAD + height + GAP;
      return boxes;
    });
    const parts = card.edges.map(([a, i, b, j]) => {
      const [ax, ay, aw, ah] = places[a][i], [bx, by, bw] = places[b][j];
      const x1 = ax + aw / 2, y1 = ay + ah, x2 = bx + bw / 2, bend = by > y1 ? (by - y1) / 2 : 12;
      return shape("path", { d: `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${by - bend} ${x2} ${by}` }, "p2plab-dag-link");
    });
    groups = card.rows.map(({ cells }, row) => cells.map((one, at) => cellOf(one, places[row][at])));
    card.rows.forEach((row, at) => {
      const y = places[at][0][1];
      parts.push(shape("rect", { x: 0, y: y - 15, width: row.said.length * 5 + 4, height: 13 }, "p2plab-dag-behind"));
      parts.push(shape("text", { x: 0, y: y - 5 }, "p2plab-dag-level", row.said));
    });
    picture.setAttribute("viewBox", `-2 0 ${width + 4} ${top - GAP + 4}`);
    picture.setAttribute("height", String(top - GAP + 4));
    picture.replaceChildren(...parts, ...groups.flat());
    picture.querySelectorAll(".p2plab-pick").forEach((one) => {
      const selection = frame.selection, pick = selection ? JSON.stringify([selection.kind, selection.id]) : "";
      one.setAttribute("aria-pressed", String(one.dataset.pick === pick));
    });
    go(here);
  };

  const go = (place) => {
    for (const one of picture.querySelectorAll(".p2plab-dag-here")) one.classList.remove("p2plab-dag-here");
    here = place;
    if (!place) return setText(said, "");
    groups[place[0]][place[1]].classList.add("p2plab-dag-here");
    setText(said, card.rows[place[0]].cells[place[1]][3]);
  };
  const choose = () => {
    const pick = here && card.rows[here[0]].cells[here[1]][4];
    if (pick !== null && pick !== undefined) frame.select("event", pick);
  };
  const placeOf = (event) => {
    const group = event.target.closest?.(".p2plab-dag-cell");
    for (let row = 0; group && row < groups.length; row++) {
      const at = groups[row].indexOf(group);
      if (at >= 0) return [row, at];
    }
    return null;
  };
  picture.addEventListener("pointermove", (event) => {
    const place = placeOf(event);
    if (place && String(place) !== String(here)) go(place);
  });
  picture.addEventListener("click", (event) => {
    const place = placeOf(event);
    if (!place) return;
    go(place);
    choose();
  });
  picture.addEventListener("keydown", (event) => {
    const [row, at] = here ?? [0, 0], last = (one) => card.rows[one].cells.length - 1;
    const middle = (one, i) => places[one][i][0] + places[one][i][2] / 2;
    const nearest = (one) => {
      const wanted = middle(row, at), far = (i) => Math.abs(middle(one, i) - wanted);
      return places[one].reduce((best, _, i) => (far(i) < far(best) ? i : best), 0);
    };
    if (event.key === "Enter") choose();
    else if (!here && event.key.startsWith("Arrow")) go([0, 0]);
    else if (event.key === "ArrowLeft") go([row, Math.max(0, at - 1)]);
    else if (event.key === "ArrowRight") go([row, Math.min(last(row), at + 1)]);
    else if (event.key === "ArrowUp" && row > 0) go([row - 1, nearest(row - 1)]);
    else if (event.key === "ArrowDown" && row + 1 < card.rows.length) go([row + 1, nearest(row + 1)]);
    else if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
  });
  requestAnimationFrame(draw);
  return { root, resize: draw };
}
