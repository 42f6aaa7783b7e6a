// Draws a scene in three layers, each only where it has changed: the lines and grounds, when the structure, the way or the
// camera change; what moves, in every frame in which something does; the nodes and their names, all of them when they
// change, and one by one as a message comes to them. What a canvas is asked to draw costs far more than to ask for it.

import { Camera } from "../camera.js";
import { CATEGORIES, mixed, needsOutline } from "../colour.js";
import { drawCopies } from "./copies.js";
import { CLUSTERS, FEW, MANY, SOME, clustersOf, look } from "../density.js";
import { cellPlace, drawDiscLines, drawDiscs } from "./discs.js";
import { GONE } from "../frames.js";
import { abbreviated, placeLabels } from "./labels.js";
import { drawFlashes, drawNode } from "./nodes.js";
import { Overlays } from "./overlays.js";
import { APPEAR, VANISH } from "../scene.js";
import { circle, ease } from "./shapes.js";
import { drawTips, drawWhole, growsTo } from "./way.js";

const MOST_THROUGH = 400; // lines up to which a name looks for a place that none runs through
const BLINK = 80; // ms between two drawings of discs to which a message comes

export class Painter {
  constructor(scene) {
    this.scene = scene;
    this.camera = new Camera(scene.layout);
    this.ratio = 1;
    this.look = { sight: [], level: FEW, radius: 10 };
    this.clusters = null;
    this.overlays = new Overlays(this);
    this.sides = new Map(); // node -> side of its name
    this.labels = [];
    this.reserved = []; // names of grounds, which no node's name may cover
    this.coming = []; // [ms, node]: nodes that the message still comes to, the last first
    this.growing = []; // nodes to which the line of the message's way is not drawn yet
    this.blank = true; // the layer of what moves
    this.drawn = ""; // of what the nodes were drawn
    this.drawnAt = 0;
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
      const [x, y] = cellPlace(this.camera, cell);
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

  // The lines, and over them the way of the message. Where only that has changed, the others are those of a copy.
  drawLines(pen, theme, now, state, stale) {
    const { camera } = this;
    if (stale) this.sheet = null;
    if (this.sheet) {
      this.#begin(pen);
      pen.drawImage(this.sheet, 0, 0, camera.width, camera.height);
    } else {
      this.#standing(pen, theme, now, state);
      if (!stale) {
        this.sheet = document.createElement("canvas");
        [this.sheet.width, this.sheet.height] = [pen.canvas.width, pen.canvas.height];
        this.sheet.getContext("2d").drawImage(pen.canvas, 0, 0);
      }
    }
    this.growing = [];
    if (!state.layers.tree || !this.scene.wave || this.clusters) return;
    this.growing = growsTo(this.scene);
    drawWhole(this, pen, theme, now);
  }

  #standing(pen, theme, now, { topic, layers }) {
    this.#begin(pen);
    const { scene, look } = this;
    this.reserved = [];
    if (layers.partitions) this.#grounds(pen, theme);
    if (this.clusters) {
      drawDiscLines(this, pen, theme);
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
    pen.globalAlpha = 1;
    this.overlays.under(pen, theme, layers);
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

  // What moves: under the nodes. `lines` is the pen of the layer below, to which lines go that have grown to their end.
  // state: {topic, selected, edge, hovered, found: Set or null, layers, still}
  drawMoving(pen, lines, theme, now, state) {
    const { scene } = this;
    if (state.layers.tree && this.growing.length) drawWhole(this, lines, theme, now);
    const copies = scene.copies.length > 0 && this.look.level < MANY && !state.still;
    const changes = now < scene.youngUntil || scene.dying.length > 0;
    const busy = copies || changes || this.growing.length > 0 || state.selected >= 0 || state.edge || now < scene.glowsUntil;
    if (this.clusters || !busy) {
      if (!this.blank) this.#begin(pen);
      this.blank = true;
      return;
    }
    this.blank = false;
    this.#begin(pen);
    if (changes) this.#changingEdges(pen, theme, now, state.still);
    if (state.layers.tree && this.growing.length) drawTips(this, pen, theme, now);
    if (state.selected >= 0) this.#edgesOf(state.selected, pen, theme);
    if (state.edge) this.#chosenEdge(state.edge, pen, theme);
    if (copies) drawCopies(this, pen, theme, now, state);
    if (now < scene.glowsUntil) drawFlashes(this, pen, theme, now, state);
  }

  // The nodes, what is around them, and their names. `stale`: they have to be drawn anew.
  drawNodes(pen, theme, now, state, stale) {
    const { scene } = this, { selected, hovered, topic, found, layers, still } = state;
    const sign = `${scene.lit} ${selected} ${hovered} ${topic} ${found?.size} ${Object.keys(layers)} ${still} ${theme.sign}`;
    const due = this.#due(now), blinks = due.length > 0 && this.clusters && now - this.drawnAt > BLINK;
    // A ring around a subscriber is translucent: drawn twice, it would be another.
    const ringed = due.length > 0 && topic && this.look.level <= SOME;
    if (!stale && sign === this.drawn && !this.young && !blinks && !ringed) {
      if (!this.clusters) for (const i of due) drawNode(this, pen, theme, now, state, i);
      return;
    }
    this.drawn = sign;
    this.drawnAt = now;
    this.young = now < scene.bornUntil;
    this.#begin(pen);
    if (this.clusters) drawDiscs(this, pen, theme, now);
    else {
      for (const i of this.look.sight) drawNode(this, pen, theme, now, state, i);
      this.overlays.around(pen, theme, layers);
      this.#names(pen, theme, state);
    }
    this.#expect(now);
  }

  // The nodes whose colour waits for the message.
  #expect(now) {
    const { scene } = this;
    this.coming = [];
    if (!scene.wave || (!this.clusters && scene.paint.by !== "delay" && scene.paint.by !== "hops")) return;
    for (const i of this.look.sight) {
      const at = scene.hasIt(i);
      if (at !== null && at > now) this.coming.push([at, i]);
    }
    this.coming.sort(([a], [b]) => b - a);
  }

  // Those of them to which it has come. Discs are drawn together, now and then: theirs stay until they are.
  #due(now) {
    const due = [];
    for (let k = this.coming.length - 1; k >= 0 && this.coming[k][0] <= now; k--) due.push(this.coming[k][1]);
    if (!this.clusters) this.coming.length -= due.length;
    return due;
  }

