// From the layout's places to pixels and back. A picture is seldom as wide as it is high, so one of the two directions
// may be stretched to fill it.

const MOST_STRETCH = 2.1;
const MARGIN = 0.05; // of the shorter side: the network fills the rest

export class Camera {
  constructor(layout) {
    this.layout = layout;
    this.x = this.y = 0;
    this.scale = 40; // pixels a unit
    this.across = this.down = 1; // stretched by
    this.width = this.height = 1;
    this.inset = 0; // pixels at the right that something lies over
    this.before = 0; // the same at the left
    this.corner = [0, 0]; // width and height of what lies over the corner at the right below
  }

  screenX(i) {
    return (this.layout.x[i] - this.x) * this.scale * this.across + this.width / 2;
  }

  screenY(i) {
    return (this.layout.y[i] - this.y) * this.scale * this.down + this.height / 2;
  }

  // The place in the layout that lies under a place of the canvas.
  placeAt(px, py) {
    return [
      this.x + (px - this.width / 2) / (this.scale * this.across),
      this.y + (py - this.height / 2) / (this.scale * this.down),
    ];
  }

  get state() {
    return [this.x, this.y, this.scale, this.across, this.down];
  }

  // The state that shows these nodes, or null where there are none. `room`: pixels around them for the nodes' own size.
  // Where a node would come to lie in the corner, all of them stand above it.
  fitting(nodes, room) {
    const state = this.#fitting(nodes, room, 0), [wide, high] = this.corner;
    if (!state || 2 * high > this.height) return state;
    const [x, y, scale, across, down] = state;
    const covered = nodes.some((i) =>
      (this.layout.x[i] - x) * scale * across + this.width / 2 + room > this.width - wide &&
      (this.layout.y[i] - y) * scale * down + this.height / 2 + room > this.height - high);
    return covered ? this.#fitting(nodes, room, high) : state;
  }

  #fitting(nodes, room, below) {
    const { x, y } = this.layout;
    let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
    for (const i of nodes) {
      if (x[i] < left) left = x[i];
      if (x[i] > right) right = x[i];
      if (y[i] < top) top = y[i];
      if (y[i] > bottom) bottom = y[i];
    }
    if (left > right) return null;
    const edge = MARGIN * Math.min(this.width, this.height) + room;
    const wide = Math.max(this.width - this.inset - this.before - 2 * edge, 20), high = Math.max(this.height - below - 2 * edge, 20);
    const scales = [wide / Math.max(right - left, 1e-9), high / Math.max(bottom - top, 1e-9)];
    const scale = Math.min(...scales, 240);
    const [across, down] = scales.map((each) => Math.min(Math.max(each / scale, 1), MOST_STRETCH));
    return [(left + right) / 2 + (this.inset - this.before) / (2 * scale * across), (top + bottom) / 2 + below / (2 * scale * down), scale, across, down];
  }

  // A part of the way to a state; whether there is more to go.
  glide(state, part) {
    const [x, y, scale, across, down] = state;
    const near = Math.abs(scale / this.scale - 1) < 0.002 && Math.abs(across - this.across) < 0.002 &&
      Math.abs(down - this.down) < 0.002 && Math.hypot(x - this.x, y - this.y) * this.scale < 0.3;
    if (near && part < 1) return false;
    this.x += (x - this.x) * part;
    this.y += (y - this.y) * part;
    this.scale *= (scale / this.scale) ** part;
    this.across += (across - this.across) * part;
    this.down += (down - this.down) * part;
    return part < 1;
  }

  // What lies under (px, py) stays there.
  zoom(factor, px, py) {
    const [x, y] = this.placeAt(px, py);
    this.scale = Math.min(4000, Math.max(0.5, this.scale * factor));
    const [movedX, movedY] = this.placeAt(px, py);
    this.x += x - movedX;
    this.y += y - movedY;
  }

  drag(fromX, fromY, toX, toY, start) {
    this.x = start[0] - (toX - fromX) / (this.scale * this.across);
    this.y = start[1] - (toY - fromY) / (this.scale * this.down);
  }
}
