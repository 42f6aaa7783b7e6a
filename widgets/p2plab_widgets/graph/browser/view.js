// One place where a PeerGraph is shown: when it is drawn, and what its words say.

import { enable } from "../../view/dom.js";
import { edgeCard, nodeCard } from "./card.js";
import { hex, luminance } from "./colour.js";
import { look, SOME } from "./density.js";
import { listen } from "./input.js";
import { legendOf } from "./legend.js";
import { NodeList } from "./list.js";
import { Painter } from "./drawn/painter.js";
import { build, fillChoosers } from "./parts.js";

const USUAL = ["connections", "mesh", "tree", "duplicates", "partitions", "boxes", "attackers"]; // beside.py has the same

const swatch = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const hexes = new Map();
// Any colour that CSS knows, as #rrggbb.
function asHex(colour) {
  if (!hexes.has(colour)) {
    swatch.fillStyle = "#ffffff";
    swatch.fillRect(0, 0, 1, 1);
    swatch.fillStyle = colour;
    swatch.fillRect(0, 0, 1, 1);
    hexes.set(colour, hex([...swatch.getImageData(0, 0, 1, 1).data.slice(0, 3)]));
  }
  return hexes.get(colour);
}

export class View {
  constructor(frame) {
    const { model, shared: scene } = frame;
    Object.assign(this, { frame, model, scene, parts: build(frame) });
    this.painter = new Painter(scene);
    this.camera = this.painter.camera;
    this.goal = null; // a state the camera glides to
    this.follows = true; // the camera keeps everything in sight until the user moves it
    this.hovered = -1;
    this.found = null;
    this.insists = false; // whether the connections of many nodes are wanted all the same
    this.drawn = ""; // of what the lines were drawn
    this.lit = -1;
    const { lines, moving, canvas } = this.parts;
    this.pens = { lines: lines.getContext("2d"), moving: moving.getContext("2d"), nodes: canvas.getContext("2d") };
    this.painted = 0; // frames drawn, for tests
    this.quiet = matchMedia("(prefers-reduced-motion: reduce)");
    this.ending = new AbortController();
    this.list = new NodeList(this);
    this.themed(frame.theme());
    listen(this);
    this.#observe();
    this.text();
  }

  close() {
    this.ending.abort();
    this.closed = true;
    this.seen.disconnect();
  }

  // -- drawing: frames are asked for only while something moves

  wake() {
    if (this.asleep === false || this.closed || this.hidden) return;
    this.asleep = false;
    requestAnimationFrame((now) => this.#frame(now));
  }

  #frame(now) {
    this.asleep = true;
    if (this.closed || !this.camera.width) return;
    const { scene, painter, parts, camera } = this;
    const moves = scene.tick(now);
    const glides = this.#glide();
    const young = now < scene.youngUntil;
    const shown = {
      topic: this.topicNumber(),
      selected: this.selectedIndex(),
      edge: this.selectedEdge(),
      hovered: this.hovered,
      found: this.found,
      layers: this.layers,
      still: this.quiet.matches,
    };
    const state = `${scene.changed} ${scene.layout.moved} ${camera.state} ${camera.width} ${camera.height} ${young} ${shown.topic} ${Object.entries(shown.layers)}`;
    const stale = this.stale || state !== this.drawn, lit = scene.lit !== this.lit;
    const { lines, nodes, moving } = this.pens;
    if (stale) {
      painter.survey();
      this.drawn = state;
      if (painter.look.level !== this.level) this.#legend();
      this.level = painter.look.level;
    }
    if (stale || lit) painter.drawLines(lines, this.theme, now, shown, stale);
    this.stale = false;
    this.lit = scene.lit;
    painter.drawMoving(moving, lines, this.theme, now, shown);
    painter.drawNodes(nodes, this.theme, now, shown, stale);
    parts.root.dataset.painted = String(++this.painted);
    const rests = !moves && !glides && !stale && !lit && !painter.coming.length && !painter.growing.length;
    parts.root.dataset.resting = String(rests);
    if (!rests) this.wake();
  }

