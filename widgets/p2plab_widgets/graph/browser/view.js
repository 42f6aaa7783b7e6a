// One view of a PeerGraph: when it is drawn, and what its words say.

const DEFAULT_LAYERS = { connections: "auto", mesh: true, tree: true, duplicates: true, grounds: true, links: true };

class View {
  constructor(model, scene, root) {
    Object.assign(this, { model, scene, parts: build(root) });
    this.painter = new Painter(scene);
    this.camera = this.painter.camera;
    this.goal = null; // a state the camera glides to; "all" follows everything until the user moves it
    this.follows = true;
    this.hovered = -1;
    this.found = null;
    this.layers = { ...DEFAULT_LAYERS };
    this.drawn = ""; // of what the lines were drawn
    this.painted = 0; // frames drawn, for tests
    this.quiet = matchMedia("(prefers-reduced-motion: reduce)");
    this.ending = new AbortController();
    this.parts.root.style.setProperty("--p2plab-height", `${model.get("height")}px`);
    this.list = new NodeList(this);
    this.#theme();
    listen(this);
    this.#observe();
    this.text();
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
    if (this.closed || !this.camera.width) return;
    const { scene, painter, parts, camera } = this;
    const moves = scene.tick(now);
    const glides = this.#glide();
    const young = now < scene.youngUntil;
    const state = `${scene.changed} ${scene.layout.moved} ${camera.state} ${camera.width} ${camera.height} ${young}`;
    const stale = this.stale || state !== this.drawn;
    if (stale) {
      painter.survey();
      painter.drawLines(parts.lines.getContext("2d"), this.theme, now, { topic: this.topicNumber(), layers: this.layers });
      this.drawn = state;
      if (painter.look.level !== this.level) this.#legend();
      this.level = painter.look.level;
    }
    this.stale = false;
    painter.draw(parts.canvas.getContext("2d"), this.theme, now, {
      topic: this.topicNumber(),
      selected: this.selectedIndex(),
      edge: this.selectedEdge,
      hovered: this.hovered,
      found: this.found,
      layers: this.layers,
      still: this.quiet.matches,
    });
    parts.root.dataset.painted = String(++this.painted);
    const rests = !moves && !glides && !stale;
    parts.root.dataset.resting = String(rests);
    if (!rests) this.wake();
  }

  #glide() {
    if (this.follows) this.goal = this.fitting();
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

  resize() {
    const { stage, lines, canvas } = this.parts;
    const width = stage.clientWidth, height = stage.clientHeight, ratio = window.devicePixelRatio || 1;
    if (!width || !height) return;
    Object.assign(this.camera, { width, height });
    this.painter.ratio = ratio;
    for (const layer of [lines, canvas]) {
      layer.width = Math.round(width * ratio);
      layer.height = Math.round(height * ratio);
    }
    this.#theme(); // before it has a size it may not be in the page, and has no style
  }

