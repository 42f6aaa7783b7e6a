// What is known of the network in the browser: one Scene a widget, shared by all its views.

import { ATTACHED, COPY, DUPLICATE, EDGE, FIRST, GONE, MESH, NODE, OUTSIDE, PUBLISH, REJECTED, TOPIC, readRecords } from "./frames.js";
import { Layout } from "./layout.js";

export const HOP = 380; // ms in which a message's copy crosses an edge
export const APPEAR = 500; // ms
export const VANISH = 700;
export const FLASH = 700;
const MOST_COPIES = 4000; // under way at once; beyond it the oldest go, duplicates first
const MOST_MESSAGES = 256; // whose way is remembered
const LONGEST_WAIT = 6000; // ms that a copy may wait for the hop before it

export class Scene {
  constructor(ask) {
    this.ask = ask; // asks Python for a snapshot
    this.layout = new Layout();
    this.nodes = []; // {name, key, colour, look, topics: Set, born, flash, glow, links}; the key is Python's name for it
    this.edges = new Map(); // key -> {a, b, born, died}
    this.dying = [];
    this.topics = []; // {label, key}, from number 1 on
    this.places = new Map(); // key -> index
    this.meshes = new Map(); // topic's number -> Map(key -> {a, b, sides})
    this.copies = []; // {a, b, topic, look, colour, start, end}
    this.version = null;
    this.asked = false;
    this.counts = { t: null, published: 0, delivered: 0, duplicates: 0 };
    this.changed = 0; // grows with each change of the structure
    this.lit = 0; // grows with each change of what the nodes' colours say, and of the message's way
    this.stepped = 0;
    this.youngUntil = 0; // until then some edge is drawn as a new one
    this.bornUntil = 0; // until then some node is drawn as a new one
    this.glowsUntil = 0; // until then some node glows
    this.filtered = null; // indices that stay in sight; null: all
    this.wave = null; // the chosen message's way: {number, publisher, from: Int32Array, at: Float32Array (s)}
    this.paint = { kind: "identity" }; // what the colours mean, and with it `values`: a Float32Array, NaN where unknown
    this.grounds = []; // {label, kind, nodes}: what a tinted ground lies under
    this.neighbours = []; // {a, b}: who has whom in its routing table
    this.over = {}; // traffic, streams, reach: what beside.py's layers show
    this.attackers = new Set();
    this.messages = new Map(); // number -> {colour, at: Map(node -> ms)}: what is on its way, or was
    this.listed = []; // [id, label] of messages to choose from, the newest first
    this.offered = {}; // colours and layouts that show nothing now, and why
    this.views = new Set();
  }

  // Whether the frame could be used. One that does not fit what is known is dropped, and a snapshot asked for.
  take(frame, records, now) {
    if (frame.snapshot) {
      this.#takeSnapshot(frame, records, now);
      return true;
    }
    if (this.version === null || frame.base !== this.version) {
      if (this.version === null || frame.version > this.version) this.#askOnce();
      return false;
    }
    this.#names(frame, now);
    this.#read(records, now, true);
    this.#finish(frame);
    if (this.copies.length > MOST_COPIES) {
      this.copies = this.copies.filter((copy) => copy.look !== DUPLICATE).slice(-MOST_COPIES);
    }
    return true;
  }

