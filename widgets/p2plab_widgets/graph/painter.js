// Draws a scene. Two layers: the edges, redrawn only when the structure or the camera moves, and all the rest.

const MOST_STRETCH = 1.7;

const ease = (t) => 1 - (1 - Math.min(Math.max(t, 0), 1)) ** 3;

// The theme's colours and font, as CSS gives them at this moment (graph.css defines the variables).
function readTheme(element) {
  const style = getComputedStyle(element);
  const value = (name) => style.getPropertyValue(`--p2plab-${name}`).trim();
  return {
    paper: value("paper"),
    ink: value("ink"),
    muted: value("muted"),
    line: value("line"),
    born: value("born"),
    died: value("died"),
    mesh: value("mesh"),
    font: style.fontFamily,
  };
}

class Painter {
  constructor(scene) {
    this.scene = scene;
    this.camera = { x: 0, y: 0, scale: 1, stretch: 1 };
    this.width = this.height = 1;
    this.ratio = 1;
    this.inset = 0; // pixels at the right that something lies over
  }

  radius() {
    const count = this.scene.nodes.length;
    const size = count <= 14 ? 12 : count <= 40 ? 9.5 : count <= 120 ? 7 : count <= 400 ? 4.6 : count <= 1200 ? 3.2 : 2;
    return size * Math.min(2, Math.max(0.8, Math.sqrt(this.camera.scale)));
  }

  screenX(i) {
    return (this.scene.layout.x[i] - this.camera.x) * this.camera.scale * this.camera.stretch + this.width / 2;
  }

  screenY(i) {
    return (this.scene.layout.y[i] - this.camera.y) * this.camera.scale + this.height / 2;
  }

  // The place in the scene that lies under a place of the canvas.
  scenePlace(px, py) {
    const { x, y, scale, stretch } = this.camera;
    return [x + (px - this.width / 2) / (scale * stretch), y + (py - this.height / 2) / scale];
  }

  // The node at this place of the canvas, or -1. Small nodes can be hit from a few pixels beside them.
  nodeAt(px, py) {
    let best = -1, closest = Math.max(this.radius() + 5, 10) ** 2;
    this.scene.nodes.forEach((node, i) => {
      if (!this.scene.isShown(node)) return;
      const distance = (this.screenX(i) - px) ** 2 + (this.screenY(i) - py) ** 2;
      if (distance < closest) [best, closest] = [i, distance];
    });
    return best;
  }

  // The camera that shows everything, with room for names. A picture is wider than high: distances along it may be
  // stretched to fill it.
  fit() {
    const { nodes, layout } = this.scene;
    let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
    nodes.forEach((node, i) => {
      if (!this.scene.isShown(node)) return;
      left = Math.min(left, layout.x[i]);
      right = Math.max(right, layout.x[i]);
      top = Math.min(top, layout.y[i]);
      bottom = Math.max(bottom, layout.y[i]);
    });
    if (left > right) return { x: 0, y: 0, scale: 1, stretch: 1 };
    const room = nodes.length > 400 ? 28 : 48;
    const across = (this.width - this.inset - 2 * room) / Math.max(right - left, 1);
    const down = (this.height - 2 * room - 26) / Math.max(bottom - top, 1);
    const scale = Math.max(Math.min(across, down, 1.9), 0.02);
    const stretch = Math.min(Math.max(across / scale, 1), MOST_STRETCH);
    return { x: (left + right) / 2 + this.inset / (2 * scale * stretch), y: (top + bottom) / 2 + 11 / scale, scale, stretch };
  }

