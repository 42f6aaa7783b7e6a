// Where the nodes stand. By forces: the steps of layout.py, number for number, so that the static face shows the same
// picture. By places: goals that Python sends, to which the nodes move. Units: neighbours are about 1 apart.

const ALL_PAIRS = 72, REACH = 2.6, COARSEST = 24, STRENGTH = 0.55, GRAVITY = 0.018, LONE = 0.2, FLATTEN = 1.9, GOLDEN = 2.399963;
const COLDEST = 0.004; // below this nothing visibly moves, and the layout rests
const round4 = (number) => Math.round(number * 1e4) / 1e4;
const TURNS = Array.from({ length: 1024 }, (_, i) => [round4(Math.cos(GOLDEN * i)), round4(Math.sin(GOLDEN * i))]);

function stepsFor(count, finest) {
  if (count <= COARSEST) return 160;
  if (count <= ALL_PAIRS) return 120;
  return count <= 600 ? (finest ? 36 : 26) : count <= 1500 ? 14 : count <= 3000 ? 7 : 3;
}

function merged(count, edges) {
  const near = Array.from({ length: count }, () => []);
  for (const [a, b] of edges) {
    near[a].push(b);
    near[b].push(a);
  }
  const parent = new Int32Array(count).fill(-1), weight = [];
  for (let i = 0; i < count; i++) {
    if (parent[i] >= 0) continue;
    const free = near[i].filter((j) => parent[j] < 0 && j !== i);
    if (free.length) {
      let mate = free[0];
      for (const j of free) if (near[j].length < near[mate].length) mate = j;
      parent[i] = parent[mate] = weight.length;
      weight.push(2);
    } else if (near[i].length) {
      let mate = near[i][0];
      for (const j of near[i]) if (weight[parent[j]] < weight[parent[mate]]) mate = j;
      parent[i] = parent[mate];
      weight[parent[i]]++;
    } else {
      parent[i] = weight.length;
      weight.push(1);
    }
  }
  return [parent, weight.length];
}

function between(parent, edges) {
  const found = new Map();
  for (const [a, b] of edges) {
    const one = Math.min(parent[a], parent[b]), other = Math.max(parent[a], parent[b]);
    if (one !== other) found.set(one * 4294967296 + other, [one, other]);
  }
  return [...found.values()];
}

// One step; no node moves further than `heat`, and none that is held (1 in `held`).
function forceStep(count, x, y, edges, degree, heat, held = null) {
  const fx = new Float64Array(count), fy = new Float64Array(count);
  if (count <= ALL_PAIRS) {
    for (let i = 1; i < count; i++) {
      for (let j = 0; j < i; j++) {
        const dx = x[i] - x[j], dy = y[i] - y[j], square = dx * dx + dy * dy;
        const force = 0.22 / (square > 0.05 ? square : 0.05);
        fx[i] += dx * force;
        fy[i] += dy * force;
        fx[j] -= dx * force;
        fy[j] -= dy * force;
      }
    }
  } else pushNear(count, x, y, fx, fy);
  for (const [a, b] of edges) {
    const dx = x[b] - x[a], dy = y[b] - y[a], length = Math.sqrt(dx * dx + dy * dy) || 1;
    const least = degree[a] < degree[b] ? degree[a] : degree[b];
    const pull = ((STRENGTH * (length - 1)) / length) * (2 / (least + 1));
    const share = degree[b] / (degree[a] + degree[b]);
    fx[a] += dx * pull * share;
    fy[a] += dy * pull * share;
    fx[b] -= dx * pull * (1 - share);
    fy[b] -= dy * pull * (1 - share);
  }
  const lone = count <= ALL_PAIRS ? LONE : GRAVITY;
  for (let i = 0; i < count; i++) {
    if (held?.[i]) continue;
    const gravity = degree[i] ? GRAVITY : lone;
    const dx = fx[i] - x[i] * gravity, dy = fy[i] - y[i] * gravity * FLATTEN, length = Math.sqrt(dx * dx + dy * dy);
    const scale = length > heat ? heat / length : 1;
    x[i] += dx * scale;
    y[i] += dy * scale;
  }
}

function pushNear(count, x, y, fx, fy) {
  const cells = new Map(), keyOf = (column, row) => (column + 32768) * 65536 + row + 32768;
  for (let i = 0; i < count; i++) {
    const column = Math.floor(x[i] / REACH), row = Math.floor(y[i] / REACH), key = keyOf(column, row);
    const cell = cells.get(key);
    if (cell) cell.nodes.push(i);
    else cells.set(key, { column, row, nodes: [i] });
  }
  const reach = REACH * REACH;
  for (const { column, row, nodes } of cells.values()) {
    const around = [];
    for (const [c, r] of [[column + 1, row], [column - 1, row + 1], [column, row + 1], [column + 1, row + 1]]) {
      const other = cells.get(keyOf(c, r));
      if (other) around.push(other.nodes);
    }
    for (let at = 0; at < nodes.length; at++) {
      const i = nodes[at], xi = x[i], yi = y[i];
      let gx = 0, gy = 0;
      const push = (j) => {
        const dx = xi - x[j], dy = yi - y[j], square = dx * dx + dy * dy;
        if (square >= reach) return;
        const force = 0.3 / (square > 0.05 ? square : 0.05) - 0.3 / reach, px = dx * force, py = dy * force;
        gx += px;
        gy += py;
        fx[j] -= px;
        fy[j] -= py;
      };
      for (let k = 0; k < at; k++) push(nodes[k]);
      for (const other of around) for (const j of other) push(j);
      fx[i] += gx;
      fy[i] += gy;
    }
  }
}

