// Draws a space-time diagram: time from left to right, a line for each node.

export const SUBJECTS = ["messages", "mesh", "connections", "streams", "dht", "faults", "lab", "reachability"];
const LIGHT = ["#0072b2", "#9a6700", "#5b6673", "#6a5acd", "#007a5a", "#c8402e", "#6f747c", "#a0327e"];
const DARK = ["#56b4e9", "#e0a53c", "#aab4bf", "#b3a7ff", "#3fcf9f", "#ff7b69", "#8d96a0", "#ff9ddf"];
const SMALLEST = 9; // pixels from line to line
const MOST_ARROWS = 4000;

export class Diagram {
  constructor() {
    this.width = this.height = 1;
    this.ratio = 1;
    this.left = 96;
    this.top = 24;
    this.step = 20;
    this.theme = null;
  }

  get colours() {
    return this.theme?.dark ? DARK : LIGHT;
  }

  get wide() {
    return Math.max(this.width - this.left - 10, 10);
  }

  get linesInSight() {
    return Math.max(1, Math.floor((this.height - this.top - 6) / this.step));
  }

  shareAt(x) {
    return Math.min(Math.max((x - this.left) / this.wide, 0), 1);
  }

  momentAt(x) {
    return this.sight.start + this.shareAt(x) * (this.sight.end - this.sight.start);
  }

  lineAt(y) {
    return Math.floor((y - this.top) / this.step + this.sight.top);
  }

  x(t) {
    return this.left + ((t - this.sight.start) / (this.sight.end - this.sight.start)) * this.wide;
  }

  y(line) {
    return this.top + (line - this.sight.top + 0.5) * this.step;
  }

  draw(pen, content, sight, time, selection) {
    const { theme, width, height } = this;
    this.content = content;
    this.sight = sight;
    const room = height - this.top - 6, scale = theme.size / 13;
    this.step = Math.max(SMALLEST, Math.min(48, room / Math.max(content.total, 1)));
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.lineCap = "round";
    this.#measure(pen, scale);
    this.#axis(pen, scale);
    this.#lines(pen, scale, selection);
    pen.save();
    pen.beginPath();
    pen.rect(this.left, this.top - 2, this.wide + 10, height);
    pen.clip();
    if (content.density) this.#density(pen);
    else this.#events(pen, content.events, content.bars, content.lit ? 0.3 : 1);
    if (content.lit?.events) this.#lit(pen, content.lit);
    pen.restore();
    if (time !== null && time >= sight.start && time <= sight.end) {
      pen.strokeStyle = theme.ink;
      pen.lineWidth = 1.5;
      const x = this.x(time);
      pen.beginPath();
      pen.moveTo(x, this.top - 6);
      pen.lineTo(x, height);
      pen.stroke();
    }
  }

  #measure(pen, scale) {
    pen.font = `${11 * scale}px ${this.theme.font}`;
    let most = 40;
    for (const [label, , key] of this.content.lines) most = Math.max(most, pen.measureText(this.#named(label, key)).width);
    this.left = Math.min(Math.ceil(most) + 16, 150 * scale);
  }

  // A name, after the sign of a relay or of a node behind a box.
  #named(label, key) {
    const sign = this.content.signs?.[key];
    return sign ? `${sign} ${short(label)}` : short(label);
  }