  #begin(pen) {
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
  }

  drawEdges(pen, theme, now, topic) {
    this.#begin(pen);
    const count = this.scene.edges.size;
    pen.strokeStyle = theme.line;
    pen.globalAlpha = count <= 400 ? 1 : Math.max(0.06, 0.7 * Math.sqrt(400 / count) ** 1.5);
    pen.lineWidth = count <= 150 ? 1.6 : count <= 600 ? 1.1 : 0.7;
    pen.beginPath();
    let strokes = 0;
    for (const edge of this.scene.edges.values()) {
      if (now - edge.born < APPEAR) continue;
      pen.moveTo(this.screenX(edge.a), this.screenY(edge.a));
      pen.lineTo(this.screenX(edge.b), this.screenY(edge.b));
      // One path of many thousand lines is far slower to fill in than many short ones.
      if (++strokes % 256 === 0) {
        pen.stroke();
        pen.beginPath();
      }
    }
    pen.stroke();
    this.#mesh(pen, theme, topic);
    pen.globalAlpha = 1;
  }

  // The chosen topic's mesh; fainter where only one of the two sides has the other in it.
  #mesh(pen, theme, topic) {
    const links = [...(this.scene.meshes.get(topic)?.values() ?? [])];
    pen.strokeStyle = theme.mesh;
    pen.lineWidth = links.length <= 150 ? 2.6 : links.length <= 1000 ? 1.6 : 0.8;
    for (const sides of [1, 2]) {
      pen.globalAlpha = (links.length <= 1000 ? 0.65 : 0.35) * (sides === 2 ? 1 : 0.4);
      const these = links.filter((link) => link.sides === sides);
      for (let at = 0; at < these.length; at += 256) {
        pen.beginPath();
        for (const { a, b } of these.slice(at, at + 256)) {
          pen.moveTo(this.screenX(a), this.screenY(a));
          pen.lineTo(this.screenX(b), this.screenY(b));
        }
        pen.stroke();
      }
    }
  }

  draw(pen, theme, now, { topic, selected, hovered }) {
    this.#begin(pen);
    this.#changingEdges(pen, theme, now);
    if (selected >= 0) this.#edgesOf(selected, pen);
    this.#copies(pen, theme, now, topic);
    this.#nodes(pen, theme, now, topic, selected, hovered);
    this.#names(pen, theme, topic, selected, hovered);
  }

  #changingEdges(pen, theme, now) {
    pen.lineCap = "round";
    for (const { a, b, born } of this.scene.edges.values()) {
      const age = (now - born) / APPEAR;
      if (age >= 1) continue;
      const x = this.screenX(a), y = this.screenY(a), part = ease(age * 1.5);
      pen.strokeStyle = theme.born;
      pen.globalAlpha = 1 - 0.5 * age;
      pen.lineWidth = 2.6 - age;
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(x + (this.screenX(b) - x) * part, y + (this.screenY(b) - y) * part);
      pen.stroke();
    }
    pen.setLineDash([5, 5]);
    for (const { a, b, died } of this.scene.dying) {
      pen.strokeStyle = theme.died;
      pen.globalAlpha = Math.max(0, 1 - (now - died) / VANISH);
      pen.lineWidth = 2;
      pen.beginPath();
      pen.moveTo(this.screenX(a), this.screenY(a));
      pen.lineTo(this.screenX(b), this.screenY(b));
      pen.stroke();
    }
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }

  #edgesOf(selected, pen) {
    pen.strokeStyle = this.scene.nodes[selected].colour;
    pen.globalAlpha = 0.75;
    pen.lineWidth = 2.2;
    pen.beginPath();
    for (const { a, b } of this.scene.edges.values()) {
      if (a !== selected && b !== selected) continue;
      pen.moveTo(this.screenX(a), this.screenY(a));
      pen.lineTo(this.screenX(b), this.screenY(b));
    }
    pen.stroke();
    pen.globalAlpha = 1;
  }

  // A first copy is a bright comet in its publisher's colour, a duplicate a small grey ring, a rejected one red.
  #copies(pen, theme, now, topic) {
    const crowd = this.scene.copies.length > 500;
    const size = Math.max(2, Math.min(5, this.radius() * 0.45));
    for (const copy of this.scene.copies) {
      if (now < copy.start) continue;
      const done = (now - copy.start) / (copy.end - copy.start);
      const ax = this.screenX(copy.a), ay = this.screenY(copy.a);
      const dx = this.screenX(copy.b) - ax, dy = this.screenY(copy.b) - ay;
      const x = ax + dx * done, y = ay + dy * done;
      const other = topic && copy.topic !== topic;
      if (copy.look === DUPLICATE) {
        pen.globalAlpha = other ? 0.15 : 0.7 * (1 - done * 0.5);
        pen.strokeStyle = theme.muted;
        pen.lineWidth = 1.3;
        pen.beginPath();
        pen.arc(x, y, size * 0.75, 0, 2 * Math.PI);
        pen.stroke();
        continue;
      }
      const colour = copy.look === REJECTED ? theme.died : copy.colour ?? theme.born;
      pen.globalAlpha = other ? 0.15 : 1;
      if (!crowd) {
        const tail = Math.min(done, 0.32), tx = x - dx * tail, ty = y - dy * tail;
        const fade = pen.createLinearGradient(tx, ty, x, y);
        fade.addColorStop(0, colour + "00");
        fade.addColorStop(1, colour);
        pen.strokeStyle = fade;
        pen.lineWidth = size * 1.15;
        pen.beginPath();
        pen.moveTo(tx, ty);
        pen.lineTo(x, y);
        pen.stroke();
      }
      pen.fillStyle = colour;
      pen.beginPath();
      pen.arc(x, y, size, 0, 2 * Math.PI);
      pen.fill();
      if (!crowd) {
        pen.fillStyle = theme.paper;
        pen.beginPath();
        pen.arc(x, y, size * 0.4, 0, 2 * Math.PI);
        pen.fill();
      }
    }
    pen.globalAlpha = 1;
  }

  #nodes(pen, theme, now, topic, selected, hovered) {
    const full = this.radius();
    this.scene.nodes.forEach((node, i) => {
      if (!this.scene.isShown(node)) return;
      const x = this.screenX(i), y = this.screenY(i);
      if (x < -40 || y < -40 || x > this.width + 40 || y > this.height + 40) return;
      const radius = full * (0.3 + 0.7 * ease((now - node.born) / APPEAR)) * (i === hovered ? 1.15 : 1);
      const subscribes = topic && node.topics.has(topic);
      const flash = (now - node.flash) / FLASH;
      if (flash >= 0 && flash < 1) {
        pen.strokeStyle = node.glow ?? theme.died;
        pen.globalAlpha = (1 - flash) * (1 - flash);
        pen.lineWidth = Math.max(1.5, full * 0.28);
        this.#circle(pen, x, y, radius + 2 + full * 1.3 * ease(flash));
        pen.stroke();
      }
      pen.globalAlpha = 1;
      if (subscribes) {
        pen.fillStyle = node.colour + "38";
        this.#circle(pen, x, y, radius + Math.max(3, full * 0.6));
        pen.fill();
        pen.strokeStyle = node.colour;
        pen.lineWidth = Math.max(1.2, full * 0.16);
        pen.stroke();
      }
      // Edges end a little before the node: a ring of the paper's colour lies between, where there is room for it.
      if (full > 3) {
        pen.fillStyle = theme.paper;
        this.#circle(pen, x, y, radius + Math.min(2, full * 0.25));
        pen.fill();
      }
      const runs = node.look !== GONE, ours = runs && node.look !== OUTSIDE && node.look !== ATTACHED;
      pen.globalAlpha = topic && !subscribes ? 0.32 : 1;
      this.#circle(pen, x, y, radius - (ours ? 0 : 1));
      if (ours) {
        pen.fillStyle = node.colour;
        pen.fill();
      } else {
        pen.strokeStyle = runs ? node.colour : theme.muted;
        pen.lineWidth = runs ? 2.5 : 1.5;
        if (!runs) pen.setLineDash([3, 3]);
        pen.stroke();
        pen.setLineDash([]);
      }
      pen.globalAlpha = 1;
      if (i === selected) {
        pen.strokeStyle = theme.ink;
        pen.lineWidth = 2;
        this.#circle(pen, x, y, radius + 3.5);
        pen.stroke();
      }
    });
  }

  #circle(pen, x, y, radius) {
    pen.beginPath();
    pen.arc(x, y, Math.max(radius, 0.5), 0, 2 * Math.PI);
  }

  #names(pen, theme, topic, selected, hovered) {
    const { nodes } = this.scene;
    const all = nodes.length <= 50 || (this.camera.scale > 1.4 && nodes.length <= 1500);
    const size = nodes.length <= 24 ? 12.5 : 11;
    pen.textAlign = "center";
    pen.textBaseline = "top";
    pen.lineJoin = "round";
    pen.strokeStyle = theme.paper;
    nodes.forEach((node, i) => {
      const marked = i === selected || i === hovered;
      if (!(all || marked) || !this.scene.isShown(node)) return;
      const x = this.screenX(i), y = this.screenY(i);
      if (x < -60 || y < -30 || x > this.width + 60 || y > this.height + 10) return;
      const faint = (topic && !node.topics.has(topic)) || node.look === GONE;
      const below = y + this.radius() + (topic && !faint ? this.radius() * 0.6 + 5 : 5);
      const name = node.name.length > 24 && !marked ? node.name.slice(0, 10) + "…" + node.name.slice(-6) : node.name;
      pen.font = `${marked ? 600 : 500} ${size}px ${theme.font}`;
      pen.globalAlpha = faint && !marked ? 0.55 : 1;
      pen.lineWidth = 3.5;
      pen.strokeText(name, x, below);
      pen.fillStyle = theme.ink;
      pen.fillText(name, x, below);
    });
    pen.globalAlpha = 1;
  }
}
