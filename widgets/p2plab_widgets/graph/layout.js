// Where the nodes stand: forces while there are few enough, else the disc they start on. Deterministic: the order of
// nodes and edges decides everything, so the same network looks the same each time.

const MOST_BY_FORCES = 1200; // nodes; every pair of them is computed at every step
const SPACING = 46;
const LENGTH = 1.7 * SPACING; // of an edge at rest
const PUSH = 420; // between two nodes, over the square of their distance
const HOME = 0.02; // towards the middle
const FLAT = 2.2; // times stronger up and down: pictures are wider than high
const COLDEST = 0.004; // below this nothing visibly moves, and the layout rests

class Layout {
  constructor() {
    this.count = 0;
    this.heat = 0;
    this.x = new Float64Array(64);
    this.y = new Float64Array(64);
    this.vx = new Float64Array(64);
    this.vy = new Float64Array(64);
    this.weight = new Float64Array(64); // 0 for what is not drawn
    this.held = new Uint8Array(64); // 1 where the user put it
    this.edges = [];
    this.degree = new Float64Array(64);
  }

  add() {
    const i = this.count++;
    if (i === this.x.length) {
      for (const name of ["x", "y", "vx", "vy", "weight", "held", "degree"]) {
        const grown = new this[name].constructor(2 * i);
        grown.set(this[name]);
        this[name] = grown;
      }
    }
    // A sunflower's seeds: evenly spread, whatever the number.
    const radius = SPACING * Math.sqrt(i + 0.5), angle = i * 2.399963;
    this.x[i] = 1.35 * radius * Math.cos(angle);
    this.y[i] = 0.75 * radius * Math.sin(angle);
    this.weight[i] = 1;
  }

  // A newcomer starts beside the first neighbour it has, not on the far side of the picture.
  settle(i, neighbour) {
    this.x[i] = this.x[neighbour] + 0.6 * SPACING * Math.cos(i * 2.399963);
    this.y[i] = this.y[neighbour] + 0.6 * SPACING * Math.sin(i * 2.399963);
  }

  setEdges(edges) {
    this.edges = edges;
    this.degree.fill(0);
    for (const { a, b } of edges) {
      this.degree[a]++;
      this.degree[b]++;
    }
  }

  warm(heat) {
    this.heat = Math.max(this.heat, heat);
  }

  get rests() {
    return this.heat < COLDEST;
  }

  // Steps taken at once when a network is first seen, so that the picture does not begin as a tangle. Their number
  // depends on the size alone: a slower machine must not draw another picture.
  untangle() {
    const steps = Math.min(260, Math.floor(2.4e7 / (this.count * this.count + 1)));
    this.heat = 1;
    for (let i = 0; i < steps && !this.rests; i++) this.step();
  }

  step() {
    if (this.count > MOST_BY_FORCES) {
      this.heat = 0;
      return;
    }
    const { count, x, y, vx, vy, weight, held, degree, heat } = this;
    const push = heat * PUSH, home = heat * HOME;
    for (let i = 1; i < count; i++) {
      if (!weight[i]) continue;
      const xi = x[i], yi = y[i];
      let fx = 0, fy = 0;
      for (let j = 0; j < i; j++) {
        const dx = xi - x[j], dy = yi - y[j];
        const force = (push * weight[j]) / Math.max(dx * dx + dy * dy, 36);
        fx += dx * force;
        fy += dy * force;
        vx[j] -= dx * force;
        vy[j] -= dy * force;
      }
      vx[i] += fx;
      vy[i] += fy;
    }
    for (const { a, b } of this.edges) {
      const dx = x[b] - x[a], dy = y[b] - y[a];
      const length = Math.sqrt(dx * dx + dy * dy) || 1;
      const least = Math.min(degree[a], degree[b]) || 1;
      const pull = ((length - LENGTH) / length) * heat / (least + 0.5);
      const share = degree[b] / (degree[a] + degree[b]);
      vx[a] += dx * pull * share;
      vy[a] += dy * pull * share;
      vx[b] -= dx * pull * (1 - share);
      vy[b] -= dy * pull * (1 - share);
    }
    for (let i = 0; i < count; i++) {
      if (held[i] || !weight[i]) {
        vx[i] = vy[i] = 0;
        continue;
      }
      vx[i] = (vx[i] - x[i] * home) * 0.6;
      vy[i] = (vy[i] - y[i] * home * FLAT) * 0.6;
      const speed = Math.sqrt(vx[i] * vx[i] + vy[i] * vy[i]);
      if (speed > 60) {
        vx[i] *= 60 / speed;
        vy[i] *= 60 / speed;
      }
      x[i] += vx[i];
      y[i] += vy[i];
    }
    this.heat *= 0.978;
  }
}
