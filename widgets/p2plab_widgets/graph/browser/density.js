// What is drawn depends on how much is in sight. Zooming in brings back what zooming out took away.

export const FEW = 0;
export const SOME = 1;
export const MANY = 2;
export const CLUSTERS = 3;
const UP_TO = [50, 300, 2000]; // nodes in sight

// The nodes in sight, how dense they are, and the size that a node has.
export function look(scene, camera) {
  const { x, y } = scene.layout, near = 30;
  const [left, top] = camera.placeAt(-near, -near), [right, bottom] = camera.placeAt(camera.width + near, camera.height + near);
  const sight = [];
  for (let i = 0; i < scene.nodes.length; i++) {
    if (x[i] < left || x[i] > right || y[i] < top || y[i] > bottom) continue;
    if (scene.isShown(scene.nodes[i]) && !scene.isFiltered(i)) sight.push(i);
  }
  const level = UP_TO.findIndex((most) => sight.length <= most);
  const room = Math.sqrt((camera.width * camera.height) / Math.max(sight.length, 1)); // pixels a node, if evenly spread
  return { sight, level: level < 0 ? CLUSTERS : level, radius: Math.min(13, Math.max(2.4, 0.105 * room)) };
}

// Clusters: the cells of a grid in the layout, whose size doubles, so that panning does not change them.
export function clustersOf(scene, camera, sight) {
  const size = 2 ** Math.ceil(Math.log2(60 / camera.scale)), { x, y } = scene.layout;
  const cells = new Map(), cellOf = new Map();
  for (const i of sight) {
    const key = Math.floor(x[i] / size) * 1048576 + Math.floor(y[i] / size);
    let cell = cells.get(key);
    if (!cell) cells.set(key, (cell = { nodes: [], x: 0, y: 0 }));
    cell.nodes.push(i);
    cell.x += x[i];
    cell.y += y[i];
    cellOf.set(i, cell);
  }
  const all = [...cells.values()];
  for (const cell of all) {
    cell.x /= cell.nodes.length;
    cell.y /= cell.nodes.length;
    cell.radius = Math.min(24, 6 + 2.1 * Math.sqrt(cell.nodes.length));
  }
  const links = new Map();
  for (const { a, b } of scene.edges.values()) {
    const one = cellOf.get(a), other = cellOf.get(b);
    if (!one || !other || one === other) continue;
    if (!links.has(one)) links.set(one, new Map());
    const from = links.get(one);
    if (links.get(other)?.has(one)) links.get(other).set(one, links.get(other).get(one) + 1);
    else from.set(other, (from.get(other) ?? 0) + 1);
  }
  const lines = [];
  for (const [one, others] of links) for (const [other, count] of others) lines.push({ one, other, count });
  lines.sort((a, b) => b.count - a.count);
  return { cells: all, lines: lines.slice(0, 600) };
}
