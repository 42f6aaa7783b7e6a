// The page that plays a recorded run: it stands in for the kernel, towards the same module that the live view is.
//
// A view that records more than looks exports `replay(recording)`, which gives
//   at(t, played)   [[content, buffers], ...]: what Python would have sent to bring the view to the moment t, from where it
//                   was told to be before; `played`: lab seconds that pass in a second while it plays, 0 for a leap
//   facts()         counts for the header, where it knows them better than the looks do
//   answer(content) the look that Python would answer a message of the view's own with, where it can be had without it
// A view within another one is a model of its own, which follows the outer one's cursor.

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// What happened, from player.py's columns.
class Events {
  constructor({ resolution, t, texts, ...columns }) {
    Object.assign(this, { texts, columns });
    this.times = Float64Array.from(t);
    let tick = 0;
    for (let i = 0; i < t.length; i++) this.times[i] = (tick += t[i]) / resolution;
    let seq = 0;
    columns.seq = columns.seq?.map((step) => (seq += step));
  }

  // How many there are up to a moment; before it, where it does not count itself.
  upTo(t, itself = true) {
    let low = 0, high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (itself ? this.times[middle] <= t : this.times[middle] < t) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  after(t) {
    return this.times[this.upTo(t)] ?? null;
  }

  before(t) {
    return this.times[this.upTo(t, false) - 1] ?? null;
  }

  // The last ones up to a moment, of one time.
  at(t, most = 12) {
    const end = this.upTo(t);
    if (!end || !this.texts) return [];
    const start = Math.max(this.upTo(this.times[end - 1], false), end - most), text = (name, i) => this.texts[this.columns[name][i]];
    return Array.from({ length: end - start }, (_, at) => {
      const i = start + at, event = { t: this.times[i], seq: this.columns.seq[i] };
      for (const name of ["kind", "node", "peer", "topic", "reason"]) event[name] = text(name, i);
      return event;
    });
  }
}

const SHARED = ["time", "selection"];

class Model {
  constructor(recording, replay, leader = null) {
    this.recording = recording;
    this.traits = recording.traits;
    this.replay = replay;
    this.leader = leader;
    this.parts = {};
    this.listeners = [];
    this.shown = -1;
    this.look = {};
    this.answered = {}; // parts of the content that replay.answer gave
    this.events = leader?.events ?? new Events(recording.events);
    this.bar = leader?.bar ?? recording.bar;
    this.played = 0;
  }

  // A part's model, under the name by which the view asks for it.
  add(name, part, widget) {
    this.parts[name] = { part, widget };
    // What a front end's widget manager does for a view that shows others.
    this.widget_manager = {
      get_model: async (id) => this.parts[id].part,
      create_view: async (model) => {
        const { widget: its } = Object.values(this.parts).find((each) => each.part === model);
        const el = document.createElement("div"), gone = its.render({ model, el });
        return { el, remove: () => (gone?.(), el.remove()) };
      },
    };
  }

  get(name) {
    return name === "opening" ? { bar: this.#barNow(), ...this.#lookAt(this.moment) } : this.traits[name];
  }

  set(name, value) {
    if (JSON.stringify(this.traits[name]) === JSON.stringify(value)) return;
    if (!this.recording.free.includes(name) && name !== "note") return this.#refuse(name);
    this.traits[name] = value;
    this.#emit(`change:${name}`);
    if (SHARED.includes(name)) {
      this.leader?.set(name, value);
      for (const { part } of Object.values(this.parts)) part.set(name, value);
    }
    if (name === "large") { // as Python does: larger type is for all parts that have it
      for (const { part } of Object.values(this.parts)) if (part.recording.free.includes(name)) part.set(name, value);
    }
    if (name === "time") this.#show();
  }

  save_changes() {}

  on(name, action) {
    this.listeners.push([name, action]);
  }

  off(name, action) {
    this.listeners = this.listeners.filter(([n, a]) => n !== name || a !== action);
  }

  #emit(name, ...given) {
    for (const [n, action] of [...this.listeners]) if (n === name) action(...given);
  }

