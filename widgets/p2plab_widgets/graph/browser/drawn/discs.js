// Draws thousands of nodes as discs with counts, and the lines between those.

import { colourOfValue, contrast } from "../colour.js";
import { circle } from "./shapes.js";

// Where a cluster's middle lies, in pixels.
export function cellPlace(camera, { x, y }) {
  return [
    (x - camera.x) * camera.scale * camera.across + camera.width / 2,
    (y - camera.y) * camera.scale * camera.down + camera.height / 2,
  ];
}

export function drawDiscs(painter, pen, theme, now) {
  const { scene } = painter;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (const cell of painter.clusters.cells) {
    const [x, y] = cellPlace(painter.camera, cell);
    const have = cell.nodes.filter((i) => scene.hasIt(i) !== null && scene.hasIt(i) <= now).length;
    const known = cell.nodes.map((i) => scene.paint.values?.[i] ?? NaN).filter((value) => !Number.isNaN(value));
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    const byValue = scene.paint.kind === "sequence" || scene.paint.kind === "diverging";
    const fill = (byValue && known.length && colourOfValue(scene.paint, mean, theme)) || theme.muted;
    pen.fillStyle = theme.paper;
    circle(pen, x, y, cell.radius + 2);
    pen.fill();
    pen.globalAlpha = byValue && known.length ? 1 : 0.75;
    pen.fillStyle = fill;
    circle(pen, x, y, cell.radius);
    pen.fill();
    pen.globalAlpha = 1;
    if (scene.wave) {
      // How many of them have the chosen message: a ring that closes.
      pen.strokeStyle = theme.ink;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(x, y, cell.radius + 3, -Math.PI / 2, -Math.PI / 2 + (2 * Math.PI * have) / cell.nodes.length);
      pen.stroke();
    }
    if (cell.nodes.length > 1) {
      pen.font = `600 ${(cell.radius > 14 ? 11 : 9.5) * theme.size}px ${theme.font}`;
      pen.fillStyle = contrast(fill, "#ffffff") >= contrast(fill, "#111111") ? "#ffffff" : "#111111";
      pen.fillText(cell.nodes.length, x, y);
    }
  }
}

export function drawDiscLines(painter, pen, theme) {
  pen.strokeStyle = theme.line;
  for (const { one, other, count } of painter.clusters.lines) {
    const [ax, ay] = cellPlace(painter.camera, one), [bx, by] = cellPlace(painter.camera, other);
    pen.globalAlpha = Math.min(0.7, 0.12 + 0.05 * count);
    pen.lineWidth = Math.min(6, 0.5 + 0.35 * Math.sqrt(count));
    pen.beginPath();
    pen.moveTo(ax, ay);
    pen.lineTo(bx, by);
    pen.stroke();
  }
  pen.globalAlpha = 1;
}