  #changingEdges(pen, theme, now, still) {
    if (this.look.level > SOME || still) return;
    if (now < this.scene.youngUntil) for (const { a, b, born } of this.scene.edges.values()) {
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

  #names(pen, theme, state) {
    const size = (this.look.level === FEW && this.look.sight.length <= 16 ? 13 : 11) * theme.size;
    const key = `${state.selected} ${state.hovered} ${state.topic} ${size}`;
    if (this.stale || key !== this.labelled) {
      pen.font = `500 ${size}px ${theme.font}`;
      const walls = state.layers.boxes ? this.overlays.walls() : new Map();
      const { level, radius, sight } = this.look, { nodes, wave } = this.scene;
      const rings = (i) => [
        walls.get(i) ?? 2,
        level <= SOME && state.topic && nodes[i].topics.has(state.topic) ? radius * 0.42 + 2 : 0,
        i === wave?.publisher ? Math.max(3, radius * 0.5) + 2 : 0,
      ];
      const ring = (i) => radius + Math.max(...rings(i));
      this.labels = placeLabels(pen, this.#wanted(state), this.camera, sight, ring, size, this.sides, this.reserved, this.#through());
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

  // The lines that names keep away from, if there are few.
  #through() {
    const { scene, camera, look } = this;
    if (look.level !== FEW || scene.edges.size > MOST_THROUGH) return [];
    return [...scene.edges.values()].map(({ a, b }) => [a, b].flatMap((i) => [camera.screenX(i), camera.screenY(i)]));
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
