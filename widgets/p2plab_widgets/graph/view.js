// One view of a PeerGraph: the canvas, what lies over it, and what the pointer does. All text goes through textContent.

const GRAB = 4; // pixels that a press must move to be a drag

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function build(root) {
  root.classList.add("p2plab-graph");
  const bar = element("div", "p2plab-bar");
  const world = element("span", "p2plab-world");
  const facts = element("span", "p2plab-facts");
  const label = element("label", "p2plab-topic", "topic ");
  const topic = element("select", "p2plab-topic-select");
  label.append(topic);
  bar.append(world, facts, label);
  const stage = element("div", "p2plab-stage");
  const edges = element("canvas", "p2plab-edges");
  const canvas = element("canvas", "p2plab-canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  const legend = element("div", "p2plab-legend");
  const marks = {};
  for (const [kind, text] of [["copy", "message"], ["duplicate", "duplicate"], ["mesh", "mesh of the topic"]]) {
    marks[kind] = element("span", "p2plab-legend-entry", text);
    marks[kind].prepend(element("i", `p2plab-mark-${kind}`));
    legend.append(marks[kind]);
  }
  const clock = element("span", "p2plab-clock");
  legend.append(clock);
  const tools = element("div", "p2plab-tools");
  const buttons = {};
  for (const [name, sign, title] of [["in", "+", "zoom in"], ["out", "−", "zoom out"], ["fit", "⤢", "show everything"]]) {
    buttons[name] = element("button", `p2plab-zoom-${name}`, sign);
    buttons[name].title = title;
    buttons[name].type = "button";
    tools.append(buttons[name]);
  }
  const card = element("div", "p2plab-card");
  card.hidden = true;
  const note = element("div", "p2plab-note");
  note.hidden = true;
  stage.append(edges, canvas, legend, tools, card, note);
  root.append(bar, stage);
  return { root, world, facts, topic, stage, edges, canvas, marks, clock, buttons, card, note };
}

class View {
  constructor(model, scene, root) {
    Object.assign(this, { model, scene, parts: build(root) });
    this.painter = new Painter(scene);
    this.follows = true; // the camera keeps everything in sight until the user moves it
    this.hovered = -1;
    this.drawn = -1; // scene.changed when the edges were drawn
    this.painted = 0; // frames drawn, for tests
    this.ending = new AbortController();
    this.parts.root.style.setProperty("--p2plab-height", `${model.get("height")}px`);
    this.#theme();
    this.#listen();
    this.#text();
  }

  close() {
    this.ending.abort();
    this.closed = true;
    for (const observer of this.observers) observer.disconnect();
  }

  // -- drawing: frames are asked for only while something moves

  wake() {
    if (this.asleep === false || this.closed || this.hidden) return;
    this.asleep = false;
    requestAnimationFrame((now) => this.#frame(now));
  }

  #frame(now) {
    this.asleep = true;
    if (this.closed) return;
    const { scene, painter, parts } = this;
    const moves = scene.tick(now);
    const before = JSON.stringify(painter.camera);
    if (this.follows) this.#followAll();
    const panned = JSON.stringify(painter.camera) !== before || this.stale;
    const young = now < scene.youngUntil;
    if (panned || young || young !== this.wasYoung || !scene.layout.rests || scene.changed !== this.drawn) {
      painter.drawEdges(parts.edges.getContext("2d"), this.theme, now, this.#topicNumber());
      this.drawn = scene.changed;
    }
    this.wasYoung = young;
    this.stale = false;
    painter.draw(parts.canvas.getContext("2d"), this.theme, now, {
      topic: this.#topicNumber(),
      selected: this.#selectedIndex(),
      hovered: this.hovered,
    });
    parts.root.dataset.painted = String(++this.painted);
    parts.root.dataset.resting = String(!moves && !panned);
    if (moves || panned) this.wake();
  }

  #followAll() {
    const { camera } = this.painter, goal = this.painter.fit();
    const near = this.placed && Math.abs(goal.scale / camera.scale - 1) < 0.002 &&
      Math.abs(goal.stretch - camera.stretch) < 0.002 && Math.hypot(goal.x - camera.x, goal.y - camera.y) * camera.scale < 0.3;
    if (near) return;
    const part = this.placed ? 0.14 : 1; // glide, except to the first sight
    this.placed = this.scene.nodes.length > 0;
    for (const key of ["x", "y", "scale", "stretch"]) camera[key] += (goal[key] - camera[key]) * part;
  }

  redraw() {
    this.stale = true;
    this.wake();
  }

  #resize() {
    const { stage, edges, canvas } = this.parts;
    const width = stage.clientWidth, height = stage.clientHeight, ratio = window.devicePixelRatio || 1;
    if (!width || !height) return;
    Object.assign(this.painter, { width, height, ratio });
    for (const layer of [edges, canvas]) {
      layer.width = Math.round(width * ratio);
      layer.height = Math.round(height * ratio);
    }
    this.#theme(); // before it has a size it may not be in the page, and has no style
  }

  #theme() {
    this.theme = readTheme(this.parts.root);
    this.redraw();
  }

  // -- what is text

  #topicNumber() {
    return this.scene.topics.indexOf(this.model.get("topic")) + 1;
  }

  #selectedIndex() {
    const name = this.model.get("selected");
    return name ? this.scene.nodes.findIndex((node) => node.name === name) : -1;
  }

  #text() {
    const { scene, parts, model } = this;
    const shown = scene.nodes.filter((node) => scene.isShown(node)).length;
    const { t, published, delivered, duplicates } = scene.counts;
    const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
    const facts = [plural(shown, "node"), plural(scene.edges.size, "edge")];
    if (published) facts.push(plural(published, "message"));
    if (delivered) facts.push(`${delivered.toLocaleString("en")} delivered`);
    if (duplicates) facts.push(plural(duplicates, "duplicate"));
    parts.world.textContent = model.get("world");
    parts.world.dataset.world = model.get("world");
    parts.facts.textContent = facts.join(" · ");
    parts.marks.mesh.hidden = !scene.meshes.get(this.#topicNumber())?.size;
    parts.clock.textContent = t === null ? "" : `t = ${t.toFixed(2)} s`;
    parts.canvas.setAttribute("aria-label", `peer graph, ${facts.join(", ")}`);
    const note = model.get("note");
    parts.note.textContent = note;
    parts.note.hidden = !note;
    this.#topics();
    this.#card();
    this.redraw();
  }

  #topics() {
    const { scene, parts } = this, chosen = this.model.get("topic");
    const counts = scene.topics.map(() => 0);
    for (const node of scene.nodes) for (const topic of node.topics) counts[topic - 1]++;
    const names = scene.topics.map((name, i) => [name, counts[i]]).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    if (chosen && !scene.topics.includes(chosen)) names.push([chosen, 0]);
    const state = JSON.stringify([chosen, names]);
    if (state === this.topicsShown) return;
    this.topicsShown = state;
    const options = [["", "all"], ...names.map(([name, count]) => [name, `${name} (${count})`])];
    parts.topic.replaceChildren(
      ...options.map(([value, text]) => {
        const option = element("option", "", text);
        option.value = value;
        option.selected = value === chosen;
        return option;
      }),
    );
    parts.topic.disabled = options.length === 1;
  }

  #card() {
    const { scene, parts, model } = this, index = this.#selectedIndex();
    parts.card.hidden = index < 0;
    this.painter.inset = index >= 0 && this.painter.width > 560 ? parts.card.offsetWidth + 10 : 0;
    if (index < 0) return;
    const node = scene.nodes[index], details = model.get("details");
    const known = details.name === node.name ? details : {};
    const title = element("div", "p2plab-card-title", node.name);
    const dot = element("i", "p2plab-dot");
    dot.style.background = node.colour;
    title.prepend(dot);
    const close = element("button", "p2plab-card-close", "×");
    close.title = "close";
    close.type = "button";
    close.onclick = () => this.#select("");
    title.append(close);
    const list = element("dl", "p2plab-card-list");
    const topics = [...node.topics].map((number) => scene.topics[number - 1]);
    const links = [];
    for (const { a, b } of scene.edges.values()) {
      if (a === index) links.push(scene.nodes[b].name);
      if (b === index) links.push(scene.nodes[a].name);
    }
    const many = (names) => (names.length > 12 ? [...names.slice(0, 12), `and ${names.length - 12} more`] : names);
    const state = ["gone", null, "not a node of this lab", "attached, not a node of this lab"][node.look];
    for (const [term, values] of [
      ["state", state ? [state] : []],
      ["peer id", known.short ? [known.short] : []],
      ["addresses", many(known.addresses ?? [])],
      ["agent", known.agent ? [known.agent] : []],
      ["topics", many(topics)],
      [`neighbours (${links.length})`, [many(links).join(", ")]],
      ["error", known.error ? [known.error] : []],
    ]) {
      if (!values.length || !values[0]) continue;
      list.append(element("dt", "", term), ...values.map((value) => element("dd", "", value)));
    }
    parts.card.replaceChildren(title, list);
  }

  #select(name) {
    this.model.set("selected", name);
    this.model.save_changes();
  }

  // -- listening

  #listen() {
    const { model, parts, scene, painter } = this, { signal } = this.ending;
    const on = (target, kind, action, options = {}) => target.addEventListener(kind, action, { signal, ...options });
    for (const name of ["selected", "details", "topic", "note", "world"]) {
      const listener = () => this.#text();
      model.on(`change:${name}`, listener);
      signal.addEventListener("abort", () => model.off(`change:${name}`, listener));
    }
    on(parts.topic, "change", () => {
      model.set("topic", parts.topic.value);
      model.save_changes();
    });
    on(parts.buttons.in, "click", () => this.#zoom(1.4, painter.width / 2, painter.height / 2));
    on(parts.buttons.out, "click", () => this.#zoom(1 / 1.4, painter.width / 2, painter.height / 2));
    on(parts.buttons.fit, "click", () => {
      this.follows = true;
      this.redraw();
    });
    on(parts.canvas, "wheel", (event) => this.#wheel(event), { passive: false });
    on(parts.canvas, "pointerdown", (event) => this.#press(event));
    on(parts.canvas, "pointermove", (event) => this.#move(event));
    on(parts.canvas, "pointerup", (event) => this.#release(event));
    on(parts.canvas, "pointercancel", () => (this.press = null));
    on(parts.canvas, "pointerleave", () => this.#hover(-1));
    on(parts.canvas, "keydown", (event) => {
      if (event.key === "Escape") this.#select("");
    });
    // The notebook has keys of its own, and must not take those meant for the list of topics.
    on(parts.root, "keydown", (event) => event.stopPropagation());
    const resized = new ResizeObserver(() => this.#resize());
    resized.observe(parts.stage);
    const themed = new MutationObserver(() => this.#theme());
    for (const target of [document.documentElement, document.body]) {
      themed.observe(target, { attributes: true, attributeFilter: ["class", "style", "data-jp-theme-light", "data-jp-theme-name"] });
    }
    const seen = new IntersectionObserver((entries) => {
      this.hidden = !entries.at(-1).isIntersecting;
      this.redraw();
    });
    seen.observe(parts.stage);
    this.observers = [resized, themed, seen];
    on(window.matchMedia("(prefers-color-scheme: dark)"), "change", () => this.#theme());
    this.onScene = () => this.#text();
    scene.views.add(this);
    signal.addEventListener("abort", () => scene.views.delete(this));
  }

  #spot(event) {
    const box = this.parts.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #hover(index) {
    if (index === this.hovered) return;
    this.hovered = index;
    this.parts.canvas.style.cursor = index >= 0 ? "pointer" : "";
    this.wake();
  }

  #press(event) {
    const [x, y] = this.#spot(event);
    this.press = { x, y, node: this.painter.nodeAt(x, y), camera: { ...this.painter.camera }, drags: false };
    this.parts.canvas.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const [x, y] = this.#spot(event), { press, painter, scene } = this;
    if (!press) return this.#hover(painter.nodeAt(x, y));
    if (!press.drags && Math.hypot(x - press.x, y - press.y) < GRAB) return;
    press.drags = true;
    this.follows = false;
    if (press.node >= 0) {
      scene.layout.held[press.node] = 1;
      [scene.layout.x[press.node], scene.layout.y[press.node]] = painter.scenePlace(x, y);
      scene.layout.warm(0.25);
      for (const view of scene.views) view.wake();
    } else {
      const [fromX, fromY] = painter.scenePlace(press.x, press.y), [toX, toY] = painter.scenePlace(x, y);
      painter.camera.x = press.camera.x + fromX - toX;
      painter.camera.y = press.camera.y + fromY - toY;
    }
    this.redraw();
  }

  #release() {
    const { press, scene } = this;
    this.press = null;
    if (press && !press.drags) this.#select(press.node >= 0 ? scene.nodes[press.node].name : "");
  }

  // The wheel scrolls the notebook, unless the picture was clicked before or Ctrl is held (or two fingers pinch).
  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.parts.canvas) return;
    event.preventDefault();
    this.#zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), ...this.#spot(event));
  }

  #zoom(factor, px, py) {
    const { painter } = this, { camera } = painter, [x, y] = painter.scenePlace(px, py);
    camera.scale = Math.min(12, Math.max(0.02, camera.scale * factor));
    const [movedX, movedY] = painter.scenePlace(px, py);
    camera.x += x - movedX; // what lies under the pointer stays there
    camera.y += y - movedY;
    this.follows = false;
    this.redraw();
  }
}

// A factory: each widget has a scene of its own, which lives from the widget's creation on, before any view does.
export default () => {
  let scene;
  return {
    initialize({ model }) {
      scene = new Scene(() => model.send({ hello: true }));
      const take = (frame, records) => {
        if (scene.take(frame, records, performance.now())) for (const view of scene.views) view.onScene();
      };
      const { frame, records } = model.get("opening");
      if (frame) take(frame, records);
      const listener = (content, buffers) => {
        if (content.frame) take(content.frame, buffers[0]);
      };
      model.on("msg:custom", listener);
      model.send({ hello: true });
      return () => model.off("msg:custom", listener);
    },
    render({ model, el }) {
      const view = new View(model, scene, el);
      return () => view.close();
    },
  };
};
