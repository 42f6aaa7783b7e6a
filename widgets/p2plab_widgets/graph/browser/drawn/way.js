// The way of the chosen message: a line to each node from the one that it had it from, which grows as the message comes.

import { colourOfValue } from "../colour.js";
import { FEW, MANY, SOME } from "../density.js";
import { HOP } from "../scene.js";

// The nodes to which a line is to be drawn.
export function growsTo(scene) {
  const { wave, nodes } = scene;
  return [...wave.from.keys()].filter((i) => wave.from[i] >= 0 && nodes[i] && nodes[wave.from[i]] && !scene.isFiltered(i));
}

// Draws the lines that have grown to their end, once; the others stay in the painter's `growing`.
export function drawWhole(painter, pen, theme, now) {
  const { scene } = painter, whole = [], growing = [];
  if (!scene.wave) return;
  for (const i of painter.growing) (scene.hasIt(i) <= now ? whole : growing).push(i);
  if (whole.length) drawWays(painter, pen, ways(scene, whole, theme, () => 1));
  painter.growing = growing;
}

// Those that grow as the message comes.
export function drawTips(painter, pen, theme, now) {
  const { scene, growing } = painter;
  drawWays(painter, pen, ways(scene, growing, theme, (i) => 1 - (scene.hasIt(i) - now) / HOP));
}

// The lines by their colour, from where a node had the message: [[colour, [[from, node, part], ...]], ...].
function ways(scene, nodes, theme, partOf) {
  const { wave, paint } = scene, colour = scene.nodes[wave.publisher]?.colour ?? theme.born;
  const byWay = paint.by === "delay" || paint.by === "hops", groups = new Map();
  for (const i of nodes) {
    const part = partOf(i);
    if (part <= 0) continue;
    const stroke = (byWay && colourOfValue(paint, paint.values[i] ?? NaN, theme)) || colour;
    if (!groups.has(stroke)) groups.set(stroke, []);
    groups.get(stroke).push([wave.from[i], i, part]);
  }
  return groups;
}

function drawWays({ look, camera, scene }, pen, groups) {
  // Of very many lines each is faint: together they would hide the nodes.
  pen.globalAlpha = look.level === MANY ? Math.max(0.1, Math.min(0.4, 400 / scene.wave.from.length)) : 0.8;
  pen.lineWidth = look.level === FEW ? 2.4 : look.level === SOME ? 1.5 : 0.8;
  for (const [stroke, lines] of groups) {
    pen.strokeStyle = stroke;
    for (let at = 0; at < lines.length; at += 256) {
      pen.beginPath();
      for (const [from, i, part] of lines.slice(at, at + 256)) {
        const x = camera.screenX(from), y = camera.screenY(from);
        pen.moveTo(x, y);
        pen.lineTo(x + (camera.screenX(i) - x) * part, y + (camera.screenY(i) - y) * part);
      }
      pen.stroke();
    }
  }
  pen.globalAlpha = 1;
}
