// What is known of the network in the browser: one Scene a widget, shared by all its views.

const HOP = 380; // ms in which a message's copy crosses an edge
const APPEAR = 500, VANISH = 700, FLASH = 700; // ms
const float32 = (view) => (view?.byteLength ? new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)) : new Float32Array());
const int32 = (view) => (view?.byteLength ? new Int32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)) : new Int32Array());
const MOST_COPIES = 4000; // under way at once; beyond it the oldest go, duplicates first
const MOST_MESSAGES = 256; // whose way is remembered
const LONGEST_WAIT = 6000; // ms that a copy may wait for the hop before it

class Scene {
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
    this.messages = new Map(); // number -> {colour, at: Map(node -> ms)}
    this.version = null;
    this.asked = false;
    this.counts = { t: null, published: 0, delivered: 0, duplicates: 0 };
    this.changed = 0; // grows with each change of the structure
    this.stepped = 0;
    this.youngUntil = 0; // until then some edge is drawn as a new one
    this.filtered = null; // indices that stay in sight; null: all
    this.wave = null; // the chosen message's way: {number, publisher, from: Int32Array, at: Float32Array (s)}
    this.paint = { kind: "identity" }; // what the colours mean, and with it `values`: a Float32Array, NaN where unknown
    this.grounds = []; // {label, kind, nodes}: what a tinted ground lies under
    this.links = []; // {kind, a, b}: streams, neighbours in the DHT
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
    const before = this.edges;
    this.edges = new Map();
    this.#names(frame, now);
    for (const node of this.nodes) {
      node.topics.clear();
      node.links = 0;
    }
    this.meshes.clear();
    this.changed++;
    this.#read(records, now, false);
    for (const [key, edge] of before) {
      const same = this.edges.get(key);
      if (same) same.born = edge.born;
      else this.dying.push({ ...edge, died: now });
    }
    for (const [key, edge] of this.edges) if (!first && !before.has(key)) edge.born = now;
    if (!first) this.youngUntil = now + APPEAR;
    this.asked = false;
    this.#finish(frame);
    if (first || !this.layout.moved) this.layout.untangle();
  }

  #finish(frame) {
    this.version = frame.version;
    const { t, published, delivered, duplicates } = frame;
    this.sentence = frame.sentence ?? "";
    this.counts = { t: t ?? this.counts.t, published, delivered, duplicates };
    if (this.layoutStale) {
      this.layoutStale = false;
      this.nodes.forEach((node, i) => (this.layout.shown[i] = this.isShown(node) ? 1 : 0));
      this.layout.edges = [...this.edges.values()].map(({ a, b }) => [a, b]);
      this.layout.warm(this.layout.goals ? 1 : this.nodes.length > 200 ? 0.12 : 0.3);
    }
  }

  isShown(node) {
    return node.look !== OUTSIDE || node.links > 0;
  }

  isFiltered(i) {
    return this.filtered !== null && !this.filtered.has(i);
  }

  // What Python says of the chosen message, of colours, places, grounds and further lines; each replaces the one before.
  setWave(wave) {
    this.wave = wave.number
      ? { ...wave, from: int32(wave.from), at: float32(wave.at), hops: this.#hops(int32(wave.from), wave.publisher) }
      : null;
    this.changed++;
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
    this.paint = { kind: "identity", ...paint, values: float32(paint.values) };
    this.changed++;
  }

  setGrounds(grounds) {
    this.grounds = grounds;
    this.changed++;
  }

  setLinks(links) {
    this.links = links;
    this.changed++;
  }

  setPlaces(places, now) {
    this.layout.aim(places.kind && places.kind !== "force" ? float32(places.values) : null, this.version !== null && now > 0);
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
        if (look !== node.look && animated) node.born = now;
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
      }
    }
    this.copies.length = kept;
    this.dying = this.dying.filter((edge) => now - edge.died < VANISH);
    if (!this.layout.rests || kept || this.dying.length || now < this.youngUntil) return true;
    for (const node of this.nodes) if (now - node.flash < FLASH || now - node.born < APPEAR) return true;
    return false;
  }
}
