// Who and whom: a grid on a canvas, with a place that arrows move and words below for it.

import { element, setText } from "../view/dom.js";

const MOST = 22, LEAST = 4;

export function matrix(card, frame) {
  const root = element("div", "p2plab-matrix");
  if (!card.names.length) {
    root.append(element("p", "p2plab-empty", card.empty));
    return { root };
  }
  const canvas = element("canvas", "p2plab-grid"), said = element("p", "p2plab-matrix-said");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  said.setAttribute("aria-live", "polite");
  const legend = element("div", "p2plab-legend");
  for (const [meaning, look] of card.kinds) {
    const entry = element("span", "p2plab-matrix-key"), sign = element("canvas", "p2plab-sign");
    entry.append(sign, element("span", "", meaning));
    entry.look = look;
    legend.append(entry);
  }
  root.append(canvas, said, legend);
  if (card.grouped) root.append(element("p", "p2plab-empty", card.grouped));
  const at = new Map(card.marks.map(([row, column, of]) => [`${row},${column}`, of]));
  const count = card.names.length;
  let here = null, size = {};

  const words = (row, column) => {
    const of = at.get(`${row},${column}`);
    const what = card.say[`${row},${column}`] || (of === undefined ? "no" : card.kinds[of][0]);
    return row === column && !card.grouped ? card.names[row] : `${card.names[row]} ${card.verb} ${card.names[column]}: ${what}`;
  };
  canvas.setAttribute("aria-label", `${card.title}: ${card.marks.length} marks among ${count} names; arrow keys move, Enter selects`);

  const draw = () => {
    const theme = frame.theme(), ratio = window.devicePixelRatio || 1, wide = root.clientWidth || 300;
    const font = Math.max(10, parseFloat(theme.size) * 0.8), pen = canvas.getContext("2d");
    pen.font = `${font}px ${theme.font}`;
    const label = Math.min(110, Math.max(...card.names.map((name) => pen.measureText(name).width)) + 6);
    const named = (wide - label - 2) / count >= font;
    const side = Math.max(LEAST, Math.min(MOST, (wide - (named ? label : 4) - 2) / count));
    const edge = named ? label : 4;
    size = { side, edge };
    canvas.width = (edge + side * count + 2) * ratio;
    canvas.height = (edge + side * count + 2) * ratio;
    canvas.style.width = `${edge + side * count + 2}px`;
    canvas.style.height = `${edge + side * count + 2}px`;
    pen.scale(ratio, ratio);
    pen.font = `${font}px ${theme.font}`;
    pen.fillStyle = theme.ink;
    pen.textBaseline = "middle";
    if (named) {
      card.names.forEach((name, i) => {
        pen.textAlign = "right";
        pen.fillText(name, edge - 4, edge + (i + 0.5) * side, edge - 6);
        pen.save();
        pen.translate(edge + (i + 0.5) * side, edge - 4);
        pen.rotate(-Math.PI / 2);
        pen.textAlign = "left";
        pen.fillText(name, 0, 0, edge - 6);
        pen.restore();
      });
    }
    pen.strokeStyle = theme.border;
    pen.lineWidth = 0.5;
    pen.beginPath();
    for (let i = 0; i <= count; i++) {
      pen.moveTo(edge, edge + i * side);
      pen.lineTo(edge + count * side, edge + i * side);
      pen.moveTo(edge + i * side, edge);
      pen.lineTo(edge + i * side, edge + count * side);
    }
    pen.stroke();
    for (const [row, column, of] of card.marks) {
      mark(pen, theme, card.kinds[of][1], edge + (column + 0.5) * side, edge + (row + 0.5) * side, side * 0.36);
    }
    if (here) {
      pen.strokeStyle = theme.accent;
      pen.lineWidth = 2;
      pen.strokeRect(edge + here[1] * side, edge + here[0] * side, side, side);
    }
    for (const entry of legend.children) {
      const sign = entry.querySelector("canvas"), sketch = sign.getContext("2d");
      sign.width = sign.height = 14 * ratio;
      sketch.scale(ratio, ratio);
      mark(sketch, theme, entry.look, 7, 7, 5);
    }
  };
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - size.edge) / size.side);
    const row = Math.floor((event.clientY - box.top - size.edge) / size.side);
    return row >= 0 && column >= 0 && row < count && column < count ? [row, column] : null;
  };
  const go = (place) => {
    here = place;
    setText(said, place ? words(...place) : "");
    draw();
  };
  const choose = () => {
    if (!here || card.grouped) return;
    const [row, column] = here;
    if (row === column) frame.select("node", card.names[row]);
    else frame.select("edge", [card.names[row], card.names[column]].sort());
  };
  canvas.addEventListener("pointermove", (event) => go(point(event)));
  canvas.addEventListener("click", choose);
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (moves) {
      const [row, column] = here ?? [0, -1];
      go([row + moves[0], column + moves[1]].map((value) => Math.min(Math.max(value, 0), count - 1)));
    } else if (event.key === "Enter") choose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  requestAnimationFrame(draw);
  return { root, resize: draw, themed: draw };
}

function mark(pen, theme, look, x, y, r) {
  pen.lineWidth = 1.6;
  pen.beginPath();
  if (look.startsWith("shade")) {
    pen.globalAlpha = [0.3, 0.55, 0.78, 1][Number(look.slice(5))];
    pen.fillStyle = theme.mesh;
    pen.fillRect(x - 1.35 * r, y - 1.35 * r, 2.7 * r, 2.7 * r);
    pen.globalAlpha = 1;
  } else if (look === "full") {
    pen.fillStyle = theme.mesh;
    pen.fillRect(x - r, y - r, 2 * r, 2 * r);
  } else if (look === "half") {
    pen.fillStyle = theme.fault;
    pen.moveTo(x - r, y + r);
    pen.lineTo(x - r, y - r);
    pen.lineTo(x + r, y - r);
    pen.fill();
  } else if (look === "ring") {
    pen.strokeStyle = theme.born;
    pen.arc(x, y, r * 0.8, 0, 2 * Math.PI);
    pen.stroke();
  } else if (look === "cross") {
    pen.strokeStyle = theme.died;
    pen.moveTo(x - r * 0.7, y - r * 0.7);
    pen.lineTo(x + r * 0.7, y + r * 0.7);
    pen.moveTo(x + r * 0.7, y - r * 0.7);
    pen.lineTo(x - r * 0.7, y + r * 0.7);
    pen.stroke();
  } else {
    pen.fillStyle = theme.muted;
    pen.arc(x, y, Math.max(1, r * 0.3), 0, 2 * Math.PI);
    pen.fill();
  }
}