// The places of a whole network at once: see layout.py.
export function solve(count, edges) {
  const levels = [[count, edges]], parents = [];
  while (levels.at(-1)[0] > COARSEST) {
    const [parent, size] = merged(...levels.at(-1));
    if (size > 0.9 * levels.at(-1)[0]) break;
    parents.push(parent);
    levels.push([size, between(parent, levels.at(-1)[1])]);
  }
  const relax = (x, y, links, steps) => {
    const degree = new Float64Array(x.length);
    for (const [a, b] of links) {
      degree[a]++;
      degree[b]++;
    }
    for (let step = 0; step < steps; step++) forceStep(x.length, x, y, links, degree, 1 - step / steps);
  };
  let [size, links] = levels.at(-1);
  let x = Float64Array.from({ length: size }, (_, i) => 1.3 * (0.62 * Math.sqrt(i + 0.5)) * TURNS[i % 1024][0]);
  let y = Float64Array.from({ length: size }, (_, i) => 0.77 * (0.62 * Math.sqrt(i + 0.5)) * TURNS[i % 1024][1]);
  relax(x, y, links, stepsFor(size, levels.length === 1));
  for (let at = parents.length - 1; at >= 0; at--) {
    [size, links] = levels[at];
    const grow = Math.sqrt(size / x.length), parent = parents[at], [ox, oy] = [x, y];
    x = Float64Array.from({ length: size }, (_, i) => ox[parent[i]] * grow + 0.3 * TURNS[i % 1024][0]);
    y = Float64Array.from({ length: size }, (_, i) => oy[parent[i]] * grow + 0.3 * TURNS[i % 1024][1]);
    relax(x, y, links, stepsFor(size, at === 0));
  }
  return [x, y];
}

export class Layout {
  constructor() {
    this.count = 0;
    this.heat = 0;
    this.x = new Float64Array(64);
    this.y = new Float64Array(64);
    this.shown = new Uint8Array(64); // 0 for what is not drawn
    this.held = new Uint8Array(64); // 1 where the user put it
    this.edges = []; // [a, b], ...
    this.goals = null; // {x, y}: places to move to, instead of forces
    this.moved = 0; // grows with each movement
  }

  add() {
    const i = this.count++;
    if (i === this.x.length) {
      for (const name of ["x", "y", "shown", "held"]) {
        const grown = new this[name].constructor(2 * i);
        grown.set(this[name]);
        this[name] = grown;
      }
    }
    // At the rim of a sunflower's seeds, until it is known beside whom it belongs.
    const radius = 0.8 * Math.sqrt(i + 0.5);
    this.x[i] = 1.3 * radius * TURNS[i % 1024][0];
    this.y[i] = 0.77 * radius * TURNS[i % 1024][1];
    this.shown[i] = 1;
  }

  // A newcomer starts beside the first neighbour it has, not on the far side of the picture.
  settle(i, neighbour) {
    if (this.goals) return;
    this.x[i] = this.x[neighbour] + 0.7 * TURNS[i % 1024][0];
    this.y[i] = this.y[neighbour] + 0.7 * TURNS[i % 1024][1];
  }

  warm(heat) {
    this.heat = Math.max(this.heat, heat);
  }

  get rests() {
    return this.heat < COLDEST;
  }

  // Everything anew, as the static face has it. What the user put somewhere stays there.
  untangle() {
    const [places, edges] = this.#drawn();
    const [x, y] = solve(places.length, edges);
    places.forEach((i, at) => {
      if (this.held[i]) return;
      this.x[i] = x[at];
      this.y[i] = y[at];
    });
    this.heat = 0;
    this.moved++;
  }

  // What is drawn, as numbers without gaps.
  #drawn() {
    const places = [], at = new Int32Array(this.count).fill(-1);
    for (let i = 0; i < this.count; i++) if (this.shown[i]) at[i] = places.push(i) - 1;
    return [places, this.edges.filter(([a, b]) => at[a] >= 0 && at[b] >= 0).map(([a, b]) => [at[a], at[b]])];
  }

  // Move to these places (Float32Array x0, y0, x1, ...; null: by forces from here on), at once or gliding.
  aim(places, glide) {
    const before = this.goals;
    this.goals = places;
    this.held.fill(0);
    if (!places) {
      if (before) this.untangle();
      return;
    }
    if (!glide) this.#arrive(1);
    this.heat = 1;
  }

  #arrive(part) {
    let far = 0;
    for (let i = 0; i < this.count && 2 * i + 1 < this.goals.length; i++) {
      if (this.held[i]) continue;
      const dx = this.goals[2 * i] - this.x[i], dy = this.goals[2 * i + 1] - this.y[i];
      if (Number.isNaN(dx + dy)) continue; // Python does not know its place yet
      this.x[i] += dx * part;
      this.y[i] += dy * part;
      far = Math.max(far, Math.abs(dx), Math.abs(dy));
    }
    return far * (1 - part);
  }

  step() {
    this.moved++;
    if (this.goals) {
      this.heat = this.#arrive(0.2) > 0.01 ? 1 : 0;
      return;
    }
    const [places, edges] = this.#drawn(), count = places.length;
    const x = Float64Array.from(places, (i) => this.x[i]), y = Float64Array.from(places, (i) => this.y[i]);
    const held = Uint8Array.from(places, (i) => this.held[i]), degree = new Float64Array(count);
    for (const [a, b] of edges) {
      degree[a]++;
      degree[b]++;
    }
    forceStep(count, x, y, edges, degree, this.heat, held);
    places.forEach((i, at) => {
      this.x[i] = x[at];
      this.y[i] = y[at];
    });
    this.heat = this.heat * 0.95 - 0.0005;
  }
}