  #axis(pen, scale) {
    const { theme, sight, width, height } = this;
    pen.font = `${11 * scale}px ${theme.font}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    const raw = (sight.end - sight.start) / Math.max(2, this.wide / 110), power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((by) => by * power).find((each) => each >= raw);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    for (let n = Math.ceil(sight.start / step); n * step <= sight.end; n++) {
      const x = this.x(n * step);
      pen.strokeStyle = theme.border;
      pen.globalAlpha = 0.7;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x, this.top);
      pen.lineTo(x, height);
      pen.stroke();
      pen.globalAlpha = 1;
      pen.fillStyle = theme.muted;
      const text = `${(n * step).toFixed(digits)} s`, half = pen.measureText(text).width / 2;
      if (x + half < width) pen.fillText(text, Math.max(x, half + 2), 11);
    }
  }

  #lines(pen, scale, selection) {
    const { theme, content } = this;
    pen.font = `${Math.min(11, this.step + 1) * scale}px ${theme.font}`;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    const every = Math.max(1, Math.ceil((12 * scale) / this.step));
    content.lines.forEach(([label, , key], at) => {
      const line = at + content.top, y = this.y(line);
      if (y < this.top || y > this.height + this.step) return;
      const chosen = selection?.kind === "node" && selection.id === key;
      pen.strokeStyle = chosen ? theme.ink : theme.line;
      pen.lineWidth = chosen ? 1.6 : 0.7;
      pen.beginPath();
      pen.moveTo(this.left, y);
      pen.lineTo(this.width - 10, y);
      pen.stroke();
      if (line % every === 0 || chosen) {
        pen.fillStyle = theme.ink;
        pen.fillText(this.#named(label, key), this.left - 8, y);
      }
    });
  }

  // Where events cannot be told from each other: how many there are, darker (in the dark: lighter) for more.
  #density(pen) {
    const { content, step } = this, { bins, rows, subjects, most } = content.density, [start, end] = content.window;
    const width = ((end - start) / bins / (this.sight.end - this.sight.start)) * this.wide;
    rows.forEach((row, at) => {
      const y = this.top + (at + content.top - this.sight.top) * step;
      row.forEach((count, bin) => {
        if (!count) return;
        pen.fillStyle = this.colours[subjects[at][bin]];
        pen.globalAlpha = 0.16 + (0.84 * Math.log1p(count)) / Math.log1p(most);
        pen.fillRect(this.x(start + ((end - start) * bin) / bins), y + 0.12 * step, Math.max(width, 1) + 0.3, 0.76 * step);
      });
    });
    pen.globalAlpha = 1;
  }

  #events(pen, events, bars, strength) {
    const high = Math.min(8, 0.5 * this.step);
    for (const [line, begun, ended, subject] of bars) {
      pen.fillStyle = this.colours[subject];
      pen.globalAlpha = 0.3 * strength;
      const x = Math.max(this.x(begun), this.left);
      pen.fillRect(x, this.y(line) - high / 2, Math.max(this.x(ended) - x, 1), high);
    }
    const count = events.t.length, many = events.from.filter((line) => line >= 0).length;
    pen.lineWidth = many > 600 ? 0.7 : 1.2;
    pen.globalAlpha = (many > 1500 ? 0.35 : many > 300 ? 0.55 : 0.8) * strength;
    for (let subject = 0; subject < SUBJECTS.length; subject++) {
      pen.strokeStyle = this.colours[subject];
      pen.beginPath();
      for (let at = 0, drawn = 0; at < count && drawn < MOST_ARROWS; at++) {
        if (events.subject[at] !== subject || events.from[at] < 0) continue;
        this.#arrow(pen, events, at, many < 600);
        drawn++;
      }
      pen.stroke();
    }
    pen.globalAlpha = strength;
    for (let at = 0; at < count; at++) this.#mark(pen, events, at);
    pen.globalAlpha = 1;
  }

  #arrow(pen, events, at, headed) {
    const x1 = this.x(events.from_t[at]), y1 = this.y(events.from[at]), x2 = this.x(events.t[at]), y2 = this.y(events.line[at]);
    pen.moveTo(x1, y1);
    pen.lineTo(x2, y2);
    const length = Math.hypot(x2 - x1, y2 - y1);
    if (!headed || length < 12) return;
    const dx = (x2 - x1) / length, dy = (y2 - y1) / length;
    pen.moveTo(x2 - 6 * dx + 3 * dy, y2 - 6 * dy - 3 * dx);
    pen.lineTo(x2, y2);
    pen.lineTo(x2 - 6 * dx - 3 * dy, y2 - 6 * dy + 3 * dx);
  }

  // A shape for each subject: colour alone would say nothing to some.
  #mark(pen, events, at, grown = 0) {
    const x = this.x(events.t[at]), y = this.y(events.line[at]), subject = events.subject[at];
    const size = Math.min(3.6, 0.32 * this.step) + grown, kind = events.kinds[events.kind[at]];
    pen.fillStyle = pen.strokeStyle = this.colours[subject];
    pen.lineWidth = 1.4;
    pen.beginPath();
    if (kind === "pubsub.publish") pen.rect(x - size - 1, y - size - 1, 2 * size + 2, 2 * size + 2);
    else if (subject === 0) pen.arc(x, y, size, 0, 2 * Math.PI);
    else if (subject === 1) shape(pen, x, y, [[0, -size - 1], [size + 1, 0], [0, size + 1], [-size - 1, 0]]);
    else if (subject === 2) pen.rect(x - size, y - size, 2 * size, 2 * size);
    else if (subject === 4) shape(pen, x, y, [[0, -size - 1], [size + 1, size], [-size - 1, size]]);
    else if (subject === 5) {
      pen.moveTo(x - size - 1, y - size - 1);
      pen.lineTo(x + size + 1, y + size + 1);
      pen.moveTo(x + size + 1, y - size - 1);
      pen.lineTo(x - size - 1, y + size + 1);
    } else if (subject === 6) pen.rect(x - 1, y - size - 1, 2, 2 * size + 2);
    else if (subject === 7) shape(pen, x, y, [[0, -size - 2], [size + 1, -1], [size + 1, size + 1], [-size - 1, size + 1], [-size - 1, -1]]);
    else pen.arc(x, y, size, 0, 2 * Math.PI);
    if (subject === 3 || kind === "pubsub.duplicate") {
      pen.fillStyle = this.theme.paper;
      pen.fill();
      pen.stroke();
    } else if (subject === 5) pen.stroke();
    else pen.fill();
  }

  // The selected event, what caused it (solid) and what came of it (dashed).
  #lit(pen, { seq, causes, events }) {
    const before = new Set(causes);
    pen.lineWidth = 2.2;
    for (let at = 0; at < events.t.length; at++) {
      pen.strokeStyle = this.colours[events.subject[at]];
      if (events.from[at] < 0) continue;
      pen.setLineDash(before.has(events.seq[at]) || events.seq[at] === seq ? [] : [5, 3]);
      pen.beginPath();
      this.#arrow(pen, events, at, true);
      pen.stroke();
    }
    pen.setLineDash([]);
    for (let at = 0; at < events.t.length; at++) {
      this.#mark(pen, events, at, 1);
      if (events.seq[at] !== seq) continue;
      pen.strokeStyle = this.theme.ink;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(this.x(events.t[at]), this.y(events.line[at]), 8, 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  // The event at a place: its mark, or its arrow.
  eventAt(x, y) {
    const events = this.content?.events;
    if (!events || x < this.left) return null;
    let best = -1, closest = 7;
    for (let at = 0; at < events.t.length; at++) {
      const px = this.x(events.t[at]), py = this.y(events.line[at]);
      let distance = Math.hypot(px - x, py - y);
      if (events.from[at] >= 0) {
        const ax = this.x(events.from_t[at]), ay = this.y(events.from[at]), dx = px - ax, dy = py - ay;
        const part = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
        distance = Math.min(distance, Math.hypot(ax + dx * part - x, ay + dy * part - y) + 2.5);
      }
      if (distance < closest) [best, closest] = [at, distance];
    }
    return best < 0 ? null : { seq: events.seq[best], t: events.t[best], text: events.texts[events.words[best]] };
  }
}

function shape(pen, x, y, points) {
  points.forEach(([dx, dy], at) => (at ? pen.lineTo(x + dx, y + dy) : pen.moveTo(x + dx, y + dy)));
  pen.closePath();
}

const short = (label) => (label.length > 18 ? `${label.slice(0, 9)}…${label.slice(-7)}` : label);
