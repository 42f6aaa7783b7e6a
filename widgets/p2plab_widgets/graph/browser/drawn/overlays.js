// The layers over and under the nodes: traffic, streams, DHT neighbours, boxes, relays and punches. still/layers.py draws
// the same.

import { CATEGORIES } from "../colour.js";
import { FEW, SOME } from "../density.js";

const THICKEST = [9, 6, 2.4]; // of an edge's traffic, by density
const APART = 3.4; // pixels between the streams of an edge
const STEPS = 8; // widths that traffic is drawn in, so that many edges are one path

const groups = (flat, size) => Array.from({ length: Math.floor((flat?.length ?? 0) / size) }, (_, at) => flat.slice(at * size, at * size + size));

// Draws for a painter, which knows the scene and the camera.
export class Overlays {
  constructor(painter) {
    this.painter = painter;
  }

  #at(i) {
    const { camera } = this.painter;
    return [camera.screenX(i), camera.screenY(i)];
  }

  #seen(nodes) {
    const { scene } = this.painter;
    return nodes.every((i) => scene.nodes[i] && scene.isShown(scene.nodes[i]) && !scene.isFiltered(i));
  }

  #line(pen, ...nodes) {
    pen.beginPath();
    nodes.forEach((i, at) => (at ? pen.lineTo(...this.#at(i)) : pen.moveTo(...this.#at(i))));
    pen.stroke();
  }

  // Below the nodes; in the layer of lines, which stands still while nothing but pulses moves.
  under(pen, theme, layers) {
    const { over } = this.painter.scene, { level } = this.painter.look;
    if (layers.traffic) this.#traffic(pen, theme, over.traffic, level);
    const reach = layers.boxes ? over.reach : null;
    if (reach) this.#ways(pen, theme, reach);
    if (layers.streams && level <= SOME) this.#streams(pen, over.streams);
    if (reach) {
      for (const punch of reach.punches ?? []) {
        if (!punch.pair.length || !this.#seen(punch.pair)) continue;
        pen.strokeStyle = outcome(punch, theme);
        pen.lineWidth = 2.4;
        pen.setLineDash(punch.met ? [] : [3, 5]);
        this.#line(pen, ...punch.pair);
      }
      pen.setLineDash([]);
    }
    this.#reserve(pen, theme, reach);
  }

  // The words of boxes: where they stand, no node's name does.
  #reserve(pen, theme, reach) {
    const { radius, level } = this.painter.look, { width } = this.painter.camera;
    this.words = [];
    if (!reach?.boxes || level > FEW) return;
    pen.font = `600 ${11 * theme.size}px ${theme.font}`;
    const deep = new Map(), high = 8 * theme.size;
    for (const { label, nodes } of reach.boxes) {
      const seen = nodes.filter((i) => this.#seen([i]));
      for (const i of seen) deep.set(i, (deep.get(i) ?? 0) + 1);
      if (!seen.length) continue;
      const [x, y] = this.#at(seen[0]), half = pen.measureText(label).width / 2 + 4;
      const inside = Math.min(Math.max(x, half), Math.max(width - half, half));
      const above = Math.max(y - 1.3 * (radius + 4 + 5 * deep.get(seen[0])) - high, high);
      this.words.push({ text: label, x: inside, y: above });
      this.painter.reserved.push({ text: label, x: inside, y: above, box: [inside - half, above - high, inside + half, above + high] });
    }
  }

  #traffic(pen, theme, traffic, level) {
    const triples = groups(traffic?.values, 3).filter(([a, b]) => this.#seen([a, b]));
    const most = Math.max(...triples.map(([, , amount]) => amount), 1), steps = Array.from({ length: STEPS + 1 }, () => []);
    for (const triple of triples) steps[Math.round(STEPS * Math.sqrt(triple[2] / most))].push(triple);
    pen.strokeStyle = theme.line;
    pen.globalAlpha = [0.9, 0.7, 0.45][level];
    steps.forEach((those, step) => {
      pen.lineWidth = 1 + ((THICKEST[level] - 1) * step) / STEPS;
      for (let at = 0; at < those.length; at += 256) {
        pen.beginPath();
        for (const [a, b] of those.slice(at, at + 256)) {
          pen.moveTo(...this.#at(a));
          pen.lineTo(...this.#at(b));
        }
        pen.stroke();
      }
    });
    pen.globalAlpha = 1;
  }

  // Each protocol's streams as a line beside those of the others, thicker where there are more.
  #streams(pen, streams) {
    const ofEdge = new Map();
    for (const [a, b, protocol, count] of groups(streams?.values, 4)) {
      if (!this.#seen([a, b])) continue;
      const key = a * 4294967296 + b;
      if (!ofEdge.has(key)) ofEdge.set(key, { a, b, lines: [] });
      ofEdge.get(key).lines.push([protocol, count]);
    }
    for (const { a, b, lines } of ofEdge.values()) {
      const [ax, ay] = this.#at(a), [bx, by] = this.#at(b), length = Math.hypot(bx - ax, by - ay) || 1;
      const acrossX = -(by - ay) / length, acrossY = (bx - ax) / length;
      lines.forEach(([protocol, count], place) => {
        const off = (place - (lines.length - 1) / 2) * APART;
        pen.strokeStyle = CATEGORIES[protocol];
        pen.lineWidth = Math.min(1.2 + 0.6 * count, 3);
        pen.beginPath();
        pen.moveTo(ax + acrossX * off, ay + acrossY * off);
        pen.lineTo(bx + acrossX * off, by + acrossY * off);
        pen.stroke();
      });
    }
  }

  // Slots at relays, dotted, and connections over relays, dashed.
  #ways(pen, theme, reach) {
    pen.strokeStyle = theme.ink;
    pen.lineWidth = 1.4;
    pen.setLineDash([1.5, 4]);
    for (const pair of groups(reach.slots, 2)) if (this.#seen(pair)) this.#line(pen, ...pair);
    pen.strokeStyle = theme.dark ? CATEGORIES[5] : CATEGORIES[0];
    pen.lineWidth = 4;
    pen.setLineDash([9, 5]);
    for (const [relay, a, b] of groups(reach.circuits, 3)) if (this.#seen([relay, a, b])) this.#line(pen, a, relay, b);
    pen.setLineDash([]);
  }

  // Around the nodes and between them: houses of boxes, diamonds of relays, packets and what is said of punches.
  around(pen, theme, layers) {
    const reach = layers.boxes ? this.painter.scene.over.reach : null, { level, radius } = this.painter.look;
    if (!reach?.boxes) return;
    const behind = new Map();
    pen.strokeStyle = theme.ink;
    pen.lineWidth = level === FEW ? 1.6 : 1;
    for (const { nodes } of reach.boxes) {
      for (const i of nodes) {
        if (!this.#seen([i])) continue;
        behind.set(i, (behind.get(i) ?? 0) + 1);
        house(pen, ...this.#at(i), radius + roomOf(level) + 5 * (behind.get(i) - 1));
      }
    }
    for (const i of reach.relays) if (this.#seen([i])) diamond(pen, ...this.#at(i), (radius + roomOf(level) - 2) * 1.42);
    for (const punch of reach.punches) {
      if (punch.over || !punch.pair.length || !this.#seen(punch.pair)) continue;
      for (const [a, b] of groups(punch.packets, 2)) this.#packet(pen, theme, a, b);
      for (const [a, b] of groups(punch.dropped, 2)) this.#dropped(pen, theme, a, b);
    }
    for (const { pair } of reach.drops) if (this.#seen(pair)) this.#dropped(pen, theme, ...pair);
    this.#words(pen, theme, reach);
  }

  // How far what stands around a node reaches beyond it, in pixels: names keep away from it.
  walls() {
    const { reach } = this.painter.scene.over, room = roomOf(this.painter.look.level), walls = new Map();
    for (const i of reach?.relays ?? []) walls.set(i, room + 4);
    for (const { nodes } of reach?.boxes ?? []) for (const i of nodes) walls.set(i, (walls.get(i) ?? room - 5) + 5);
    return walls;
  }

  #words(pen, theme, reach) {
    pen.font = `600 ${11 * theme.size}px ${theme.font}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.strokeStyle = theme.paper;
    pen.lineWidth = 3.5;
    const say = (text, x, y, colour) => {
      const half = pen.measureText(text).width / 2 + 4, { width } = this.painter.camera;
      const inside = Math.min(Math.max(x, half), Math.max(width - half, half));
      pen.strokeText(text, inside, Math.max(y, 9));
      pen.fillStyle = colour;
      pen.fillText(text, inside, Math.max(y, 9));
    };
    for (const { text, x, y } of this.words ?? []) say(text, x, y, theme.muted);
    for (const punch of reach.punches) {
      if (!punch.pair.length || !this.#seen(punch.pair)) continue;
      const [ax, ay] = this.#at(punch.pair[0]), [bx, by] = this.#at(punch.pair[1]);
      say(punch.said, (ax + bx) / 2, (ay + by) / 2 - 20, outcome(punch, theme));
    }
  }

  // A packet on its way: an arrow a third of it.
  #packet(pen, theme, a, b) {
    const [ax, ay] = this.#at(a), [bx, by] = this.#at(b), turn = Math.atan2(by - ay, bx - ax);
    pen.save();
    pen.translate(ax + (bx - ax) * 0.36, ay + (by - ay) * 0.36);
    pen.rotate(turn);
    pen.fillStyle = theme.ink;
    pen.beginPath();
    pen.moveTo(-6, -5);
    pen.lineTo(6, 0);
    pen.lineTo(-6, 5);
    pen.closePath();
    pen.fill();
    pen.restore();
  }

  // A packet that a box stopped: a cross before the other's house.
  #dropped(pen, theme, a, b) {
    const [ax, ay] = this.#at(a), [bx, by] = this.#at(b), length = Math.hypot(bx - ax, by - ay) || 1;
    const part = Math.max(0.5, 1 - (this.painter.look.radius + 16) / length), x = ax + (bx - ax) * part, y = ay + (by - ay) * part;
    pen.strokeStyle = theme.died;
    pen.lineWidth = 2.4;
    pen.beginPath();
    for (const side of [-1, 1]) {
      pen.moveTo(x - 5, y - 5 * side);
      pen.lineTo(x + 5, y + 5 * side);
    }
    pen.stroke();
  }
}

const roomOf = (level) => (level === FEW ? 9 : level === SOME ? 5 : 3);
const outcome = (punch, theme) => (punch.met ? theme.born : punch.over ? theme.died : theme.ink);

function house(pen, x, y, size) {
  const wall = size * 0.92, eave = size * 0.55;
  pen.beginPath();
  pen.moveTo(x - wall, y + wall);
  pen.lineTo(x - wall, y - eave);
  pen.lineTo(x, y - size * 1.3);
  pen.lineTo(x + wall, y - eave);
  pen.lineTo(x + wall, y + wall);
  pen.closePath();
  pen.stroke();
}

function diamond(pen, x, y, size) {
  pen.beginPath();
  pen.moveTo(x, y - size);
  pen.lineTo(x + size, y);
  pen.lineTo(x, y + size);
  pen.lineTo(x - size, y);
  pen.closePath();
  pen.stroke();
}