  // What Python answers.
  send(content) {
    if (content.hello) return this.#show();
    if (this.leader && content.do && content.do !== "here") return this.leader.send(content);
    const answer = this.replay?.answer?.(content);
    if (answer) {
      Object.assign(this.answered, answer);
      return this.#emit("msg:custom", { look: { content: { ...this.#lookAt(this.moment).content } } }, []);
    }
    const at = this.moment;
    const does = {
      play: () => this.#play(),
      pause: () => this.#hold(),
      live: () => this.#go(null),
      home: () => this.#go(this.bar.start),
      step: () => this.#go(this.events.after(at), 1),
      back: () => this.#go(this.events.before(at) ?? this.bar.start),
      speed: () => (this.bar.speed = content.value),
    }[content.do];
    does?.();
    if (content.do === "here") this.tells = content.value;
    this.#emit("msg:custom", { look: { bar: this.#barNow(), ...this.#here() } }, []);
  }

  #here() {
    return this.tells ? { here: this.events.at(this.moment) } : {};
  }

  // What only Python can answer is said to be so, and the control goes back.
  #refuse(name) {
    const words = { layout_kind: "layout" }[name] ?? name;
    this.set("note", `this page plays what was recorded; to see another ${words}, open the run with p2plab`);
    this.#emit(`change:${name}`);
    this.shown = -1;
    this.look = {};
    this.#show();
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.set("note", ""), 6000);
  }

  get moment() {
    return this.traits.time ?? this.bar.end;
  }

  #go(t, played = 0) {
    this.bar.playing = false;
    this.played = played; // a step is seen as it happens
    this.set("time", t);
    this.played = 0;
  }

  #hold() {
    this.bar.playing = false;
  }

  #play() {
    if (this.traits.time === null || this.traits.time >= this.bar.end) this.set("time", this.bar.start);
    this.bar.playing = true;
    let before = performance.now();
    const move = (now) => {
      if (!this.bar.playing) return;
      const t = this.traits.time + ((now - before) / 1000) * this.bar.speed;
      before = now;
      if (t >= this.bar.end) {
        this.bar.playing = false;
        this.set("time", null);
      } else this.set("time", t);
      requestAnimationFrame(move);
    };
    requestAnimationFrame(move);
  }

  #barNow() {
    return { ...this.bar, time: this.traits.time };
  }

  // The look at a moment: every part as it was last given by then.
  #lookAt(t) {
    const { frames } = this.recording;
    let low = 0, high = frames.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (frames[middle][0] <= t) low = middle + 1;
      else high = middle;
    }
    const last = low - 1;
    if (last < this.shown) {
      this.shown = -1;
      this.look = {};
    }
    for (let at = this.shown + 1; at <= last; at++) Object.assign(this.look, frames[at][1]);
    this.shown = Math.max(last, -1);
    const content = {};
    for (const [name, part] of Object.entries(this.look)) {
      if (name.startsWith("content.") && part !== null) content[name.slice(8)] = part;
    }
    Object.assign(content, this.answered);
    return { head: this.look.head, content: this.look.head ? content : undefined };
  }

  #show() {
    for (const [content, buffers] of this.replay?.at?.(this.moment, this.bar.playing ? this.bar.speed : (this.leader ?? this).played) ?? []) this.#emit("msg:custom", content, buffers);
    const before = this.shown, look = this.#lookAt(this.moment);
    const fresh = this.shown !== before ? look : { head: look.head };
    if (this.replay?.facts && fresh.head) fresh.head = { ...fresh.head, facts: this.replay.facts() };
    this.#emit("msg:custom", { look: { bar: this.#barNow(), ...fresh, ...this.#here() } }, []);
  }
}

const text = (id) => document.getElementById(id).textContent;
async function widgetOf(id, recording, leader) {
  const module = await import(`data:text/javascript;base64,${text(id).trim()}`);
  const model = new Model(recording, module.replay?.(recording), leader);
  return { model, widget: module.default() };
}

async function start() {
  const recording = await unpack(text("run"));
  const { model, widget } = await widgetOf("module", recording, null);
  for (const [name, part] of Object.entries(recording.parts ?? {})) {
    const inner = await widgetOf(`module-${name}`, part, model);
    model.add(name, inner.model, inner.widget);
    await inner.widget.initialize?.({ model: inner.model });
  }
  await widget.initialize?.({ model });
  widget.render({ model, el: document.getElementById("view") });
  window.p2plab = model; // for whoever looks at the page from a console, and for tests
}

start();
