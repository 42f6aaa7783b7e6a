// Plays a recorded run for the graph: recording.py says what a tape holds. Forward by a little, it gives frames, so that
// copies travel and edges appear; to any other moment, the network as it was then.

import { COPY, EDGE, GONE, MESH, NODE, OUTSIDE, PUBLISH, TOPIC } from "./frames.js";

const RECORD = 16;
const LEAP = 2; // seconds of the page's clock times speed that are played, and not leapt over
const CHECKPOINTS = 64;

const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

// The structure after some records.
class Structure {
  constructor(count) {
    this.looks = new Uint8Array(count).fill(OUTSIDE);
    this.edges = new Map();
    this.subscribers = new Map(); // topic -> Set of nodes
    this.meshes = new Map(); // topic -> Map(key -> [a, b])
    this.traffic = new Map(); // key -> copies of messages that went over the edge
    this.counts = { published: 0, delivered: 0, duplicates: 0 };
  }

  copy() {
    const other = new Structure(0);
    other.looks = this.looks.slice();
    other.edges = new Map(this.edges);
    for (const [topic, nodes] of this.subscribers) other.subscribers.set(topic, new Set(nodes));
    for (const [topic, mesh] of this.meshes) other.meshes.set(topic, new Map(mesh));
    other.traffic = new Map(this.traffic);
    other.counts = { ...this.counts };
    return other;
  }

  apply(tag, look, topic, a, b) {
    if (tag === NODE) this.looks[a] = look;
    else if (tag === EDGE) put(this.edges, a * 4294967296 + b, [a, b], look);
    else if (tag === TOPIC) {
      if (!this.subscribers.has(topic)) this.subscribers.set(topic, new Set());
      const nodes = this.subscribers.get(topic);
      if (look) nodes.add(a);
      else nodes.delete(a);
    } else if (tag === MESH) {
      if (!this.meshes.has(topic)) this.meshes.set(topic, new Map());
      put(this.meshes.get(topic), a * 4294967296 + b, [a, b], look);
    } else if (tag === PUBLISH) this.counts.published++;
    else if (tag === COPY) {
      this.counts[look === 1 ? "duplicates" : "delivered"]++;
      const key = Math.min(a, b) * 4294967296 + Math.max(a, b);
      this.traffic.set(key, (this.traffic.get(key) ?? 0) + 1);
    }
  }

  // As overlays.py's traffic.
  amounts() {
    const values = [...this.traffic].flatMap(([key, count]) => [Math.floor(key / 4294967296), key % 4294967296, count]);
    return { unit: "copies", values };
  }
}

function put(map, key, value, on) {
  if (on) map.set(key, value);
  else map.delete(key);
}

export class Replay {
  constructor({ nodes, topics, resolution, times, records }) {
    Object.assign(this, { nodes, topics });
    this.data = bytes(records);
    this.view = new DataView(this.data.buffer);
    this.count = this.data.length / RECORD;
    this.times = new Float64Array(this.count);
    let tick = 0;
    for (let i = 0; i < this.count; i++) this.times[i] = (tick += times[i]) / resolution;
    this.place = 0; // records that are in `now`
    this.t = -1;
    this.now = new Structure(nodes.length);
    this.version = 0;
    this.started = false;
    this.kept = [[0, this.now.copy()]];
    this.every = Math.max(2000, Math.ceil(this.count / CHECKPOINTS));
    for (let i = 0; i < this.count; ) {
      const end = Math.min(i + this.every, this.count);
      for (; i < end; i++) this.#apply(i);
      this.kept.push([i, this.now.copy()]);
    }
    this.now = this.kept[0][1].copy();
  }

  #apply(i) {
    const at = i * RECORD, { view } = this;
    this.now.apply(view.getUint8(at), view.getUint8(at + 1), view.getUint16(at + 2, true), view.getUint32(at + 4, true), view.getUint32(at + 8, true));
  }

  // How many records there are up to a moment.
  #placeOf(t) {
    let low = 0, high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] <= t + 1e-9) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // What Python would send to bring the graph from where it is to the moment t. `played` is how far it is to be played on.
  at(t, played = 0) {
    const place = this.#placeOf(t), forward = this.started && t >= this.t && played > 0 && t - this.t <= LEAP * played + 1e-9;
    this.t = t;
    if (forward && place === this.place) return [];
    if (forward) return [this.#frame(place), [{ look: { content: { traffic: this.now.amounts() } } }, []]];
    this.#leap(place);
    this.started = true;
    return [[{ look: { content: { network: this.#network(), traffic: this.now.amounts() } } }, []]];
  }

  #frame(place) {
    const part = this.data.slice(this.place * RECORD, place * RECORD);
    for (let i = this.place; i < place; i++) this.#apply(i);
    this.place = place;
    const base = this.version++;
    const frame = { base, version: this.version, nodes: [], topics: [], t: this.t, ...this.now.counts };
    return [{ frame }, [new DataView(part.buffer)]];
  }

  #leap(place) {
    const [from, structure] = this.kept.findLast(([at]) => at <= place);
    if (place < this.place || from > this.place) {
      this.now = structure.copy();
      this.place = from;
    }
    for (let i = this.place; i < place; i++) this.#apply(i);
    this.place = place;
  }

  // As past.py's as_content.
  #network() {
    const { looks, edges, subscribers, meshes } = this.now;
    return {
      version: ++this.version,
      nodes: this.nodes.map(([label, colour, key], i) => (key === undefined ? [label, colour, looks[i]] : [label, colour, looks[i], key])),
      edges: [...edges.values()].flat(),
      topics: this.topics.map(([label, key], i) => [label, key ?? null, [...(subscribers.get(i + 1) ?? [])]]),
      meshes: [...meshes].map(([topic, mesh]) => [topic, [...mesh.values()].flat()]),
    };
  }

  // Counts for the header, of this very moment.
  facts() {
    const { looks, edges, counts } = this.now;
    const word = (count, name) => `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;
    const joined = new Set([...edges.values()].flat());
    let nodes = 0, down = 0;
    looks.forEach((look, i) => {
      nodes += look !== OUTSIDE || joined.has(i);
      down += look === GONE;
    });
    const facts = [word(nodes, "node"), word(edges.size, "edge")];
    if (down) facts.push(`${down} down`);
    if (counts.published) facts.push(word(counts.published, "message"));
    if (counts.delivered) facts.push(`${counts.delivered.toLocaleString("en")} delivered`);
    if (counts.duplicates) facts.push(word(counts.duplicates, "duplicate"));
    return facts;
  }
}