  #glide() {
    if (this.follows) {
      const { scene, camera } = this;
      const sign = `${scene.changed} ${scene.layout.moved} ${camera.state} ${camera.width} ${camera.height} ${camera.inset} ${camera.before}`;
      if (sign === this.fitted) return false; // as it was when there was no more to go
      this.goal = this.fitting();
      this.fitted = sign;
    }
    if (!this.goal) return false;
    const part = this.placed && !this.quiet.matches ? 0.2 : 1; // glide, except to the first sight
    this.placed = this.scene.nodes.length > 0;
    const more = this.camera.glide(this.goal, part);
    if (!more && !this.follows) this.goal = null;
    return more;
  }

  // The camera's state for all that is shown, or for these nodes.
  fitting(nodes = this.#all()) {
    const radius = look(this.scene, this.camera).radius, named = nodes.length <= 50 ? 9 : 3;
    return this.camera.fitting(nodes, radius + named);
  }

  #all() {
    const { scene } = this;
    return scene.nodes.flatMap((node, i) => (scene.isShown(node) && !scene.isFiltered(i) ? [i] : []));
  }

  focus(nodes) {
    const state = this.fitting(nodes);
    if (!state) return;
    state[2] = Math.min(state[2], 90);
    this.follows = false;
    this.goal = state;
    this.redraw();
  }

  redraw() {
    this.stale = true;
    this.wake();
  }

  resize(width, height) {
    const { lines, moving, canvas } = this.parts, ratio = window.devicePixelRatio || 1;
    if (!width || !height) return;
    const { offsetWidth, offsetHeight } = this.parts.zoom;
    Object.assign(this.camera, { width, height, corner: [offsetWidth + 12, offsetHeight + 12] });
    this.painter.ratio = ratio;
    for (const layer of [lines, moving, canvas]) {
      layer.width = Math.round(width * ratio);
      layer.height = Math.round(height * ratio);
    }
    this.themed(this.frame.theme()); // before it has a size it may not be in the page, and has no style
    this.#card();
  }

  themed(theme) {
    const colours = Object.fromEntries(
      ["paper", "ink", "muted", "line", "born", "died", "mesh"].map((name) => [name, asHex(theme[name])]),
    );
    this.theme = { ...colours, dark: luminance(colours.paper) < 0.2, font: theme.font, size: theme.size / 13 };
    this.theme.sign = Object.values(this.theme).join();
    this.#legend();
    this.redraw();
  }

  #observe() {
    this.seen = new IntersectionObserver((entries) => {
      this.hidden = !entries.at(-1).isIntersecting;
      this.redraw();
    });
    this.seen.observe(this.parts.stage);
    this.quiet.addEventListener("change", () => this.redraw(), { signal: this.ending.signal });
  }

  // -- what is chosen

  topicNumber() {
    const chosen = this.model.get("topic");
    return chosen ? this.scene.topics.findIndex(({ key }) => key === chosen) + 1 : 0;
  }

  selectedIndex() {
    const { selection } = this.frame;
    return selection?.kind === "node" ? this.scene.places.get(selection.id) ?? -1 : -1;
  }

  selectedEdge() {
    const { selection } = this.frame;
    if (selection?.kind !== "edge" || !Array.isArray(selection.id)) return null;
    const [a, b] = selection.id.map((key) => this.scene.places.get(key) ?? -1);
    return a < 0 || b < 0 ? null : { a: Math.min(a, b), b: Math.max(a, b) };
  }

  selectNode(index) {
    if (index >= 0) this.frame.select("node", this.scene.nodes[index].key);
    else if (["node", "edge"].includes(this.frame.selection?.kind)) this.frame.select(null);
    this.text();
  }

  selectEdge({ a, b }) {
    this.frame.select("edge", [this.scene.nodes[a].key, this.scene.nodes[b].key]);
    this.text();
  }

  // What is drawn, by name; connections are "on", "off", or "auto": where they are no carpet.
  get layers() {
    const shown = this.model.get("layers") ?? USUAL, connections = shown.includes("connections");
    return { ...Object.fromEntries(shown.map((name) => [name, true])), connections: connections ? (this.insists ? "on" : "auto") : "off" };
  }

  showLayer(name, on) {
    const shown = (this.model.get("layers") ?? USUAL).filter((each) => each !== name);
    if (name === "connections") this.insists = on && this.painter.look.level > SOME;
    this.choose("layers", on ? [...shown, name] : shown);
    this.text();
  }

  choose(trait, value) {
    if (this.model.get(trait) === value) return;
    this.model.set(trait, value);
    this.model.save_changes();
  }

  // -- what is text

  text() {
    const { parts } = this;
    parts.canvas.setAttribute("aria-label", "the network: up and down go from node to node, with Shift to the next in a direction; Escape leaves");
    fillChoosers(parts, this.scene, this.model);
    const { layers } = this;
    for (const [key, box] of Object.entries(parts.layers)) {
      const on = layers[key], why = this.scene.offered[`layer ${key}`] ?? "";
      box.checked = on === true || on === "on" || (on === "auto" && this.painter.look.level <= SOME);
      box.disabled = Boolean(why);
      box.parentElement.title = why;
      box.parentElement.classList.toggle("p2plab-layer-empty", Boolean(why));
    }
    enable(parts.buttons.focus, this.selectedIndex() < 0 ? "no node is selected" : "");
    this.#card();
    this.#legend();
    this.list.update();
    this.wake();
  }

  // Python said something: the picture and the words follow in the next frame, once for all that has come by then.
  follow() {
    this.wake();
    if (this.reads) return;
    this.reads = true;
    requestAnimationFrame(() => {
      this.reads = false;
      if (!this.closed) this.text();
    });
  }

  #card() {
    const { scene, parts, model } = this, index = this.selectedIndex(), edge = this.selectedEdge();
    parts.card.hidden = index < 0 && !edge;
    if (!parts.card.hidden) {
      const close = () => this.selectNode(-1);
      const details = model.get("details") ?? {};
      parts.card.replaceChildren(...(edge ? edgeCard(scene, edge, details, close) : nodeCard(scene, index, details, close)));
      parts.card.setAttribute("aria-label", edge ? "the selected connection" : "the selected node");
    }
    this.camera.inset = !parts.card.hidden && this.camera.width > 560 ? parts.card.offsetWidth + 10 : 0;
  }

  #legend() {
    const { frame, scene } = this;
    if (!this.theme) return;
    const legend = legendOf(scene, this.theme, { level: this.painter.look.level, topic: this.topicNumber(), layers: this.layers });
    const said = legend.map((entry) => entry.outerHTML).join("");
    if (said !== this.said) frame.legend.replaceChildren(...legend);
    this.said = said;
  }
}
