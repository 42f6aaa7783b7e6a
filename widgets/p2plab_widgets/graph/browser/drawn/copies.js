// Draws the copies of messages that are on their way.

import { MANY, SOME } from "../density.js";
import { DUPLICATE, REJECTED } from "../frames.js";

// A first copy is a bright comet in its publisher's colour, a duplicate a small hollow ring, a rejected one red and
// crossed. Where there are many nodes only the chosen message's copies are drawn, and beyond that the tree alone.
export function drawCopies(painter, pen, theme, now, { topic, layers }) {
  const { scene, camera, look } = painter;
  if (look.level >= MANY) return;
  const only = look.level === SOME ? scene.wave?.number ?? scene.newest : 0;
  const crowd = scene.copies.length > 500;
  const size = Math.max(2, Math.min(5, look.radius * 0.42));
  for (const copy of scene.copies) {
    if (now < copy.start || (only && copy.number !== only)) continue;
    if (copy.look === DUPLICATE && !layers.duplicates) continue;
    const done = (now - copy.start) / (copy.end - copy.start);
    const ax = camera.screenX(copy.a), ay = camera.screenY(copy.a);
    const dx = camera.screenX(copy.b) - ax, dy = camera.screenY(copy.b) - ay;
    const x = ax + dx * done, y = ay + dy * done;
    const other = topic && copy.topic !== topic;
    const colour = copy.look === REJECTED ? theme.died : copy.colour ?? theme.born;
    if (copy.look === DUPLICATE) {
      pen.globalAlpha = other ? 0.15 : 0.8 * (1 - done * 0.4);
      pen.strokeStyle = colour;
      pen.lineWidth = 1.3;
      pen.beginPath();
      pen.arc(x, y, size * 0.75, 0, 2 * Math.PI);
      pen.stroke();
      continue;
    }
    pen.globalAlpha = other ? 0.15 : 1;
    if (!crowd) {
      const tail = Math.min(done, 0.32), tx = x - dx * tail, ty = y - dy * tail;
      const fade = pen.createLinearGradient(tx, ty, x, y);
      fade.addColorStop(0, colour + "00");
      fade.addColorStop(1, colour);
      pen.strokeStyle = fade;
      pen.lineWidth = size * 1.15;
      pen.beginPath();
      pen.moveTo(tx, ty);
      pen.lineTo(x, y);
      pen.stroke();
    }
    pen.fillStyle = colour;
    pen.beginPath();
    pen.arc(x, y, size, 0, 2 * Math.PI);
    pen.fill();
    if (copy.look === REJECTED) {
      pen.strokeStyle = theme.paper;
      pen.lineWidth = 1.4;
      pen.beginPath();
      pen.moveTo(x - size * 0.5, y - size * 0.5);
      pen.lineTo(x + size * 0.5, y + size * 0.5);
      pen.moveTo(x + size * 0.5, y - size * 0.5);
      pen.lineTo(x - size * 0.5, y + size * 0.5);
      pen.stroke();
    } else if (!crowd) {
      pen.fillStyle = theme.paper;
      pen.beginPath();
      pen.arc(x, y, size * 0.4, 0, 2 * Math.PI);
      pen.fill();
    }
  }
  pen.globalAlpha = 1;
}
