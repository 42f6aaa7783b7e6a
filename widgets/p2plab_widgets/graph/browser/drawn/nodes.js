// Draws the nodes: what they are by shape and outline, what is chosen of them by colour.

import { colourOfValue, needsOutline } from "../colour.js";
import { MANY, SOME } from "../density.js";
import { ATTACHED, GONE, OUTSIDE } from "../frames.js";
import { APPEAR, FLASH } from "../scene.js";
import { circle, ease } from "./shapes.js";

function fillOf(scene, i, theme, now) {
  const node = scene.nodes[i], { paint } = scene;
  if (paint.kind === "identity") return node.colour;
  if (paint.by === "delay" || paint.by === "hops") {
    const since = scene.hasIt(i);
    if (since === null || since > now) return null;
  }
  return colourOfValue(paint, paint.values[i] ?? NaN, theme);
}

export function drawNode(painter, pen, theme, now, { topic, selected, hovered, found, still, layers }, i) {
  const { scene, camera } = painter, { level, radius: full } = painter.look, ringed = level <= SOME;
  const node = scene.nodes[i], x = camera.screenX(i), y = camera.screenY(i);
  const age = still ? 1 : ease((now - node.born) / APPEAR);
  const radius = full * (0.3 + 0.7 * age) * (i === hovered ? 1.15 : 1);
  const subscribes = topic ? node.topics.has(topic) : false;
  const faint = (topic && !subscribes) || (found && !found.has(i));
  const fill = fillOf(scene, i, theme, now);
  if (subscribes && ringed) {
    pen.strokeStyle = fill && !needsOutline(fill, theme.paper) ? fill : theme.ink;
    pen.globalAlpha = 0.85;
    pen.lineWidth = Math.max(1.1, full * 0.15);
    circle(pen, x, y, radius + Math.max(2.5, full * 0.42));
    pen.stroke();
    pen.globalAlpha = 1;
  }
  // Lines end a little before the node: a ring of the paper's colour lies between, where there is room for it.
  if (full > 3) {
    pen.fillStyle = theme.paper;
    circle(pen, x, y, radius + Math.min(2, full * 0.2));
    pen.fill();
  }
  pen.globalAlpha = faint ? 0.35 : 1;
  shapeOf(pen, theme, node, fill, x, y, radius, full, layers.attackers && scene.attackers.has(i));
  pen.globalAlpha = 1;
  if (scene.wave?.publisher === i) {
    pen.strokeStyle = theme.ink;
    pen.lineWidth = Math.max(1.5, full * 0.2);
    const size = radius + Math.max(3, full * 0.5);
    pen.strokeRect(x - size, y - size, 2 * size, 2 * size);
  }
  if (i === selected) {
    pen.strokeStyle = theme.ink;
    pen.lineWidth = 2.2;
    circle(pen, x, y, radius + (subscribes && ringed ? full * 0.42 + 4 : 4));
    pen.stroke();
  } else if (found?.has(i)) {
    pen.strokeStyle = theme.ink;
    pen.lineWidth = 1.4;
    circle(pen, x, y, radius + 3);
    pen.stroke();
  }
}

// What a node is: filled and running; hollow without a value of the chosen quantity; hollow, grey and crossed when
// gone; a ring when it is not of this lab; thorned when it attacks.
function shapeOf(pen, theme, node, fill, x, y, radius, full, attacks) {
  const gone = node.look === GONE, ours = !gone && node.look !== OUTSIDE && node.look !== ATTACHED;
  if (attacks) {
    pen.fillStyle = theme.ink;
    pen.beginPath();
    for (let k = 0; k < 16; k++) {
      const reach = radius + (k % 2 ? -1 : Math.max(3, full * 0.45)), turn = (k * Math.PI) / 8;
      pen.lineTo(x + reach * Math.cos(turn), y + reach * Math.sin(turn));
    }
    pen.closePath();
    pen.fill();
  }
  if (ours && fill) {
    circle(pen, x, y, radius);
    pen.fillStyle = fill;
    pen.fill();
    if (needsOutline(fill, theme.paper)) {
      pen.strokeStyle = theme.ink;
      pen.lineWidth = 1;
      pen.stroke();
    }
    return;
  }
  const width = gone ? Math.max(1, full * 0.14) : Math.max(1, full * 0.24);
  circle(pen, x, y, radius - width / 2);
  pen.fillStyle = theme.paper;
  pen.fill();
  pen.strokeStyle = gone || !fill ? theme.muted : fill;
  pen.lineWidth = width;
  if (gone && full > 4) pen.setLineDash([2.5, 2.5]);
  pen.stroke();
  pen.setLineDash([]);
  if (gone && full > 2.5) {
    const arm = radius * 0.45;
    pen.beginPath();
    pen.moveTo(x - arm, y - arm);
    pen.lineTo(x + arm, y + arm);
    pen.moveTo(x + arm, y - arm);
    pen.lineTo(x - arm, y + arm);
    pen.stroke();
  }
}

// A message has just come, or was refused: a ring that widens and goes; where nothing is to move, one that stands. Where
// many nodes are coloured by when it came, their colour says so.
export function drawFlashes(painter, pen, theme, now, { still }) {
  const { scene, camera } = painter, { level, radius: full, sight } = painter.look;
  if (level > MANY || (level === MANY && (scene.paint.by === "delay" || scene.paint.by === "hops"))) return;
  for (const i of sight) {
    const node = scene.nodes[i], flash = (now - node.flash) / FLASH;
    if (flash < 0 || flash >= 1) continue;
    pen.strokeStyle = node.glow ?? theme.died;
    pen.globalAlpha = still ? 0.8 : (1 - flash) * (1 - flash);
    pen.lineWidth = Math.max(1.5, full * 0.28);
    circle(pen, camera.screenX(i), camera.screenY(i), full + 2 + (still ? full * 0.5 : full * 1.3 * ease(flash)));
    pen.stroke();
  }
  pen.globalAlpha = 1;
}