  #theme() {
    this.theme = readTheme(this.parts.root);
    this.#legend();
    this.redraw();
  }

  #observe() {
    const { signal } = this.ending, { stage } = this.parts;
    const resized = new ResizeObserver(() => this.resize());
    resized.observe(stage);
    const themed = new MutationObserver(() => this.#theme());
    for (const target of [document.documentElement, document.body]) {
      themed.observe(target, { attributes: true, attributeFilter: ["class", "style", "data-jp-theme-light", "data-jp-theme-name"] });
    }
    const seen = new IntersectionObserver((entries) => {
      this.hidden = !entries.at(-1).isIntersecting;
      this.redraw();
    });
    seen.observe(stage);
    this.observers = [resized, themed, seen];
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#theme(), { signal });
    this.quiet.addEventListener("change", () => this.redraw(), { signal });
  }

  // -- what is chosen

  topicNumber() {
    const chosen = this.model.get("topic");
    return chosen ? this.scene.topics.findIndex(({ key }) => key === chosen) + 1 : 0;
  }

  selectedIndex() {
    const key = this.model.get("selected");
    return key ? this.scene.places.get(key) ?? -1 : -1;
  }

  selectNode(index) {
    this.selectedEdge = null;
    this.choose("selected", index >= 0 ? this.scene.nodes[index].key : "");
    this.text();
  }

  selectEdge(edge) {
    this.selectedEdge = edge;
    const { nodes } = this.scene;
    this.choose("selected", "");
    if (edge) this.model.send({ edge: [nodes[edge.a].key, nodes[edge.b].key] });
    this.text();
  }

  choose(trait, value) {
    if (this.model.get(trait) === value) return;
    this.model.set(trait, value);
    this.model.save_changes();
  }

  // -- what is text

  text() {
    const { scene, parts, model } = this;
    const shown = scene.nodes.filter((node) => scene.isShown(node)).length;
    const { published, delivered, duplicates } = scene.counts;
    const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
    const said = [plural(shown, "node"), plural(scene.edges.size, "edge")];
    if (published) said.push(plural(published, "message"));
    if (delivered) said.push(`${delivered.toLocaleString("en")} delivered`);
    if (duplicates) said.push(plural(duplicates, "duplicate"));
    parts.world.textContent = model.get("world");
    parts.world.dataset.world = model.get("world");
    parts.facts.textContent = said.join(" · ");
    parts.facts.title = parts.facts.textContent;
    parts.sentence.textContent = scene.sentence ?? "";
    parts.canvas.setAttribute("aria-label", `${said.join(", ")}. Arrow keys go from node to node, Escape leaves.`);
    const note = model.get("note");
    parts.note.textContent = note;
    parts.note.hidden = !note;
    this.#clock();
    this.#choosers();
    this.#card();
    this.#legend();
    this.list.update();
    this.redraw();
  }

  #clock() {
    const clock = this.model.get("clock") ?? {}, t = clock.now ?? this.scene.counts.t;
    this.parts.clock.textContent = [t === null || t === undefined ? "" : `t = ${t.toFixed(2)} s`, clock.words ?? ""].filter(Boolean).join(" · ");
  }

  #choosers() {
    const { scene, parts, model } = this, topic = model.get("topic");
    const counts = scene.topics.map(() => 0);
    for (const node of scene.nodes) for (const each of node.topics) counts[each - 1]++;
    const topics = scene.topics.map(({ label, key }, i) => [key, `${label} (${counts[i]})`, label]);
    topics.sort(([, , a], [, , b]) => (a < b ? -1 : a > b ? 1 : 0));
    if (topic && !scene.topics.some(({ key }) => key === topic)) topics.push([topic, `${model.get("topic_label") || topic} (0)`]);
    fillChooser(parts.topic, [["", "all"], ...topics.map(([key, text]) => [key, text])], topic);
    parts.topic.disabled = !topics.length;
    parts.topic.title = topics.length ? "the topic whose mesh and subscribers are marked" : "nobody subscribes to anything yet";

    const messages = model.get("messages") ?? [], message = model.get("message") ?? "";
    const listed = messages.map(([id, label]) => [id, label]);
    if (message && message !== "none" && !messages.some(([id]) => id === message)) listed.push([message, `…${message.slice(-8)}`]);
    fillChooser(parts.message, [["", "the newest"], ["none", "none"], ...listed], message);
    parts.message.disabled = !messages.length;
    parts.message.title = messages.length ? "the message whose way is drawn" : "nothing has been published yet";

    const offered = model.get("offered") ?? {};
    const colours = COLOURS.map(([key, text]) => [key, offered[key] ? `${text} (${offered[key]})` : text, Boolean(offered[key])]);
    fillChooser(parts.colour, colours, model.get("colour") ?? "auto");
    const layouts = LAYOUTS.map(([key, text]) => [key, offered[`layout ${key}`] ? `${text} (${offered[`layout ${key}`]})` : text, Boolean(offered[`layout ${key}`])]);
    fillChooser(parts.layout, layouts, model.get("layout_kind") ?? "force");
    for (const [key, box] of Object.entries(parts.layers)) {
      const on = this.layers[key];
      box.checked = on === true || on === "on" || (on === "auto" && this.painter.look.level <= SOME);
    }
    parts.buttons.focus.disabled = this.selectedIndex() < 0;
  }

  #card() {
    const { scene, parts, model } = this, index = this.selectedIndex();
    const edge = this.selectedEdge && [...scene.edges.values()].find(({ a, b }) => a === this.selectedEdge.a && b === this.selectedEdge.b);
    if (!edge) this.selectedEdge = null;
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
    const { parts, scene } = this;
    if (!this.theme) return;
    parts.legend.replaceChildren(...legendOf(scene, this.theme, { level: this.painter.look.level, topic: this.topicNumber(), layers: this.layers }));
  }
}
