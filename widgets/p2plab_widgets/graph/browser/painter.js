// Draws a scene. Two layers: the lines and grounds, redrawn only when the structure or the camera moves, and the rest.

import { Camera } from "./camera.js";
import { CATEGORIES, colourOfValue, contrast, mixed, needsOutline } from "./colour.js";
import { CLUSTERS, FEW, MANY, SOME, clustersOf, look } from "./density.js";
import { DUPLICATE, GONE, REJECTED } from "./frames.js";
import { abbreviated, placeLabels } from "./labels.js";
import { drawNodes } from "./nodes.js";
import { APPEAR, HOP, VANISH } from "./scene.js";
import { circle, ease } from "./shapes.js";

export class Painter {
  constructor(scene) {
    this.scene = scene;
    this.camera = new Camera(scene.layout);
    this.ratio = 1;
    this.look = { sight: [], level: FEW, radius: 10 };
    this.clusters = null;
    this.sides = new Map(); // node -> side of its name
    this.labels = [];
    this.reserved = []; // names of grounds, which no node's name may cover
  }

  // What is in sight now; to be called when the scene, its places or the camera have changed.
  survey() {
    this.look = look(this.scene, this.camera);
    this.clusters = this.look.level === CLUSTERS ? clustersOf(this.scene, this.camera, this.look.sight) : null;
    this.stale = true; // the labels
  }

  // The node at this place of the canvas, or -1. Small nodes can be hit from a few pixels beside them.
  nodeAt(px, py) {
    if (this.clusters) return -1;
    let best = -1, closest = Math.max(this.look.radius + 5, 10) ** 2;
    for (const i of this.look.sight) {
      const distance = (this.camera.screenX(i) - px) ** 2 + (this.camera.screenY(i) - py) ** 2;
      if (distance < closest) [best, closest] = [i, distance];
    }
    return best;
  }

  clusterAt(px, py) {
    return this.clusters?.cells.find((cell) => {
      const [x, y] = this.#cellPlace(cell);
      return Math.hypot(x - px, y - py) < cell.radius + 3;
    });
  }