  #askOnce() {
    if (this.asked) return;
    this.asked = true;
    this.ask();
  }

  #names(frame, now) {
    for (const [index, name, colour, key = name] of frame.nodes) {
      if (index === this.nodes.length) {
        const born = this.version === null ? -1e9 : now; // what was there before the picture does not appear anew
        this.nodes.push({ name, key, colour, look: GONE, topics: new Set(), born, flash: -1e9, glow: colour, links: 0 });
        this.bornUntil = Math.max(this.bornUntil, born + APPEAR);
        this.places.set(key, index);
        this.layout.add();
        this.layout.shown[index] = 0;
      }
    }
    const topics = frame.topics.map(([label, key = label]) => ({ label, key }));
    if (frame.snapshot) this.topics = topics;
    else this.topics.push(...topics);
  }

  #takeSnapshot(frame, records, now) {
    const first = this.version === null;
    this.#names(frame, now);
    this.#anew(now, first, () => this.#read(records, now, false));
    this.asked = false;
    this.#finish(frame);
    if (first || !this.layout.moved) this.layout.untangle();
  }

  // Forgets the structure and reads another one; what is in both stays as it is, what is not appears or vanishes.
  #anew(now, first, read) {
    const before = this.edges;
    this.edges = new Map();
    for (const node of this.nodes) {
      node.topics.clear();
      node.links = 0;
      node.look = OUTSIDE; // until it is known better: a node that is not there yet is not shown
    }
    this.meshes.clear();
    this.changed++;
    read();
    for (const [key, edge] of before) {
      const same = this.edges.get(key);
      if (same) same.born = edge.born;
      else this.dying.push({ ...edge, died: now });
    }
    for (const [key, edge] of this.edges) if (!first && !before.has(key)) edge.born = now;
    if (!first) this.youngUntil = now + APPEAR;
  }

  #finish(frame) {
    this.version = frame.version;
    const { t, published, delivered, duplicates } = frame;
    this.counts = { t: t ?? this.counts.t, published, delivered, duplicates };
    this.#settleLayout();
  }

  #settleLayout() {
    if (!this.layoutStale) return;
    this.layoutStale = false;
    const places = this.nodes.map((node) => (this.isShown(node) ? 1 : 0)), edges = [...this.edges.keys()];
    const same = edges.length === this.laidOut?.length && edges.every((key, at) => key === this.laidOut[at]) &&
      places.every((shown, i) => shown === this.layout.shown[i]);
    places.forEach((shown, i) => (this.layout.shown[i] = shown));
    this.layout.edges = [...this.edges.values()].map(({ a, b }) => [a, b]);
    this.laidOut = edges;
    // A subscription moves no node.
    if (!same) this.layout.warm(this.layout.goals ? 1 : this.nodes.length > 200 ? 0.12 : 0.3);
  }

  isShown(node) {
    return node.look !== OUTSIDE || node.links > 0;
  }

  isFiltered(i) {
    return this.filtered !== null && !this.filtered.has(i);
  }

  // What Python says beside the frames, as a whole: `content` has a part for each; what is missing stays as it was.
  takeContent({ wave, paint, places, grounds, neighbours, attackers, messages, offered, network, ...rest }, now) {
    if (network) this.#takeNetwork(network, now);
    if (wave) this.setWave(wave);
    if (paint) this.setPaint(paint);
    if (wave || paint) this.#paintByWay();
    if (places) this.setPlaces(places, now);
    if (grounds) this.grounds = grounds;
    if (neighbours) {
      this.neighbours = [];
      for (let at = 0; at + 1 < neighbours.length; at += 2) this.neighbours.push({ a: neighbours[at], b: neighbours[at + 1] });
    }
    if (attackers) this.attackers = new Set(attackers);
    const layers = ["traffic", "streams", "reach"].filter((part) => rest[part]);
    for (const part of layers) this.over[part] = rest[part];
    if (messages) this.listed = messages;
    if (offered) this.offered = offered;
    if (grounds || neighbours || attackers || layers.length) this.changed++;
  }

  // The network as it was at another moment: the same as a snapshot, in plain numbers.
  #takeNetwork({ nodes, edges, topics, meshes, version = -1 }, now) {
    const pairs = (list, visit) => {
      for (let at = 0; at + 1 < list.length; at += 2) visit(list[at], list[at + 1]);
    };
    const first = this.version === null;
    this.#names({ nodes: nodes.map(([name, colour, , key], i) => [i, name, colour, key]), topics: [], snapshot: true }, now);
    this.topics = topics.map(([label, key]) => ({ label, key: key ?? label }));
    this.#anew(now, first, () => {
      nodes.forEach(([, , look], i) => (this.nodes[i].look = look));
      pairs(edges, (a, b) => this.#edge(a, b, true, -1e9));
      topics.forEach(([, , subscribers], at) => subscribers.forEach((i) => this.nodes[i]?.topics.add(at + 1)));
      for (const [topic, list] of meshes) pairs(list, (a, b) => this.#mesh(topic, a, b, true));
    });
    this.copies = [];
    this.version = version; // of another moment: a frame has to be a snapshot, from here on
    // Another moment moves no node: each stays where the eye expects it.
    if (!first && this.layout.moved) return;
    this.layoutStale = true;
    this.#settleLayout();
    this.layout.untangle();
  }

  // All of a message's way; or, of the way that is known already, the nodes that have it since: node, whence, when, ...
  setWave(wave) {
    if (wave.more) {
      if (this.wave?.number !== wave.number) return;
      const { more } = wave, { from, at } = this.wave;
      for (let i = 0; i + 2 < more.length; i += 3) [from[more[i]], at[more[i]]] = [more[i + 1], more[i + 2]];
      this.wave.hops = this.#hops(from, this.wave.publisher);
    } else if (wave.number) {
      const from = Int32Array.from(wave.from);
      this.wave = { ...wave, from, at: Float64Array.from(wave.at), hops: this.#hops(from, wave.publisher) };
    } else this.wave = null;
    this.lit++;
  }

  #hops(from, publisher) {
    const hops = new Int32Array(from.length).fill(-1);
    if (publisher >= 0 && publisher < hops.length) hops[publisher] = 0;
    const way = [];
    for (let i = 0; i < from.length; i++) {
      let at = i;
      way.length = 0;
      while (at >= 0 && hops[at] < 0 && way.length <= from.length) {
        way.push(at);
        at = from[at];
      }
      let count = at >= 0 ? hops[at] : -1;
      for (const each of way.reverse()) hops[each] = count < 0 ? -1 : ++count;
    }
    return hops;
  }

  setPaint(paint) {
    const values = Float64Array.from(paint.values ?? [], (value) => value ?? NaN);
    this.paint = { kind: "identity", ...paint, given: values.length > 0, values };
    this.lit++;
  }

  // The values of colours by arrival or hops are those of the way, and do not travel twice.
  #paintByWay() {
    const { paint, wave } = this;
    if ((paint.by !== "delay" && paint.by !== "hops") || paint.given) return;
    const values = paint.by === "delay" ? wave?.at : wave?.hops;
    paint.values = Float64Array.from(values ?? [], (value, i) => (i === wave.publisher ? 0 : wave.from[i] >= 0 ? Math.abs(value) : NaN));
  }

  setPlaces(places, now) {
    this.layout.aim(places.kind && places.kind !== "force" ? Float64Array.from(places.values, (value) => value ?? NaN) : null, now > 0);
    this.changed++;
  }

  // Since when a node has the chosen message, in ms of the page; null where it has none.
  hasIt(i) {
    const { wave } = this;
    if (!wave || !(i === wave.publisher || wave.from[i] >= 0)) return null;
    return this.messages.get(wave.number)?.at.get(i) ?? -1e9;
  }

  #read(records, now, animated) {
    readRecords(records, (tag, look, topic, a, b, message) => {
      const node = this.nodes[a];
      if (!node || (b && !this.nodes[b])) return;
      if (tag === COPY) return this.#copy(look, topic, a, b, message, now);
      if (tag === PUBLISH) return this.#publish(a, message, now);
      this.changed++;
      this.layoutStale = true;
      if (tag === NODE) {
        if (look !== node.look && animated) {
          node.born = now;
          this.bornUntil = Math.max(this.bornUntil, now + APPEAR);
        }
        node.look = look;
      } else if (tag === EDGE) {
        this.#edge(a, b, look === 1, animated ? now : -1e9);
      } else if (tag === TOPIC) {
        if (look) node.topics.add(topic);
        else node.topics.delete(topic);
      } else if (tag === MESH) {
        this.#mesh(topic, a, b, look === 1);
      }
    });
  }

  #edge(a, b, appears, now) {
    const key = a * 4294967296 + b, edge = this.edges.get(key);
    if (appears && !edge) {
      this.edges.set(key, { a, b, born: now });
      this.youngUntil = Math.max(this.youngUntil, now + APPEAR);
      for (const [one, other] of [[a, b], [b, a]]) {
        if (now > 0 && this.nodes[one].links === 0 && this.nodes[other].links > 0) this.layout.settle(one, other);
      }
      this.nodes[a].links++;
      this.nodes[b].links++;
    } else if (!appears && edge) {
      this.edges.delete(key);
      this.dying.push({ ...edge, died: now });
      this.nodes[a].links--;
      this.nodes[b].links--;
    }
  }

  #mesh(topic, a, b, enters) {
    let mesh = this.meshes.get(topic);
    if (!mesh) this.meshes.set(topic, (mesh = new Map()));
    const key = Math.min(a, b) * 4294967296 + Math.max(a, b), link = mesh.get(key) ?? { a, b, sides: 0 };
    link.sides += enters ? 1 : -1;
    if (link.sides > 0) mesh.set(key, link);
    else mesh.delete(key);
  }

  #message(number) {
    let message = this.messages.get(number);
    if (!message) {
      message = { colour: null, at: new Map() };
      this.messages.set(number, message);
      if (this.messages.size > MOST_MESSAGES) this.messages.delete(this.messages.keys().next().value);
    }
    return message;
  }

  #publish(a, number, now) {
    const message = this.#message(number);
    message.colour = this.nodes[a].colour;
    message.at.set(a, now);
    this.nodes[a].flash = now;
    this.nodes[a].glow = message.colour;
    this.glowsUntil = Math.max(this.glowsUntil, now + FLASH);
  }

  // A copy leaves a node only after the copy that brought the message there has arrived: a flood that took a
  // millisecond is seen as the wave that it was.
  #copy(look, topic, a, b, number, now) {
    const message = this.#message(number);
    const start = Math.min(Math.max(message.at.get(a) ?? now, now), now + LONGEST_WAIT);
    const end = start + HOP;
    if (look === FIRST) message.at.set(b, end);
    this.copies.push({ a, b, topic, look, number, colour: message.colour, start, end });
  }

  // Moves everything to this moment; whether anything still moves.
  tick(now) {
    if (!this.layout.rests && now - this.stepped > 8) {
      this.stepped = now;
      this.layout.step();
    }
    let kept = 0;
    for (const copy of this.copies) {
      if (copy.end > now) this.copies[kept++] = copy;
      else if (copy.look !== DUPLICATE && now - copy.end < FLASH) {
        this.nodes[copy.b].flash = copy.end;
        this.nodes[copy.b].glow = copy.look === REJECTED ? null : copy.colour;
        this.glowsUntil = Math.max(this.glowsUntil, copy.end + FLASH);
      }
    }
    this.copies.length = kept;
    this.dying = this.dying.filter((edge) => now - edge.died < VANISH);
    return !this.layout.rests || kept > 0 || this.dying.length > 0 || now < Math.max(this.youngUntil, this.bornUntil, this.glowsUntil);
  }
}