  // The edge at this place, or null; where edges are drawn.
  edgeAt(px, py) {
    if (this.look.level > SOME) return null;
    let best = null, closest = 5;
    for (const edge of this.scene.edges.values()) {
      const ax = this.camera.screenX(edge.a), ay = this.camera.screenY(edge.a);
      const dx = this.camera.screenX(edge.b) - ax, dy = this.camera.screenY(edge.b) - ay;
      const part = Math.min(1, Math.max(0, ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy || 1)));
      const distance = Math.hypot(ax + dx * part - px, ay + dy * part - py);
      if (distance < closest) [best, closest] = [edge, distance];
    }
    return best;
  }

  #begin(pen) {
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.camera.width, this.camera.height);
    pen.lineCap = "round";
    pen.lineJoin = "round";
  }

  // Many lines as short paths: one path of many thousand lines is far slower to draw.
  #lines(pen, lines) {
    const { camera } = this;
    pen.beginPath();
    let strokes = 0;
    for (const { a, b } of lines) {
      pen.moveTo(camera.screenX(a), camera.screenY(a));
      pen.lineTo(camera.screenX(b), camera.screenY(b));
      if (++strokes % 256 === 0) {
        pen.stroke();
        pen.beginPath();
      }
    }
    pen.stroke();
  }

  drawLines(pen, theme, now, { topic, layers }) {
    this.#begin(pen);
    const { scene, look } = this;
    this.reserved = [];
    if (layers.grounds) this.#grounds(pen, theme);
    if (this.clusters) {
      this.#clusterLines(pen, theme);
      return;
    }
    if (layers.connections === "on" || (layers.connections === "auto" && look.level <= SOME)) {
      const edges = [...scene.edges.values()].filter((edge) => now - edge.born >= APPEAR && this.#inSight(edge));
      pen.strokeStyle = theme.line;
      pen.lineWidth = look.level === FEW ? 1.5 : look.level === SOME ? 0.9 : 0.5;
      pen.globalAlpha = look.level === FEW ? 1 : look.level === SOME ? Math.max(0.28, Math.min(0.75, 260 / edges.length)) : 0.16;
      this.#lines(pen, edges);
    }
    if (layers.mesh) this.#mesh(pen, theme, topic);
    if (layers.neighbours) this.#neighbours(pen, theme);
    pen.globalAlpha = 1;
  }

  #inSight({ a, b }) {
    return !this.scene.filtered || (this.scene.filtered.has(a) && this.scene.filtered.has(b));
  }

  // The chosen topic's mesh, or all meshes; fainter where only one of the two sides has the other in it.
  #mesh(pen, theme, topic) {
    const { look } = this;
    if (look.level >= MANY && !topic) return;
    const meshes = topic ? [this.scene.meshes.get(topic)] : [...this.scene.meshes.values()];
    const links = meshes.flatMap((mesh) => [...(mesh?.values() ?? [])]).filter((link) => this.#inSight(link));
    pen.strokeStyle = theme.mesh;
    pen.lineWidth = look.level === FEW ? 3 : look.level === SOME ? 1.4 : 0.6;
    for (const sides of [1, 2]) {
      pen.globalAlpha = [0.8, 0.5, 0.3][look.level] * (sides === 2 ? 1 : 0.45);
      this.#lines(pen, links.filter((link) => link.sides === sides));
    }
  }

  #neighbours(pen, theme) {
    pen.globalAlpha = 0.75;
    pen.lineWidth = 1.6;
    pen.setLineDash([2, 4]);
    pen.strokeStyle = theme.muted;
    this.#lines(pen, this.scene.neighbours.filter((link) => this.#inSight(link)));
    pen.setLineDash([]);
  }

  // The sides of a partition: a tinted ground under their nodes and what connects them, and its name.
  #grounds(pen, theme) {
    const { camera, look } = this, wide = Math.max(2 * look.radius + 16, 24);
    this.scene.grounds.forEach((ground, at) => {
      const members = new Set(ground.nodes.filter((i) => this.scene.isShown(this.scene.nodes[i])));
      if (!members.size) return;
      pen.strokeStyle = pen.fillStyle = mixed(theme.paper, CATEGORIES[at % CATEGORIES.length], 0.22);
      pen.lineWidth = look.level === FEW ? wide : wide / 2;
      this.#lines(pen, [...this.scene.edges.values()].filter(({ a, b }) => members.has(a) && members.has(b)));
      let top = null;
      for (const i of members) {
        const x = camera.screenX(i), y = camera.screenY(i);
        circle(pen, x, y, wide / 2);
        pen.fill();
        if (!top || y < top[1]) top = [x, y];
      }
      pen.font = `600 ${11 * theme.size}px ${theme.font}`;
      const width = pen.measureText(ground.label).width, x = Math.min(Math.max(top[0], width / 2 + 4), camera.width - width / 2 - 4);
      const y = Math.max(top[1] - wide / 2 - 8, 9);
      this.reserved.push({ text: ground.label, x, y, box: [x - width / 2 - 3, y - 8, x + width / 2 + 3, y + 8] });
    });
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = theme.ink;
    for (const { text, x, y } of this.reserved) pen.fillText(text, x, y);
  }

  #clusterLines(pen, theme) {
    pen.strokeStyle = theme.line;
    for (const { one, other, count } of this.clusters.lines) {
      const [ax, ay] = this.#cellPlace(one), [bx, by] = this.#cellPlace(other);
      pen.globalAlpha = Math.min(0.7, 0.12 + 0.05 * count);
      pen.lineWidth = Math.min(6, 0.5 + 0.35 * Math.sqrt(count));
      pen.beginPath();
      pen.moveTo(ax, ay);
      pen.lineTo(bx, by);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  #cellPlace({ x, y }) {
    const { camera } = this;
    return [
      (x - camera.x) * camera.scale * camera.across + camera.width / 2,
      (y - camera.y) * camera.scale * camera.down + camera.height / 2,
    ];
  }

  // state: {topic, selected, hovered, found: Set or null, layers, still}
  draw(pen, theme, now, state) {
    this.#begin(pen);
    if (this.clusters) {
      this.#clusters(pen, theme, now);
      return;
    }
    this.#changingEdges(pen, theme, now, state.still);
    if (state.layers.tree) this.#tree(pen, theme, now);
    if (state.selected >= 0) this.#edgesOf(state.selected, pen, theme);
    if (state.edge) this.#chosenEdge(state.edge, pen, theme);
    if (!state.still) this.#copies(pen, theme, now, state);
    drawNodes(this, pen, theme, now, state);
    this.#names(pen, theme, state);
  }

  #changingEdges(pen, theme, now, still) {
    if (this.look.level > SOME || still) return;
    for (const { a, b, born } of this.scene.edges.values()) {
      const age = (now - born) / APPEAR;
      if (age >= 1) continue;
      const x = this.camera.screenX(a), y = this.camera.screenY(a), part = ease(age * 1.5);
      pen.strokeStyle = theme.born;
      pen.globalAlpha = 1 - 0.5 * age;
      pen.lineWidth = this.look.level === FEW ? 2.6 - age : 1.2;
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(x + (this.camera.screenX(b) - x) * part, y + (this.camera.screenY(b) - y) * part);
      pen.stroke();
    }
    pen.setLineDash([5, 5]);
    pen.strokeStyle = theme.died;
    pen.lineWidth = 2;
    for (const edge of this.scene.dying) {
      pen.globalAlpha = Math.max(0, 1 - (now - edge.died) / VANISH);
      this.#lines(pen, [edge]);
    }
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }

  // The chosen message's way: each node's line to where it had it from, growing as the message comes.
  #tree(pen, theme, now) {
    const { scene, look, camera } = this, { wave } = scene;
    if (!wave) return;
    const colour = scene.nodes[wave.publisher]?.colour ?? theme.born;
    pen.globalAlpha = look.level === MANY ? 0.4 : 0.8;
    pen.lineWidth = look.level === FEW ? 2.4 : look.level === SOME ? 1.5 : 0.8;
    const groups = new Map();
    for (let i = 0; i < wave.from.length; i++) {
      const from = wave.from[i];
      if (from < 0 || !scene.nodes[i] || !scene.nodes[from] || scene.isFiltered(i)) continue;
      const part = 1 - (scene.hasIt(i) - now) / HOP;
      if (part <= 0) continue;
      const byWay = scene.paint.by === "delay" || scene.paint.by === "hops";
      const stroke = (byWay && colourOfValue(scene.paint, scene.paint.values[i] ?? NaN, theme)) || colour;
      if (!groups.has(stroke)) groups.set(stroke, []);
      groups.get(stroke).push([from, i, Math.min(part, 1)]);
    }
    for (const [stroke, lines] of groups) {
      pen.strokeStyle = stroke;
      pen.beginPath();
      for (const [from, i, part] of lines) {
        const x = camera.screenX(from), y = camera.screenY(from);
        pen.moveTo(x, y);
        pen.lineTo(x + (camera.screenX(i) - x) * part, y + (camera.screenY(i) - y) * part);
      }
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  #edgesOf(selected, pen, theme) {
    const { colour } = this.scene.nodes[selected];
    pen.strokeStyle = needsOutline(colour, theme.paper) ? theme.ink : colour;
    pen.globalAlpha = 0.9;
    pen.lineWidth = this.look.level >= MANY ? 1.4 : 2.2;
    this.#lines(pen, [...this.scene.edges.values()].filter(({ a, b }) => a === selected || b === selected));
    pen.globalAlpha = 1;
  }

  #chosenEdge(edge, pen, theme) {
    pen.strokeStyle = theme.ink;
    pen.lineWidth = 3;
    this.#lines(pen, [edge]);
  }

  // A first copy is a bright comet in its publisher's colour, a duplicate a small hollow ring, a rejected one red and
  // crossed. Where there are many nodes only the chosen message's copies are drawn, and beyond that the tree alone.
  #copies(pen, theme, now, { topic, layers }) {
    const { scene, camera, look } = this;
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

  #clusters(pen, theme, now) {
    const { scene } = this;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const cell of this.clusters.cells) {
      const [x, y] = this.#cellPlace(cell);
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

  #names(pen, theme, state) {
    const size = (this.look.level === FEW && this.look.sight.length <= 16 ? 13 : 11) * theme.size;
    const key = `${state.selected} ${state.hovered} ${state.topic} ${size}`;
    if (this.stale || key !== this.labelled) {
      pen.font = `500 ${size}px ${theme.font}`;
      const ring = (i) => this.look.radius + (this.look.level <= SOME && state.topic && this.scene.nodes[i].topics.has(state.topic) ? 5 : i === this.scene.wave?.publisher ? this.look.radius * 0.5 + 2 : 2);
      this.labels = placeLabels(pen, this.#wanted(state), this.camera, this.look.sight, ring, size, this.sides, this.reserved);
      this.sides = new Map(this.labels.map(({ i, side }) => [i, side]));
      this.labelled = key;
      this.stale = false;
    }
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.strokeStyle = theme.paper;
    for (const { i, text, x, y } of this.labels) {
      const marked = i === state.selected || i === state.hovered, node = this.scene.nodes[i];
      pen.font = `${marked ? 600 : 500} ${size}px ${theme.font}`;
      pen.lineWidth = 3.5;
      pen.strokeText(text, x, y);
      pen.fillStyle = node.look === GONE && !marked ? theme.muted : theme.ink;
      pen.fillText(text, x, y);
    }
  }

  // Who is to be named, in order of importance: [node, text].
  #wanted({ selected, hovered, found }) {
    const { scene, look } = this, wanted = new Set();
    const inSight = new Set(look.sight);
    const want = (i) => inSight.has(i) && wanted.add(i);
    want(hovered);
    want(selected);
    if (scene.wave) want(scene.wave.publisher);
    if (found) [...found].slice(0, 40).forEach(want);
    if (selected >= 0) for (const { a, b } of scene.edges.values()) if (a === selected || b === selected) want(a === selected ? b : a);
    const most = look.level === FEW ? Infinity : look.level === SOME ? Math.max(26, 40 - look.sight.length / 10) : 8;
    const rest = [...look.sight].sort((a, b) => scene.nodes[b].links - scene.nodes[a].links || a - b);
    for (const i of rest.slice(0, most)) want(i);
    return [...wanted].map((i) => [i, i === hovered || i === selected ? scene.nodes[i].name : abbreviated(scene.nodes[i].name)]);
  }
}
