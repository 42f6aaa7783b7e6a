// What the pointer and the keyboard do. The wheel belongs to the page, keys belong to the notebook, unless asked.

import { FEW } from "./density.js";

const GRAB = 4; // pixels that a press must move to be a drag
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TRAITS = ["details", "topic", "message", "colour", "layout_kind", "layers"];

export function listen(view) {
  const { model, parts, scene } = view, { signal } = view.ending;
  const on = (target, kind, action, options = {}) => target.addEventListener(kind, action, { signal, ...options });
  for (const name of TRAITS) {
    const listener = () => view.text();
    model.on(`change:${name}`, listener);
    signal.addEventListener("abort", () => model.off(`change:${name}`, listener));
  }
  for (const [part, trait] of [["topic", "topic"], ["message", "message"], ["colour", "colour"], ["layout", "layout_kind"]]) {
    on(parts[part], "change", () => view.choose(trait, parts[part].value));
  }
  for (const [key, box] of Object.entries(parts.layers)) {
    on(box, "change", () => view.showLayer(key, box.checked));
  }
  const { buttons, canvas, stage, root } = parts;
  on(buttons.in, "click", () => zoom(view, 1.4));
  on(buttons.out, "click", () => zoom(view, 1 / 1.4));
  on(buttons.fit, "click", () => fitAll(view));
  on(buttons.focus, "click", () => focusSelection(view));
  on(buttons.list, "click", () => view.list.toggle());
  on(buttons.save, "click", () => savePicture(view));
  on(buttons.large, "click", () => view.choose("large", !model.get("large")));
  on(canvas, "wheel", (event) => wheel(view, event), { passive: false });
  on(canvas, "pointerdown", (event) => press(view, event));
  on(canvas, "pointermove", (event) => move(view, event));
  on(canvas, "pointerup", (event) => release(view, event));
  on(canvas, "pointercancel", () => (view.press = null));
  on(canvas, "pointerleave", () => hover(view, -1));
  on(canvas, "dblclick", (event) => zoom(view, event.shiftKey ? 1 / 2 : 2, ...spot(view, event)));
  // JupyterLab takes keys before any element sees them (on the document, while they are captured), so those that are
  // meant for the picture are taken on the window. All others go on: Shift+Enter runs the cell.
  on(window, "keydown", (event) => {
    if (root.contains(event.target) && key(view, event)) {
      event.stopPropagation();
      event.preventDefault();
    }
  }, { capture: true });
  view.onScene = () => view.follow();
  scene.views.add(view);
  signal.addEventListener("abort", () => scene.views.delete(view));
}

// Whether the key was meant for the picture; the moments of the cursor have keys of their own, in the frame.
function key(view, event) {
  const { parts, list } = view, { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key === "Escape") return escape(view, event);
  if (["ArrowDown", "ArrowUp"].includes(event.key) && [list.rows, list.search].includes(target)) {
    list.move(event.key === "ArrowDown" ? 1 : -1);
    return true;
  }
  if (target === list.search && event.key === "Enter" && !event.shiftKey) {
    list.move(1);
    return true;
  }
  if (target !== parts.canvas) return false;
  if (event.key in ARROWS && event.shiftKey) step(view, ...ARROWS[event.key]);
  else if (event.key === "ArrowUp" || event.key === "ArrowDown") list.move(event.key === "ArrowDown" ? 1 : -1);
  else if (event.key === "0") fitAll(view);
  else if (event.key === "+" || event.key === "=") zoom(view, 1.4);
  else if (event.key === "-") zoom(view, 1 / 1.4);
  else if (event.key === "f") focusSelection(view);
  else if (event.key === "/") list.toggle(true);
  // Letters are shortcuts of the notebook ("dd" deletes the cell): none gets there from the picture.
  else return event.key.length === 1 && event.key !== " ";
  return true;
}

// First what is open is closed; then the keyboard goes back to the page, which the frame sees to.
function escape(view, { target }) {
  const { parts } = view;
  if (parts.layersMenu.open) {
    parts.layersMenu.open = false;
    parts.layersMenu.querySelector("summary").focus();
  } else if (!parts.list.hidden && parts.list.contains(target)) {
    view.list.toggle(false);
    parts.buttons.list.focus();
  } else if (target === parts.canvas && (view.selectedIndex() >= 0 || view.selectedEdge())) view.selectNode(-1);
  else return false;
  return true;
}

// To the nearest node in a direction, from the selected one; without one, to the node in the middle.
function step(view, dx, dy) {
  const { camera, scene } = view, { sight } = view.painter.look, from = view.selectedIndex();
  const x0 = from < 0 ? camera.width / 2 : camera.screenX(from), y0 = from < 0 ? camera.height / 2 : camera.screenY(from);
  let best = -1, closest = Infinity;
  for (const i of sight) {
    if (i === from) continue;
    const x = camera.screenX(i) - x0, y = camera.screenY(i) - y0;
    const along = x * dx + y * dy, aside = Math.abs(x * dy) + Math.abs(y * dx);
    if (from >= 0 && along < 1) continue;
    const distance = from < 0 ? Math.hypot(x, y) : along + 2.2 * aside;
    if (distance < closest) [best, closest] = [i, distance];
  }
  if (best >= 0) view.selectNode(best);
  else if (from < 0 && scene.nodes.length) view.list.move(1);
}

function fitAll(view) {
  view.follows = true;
  view.redraw();
}

function focusSelection(view) {
  const index = view.selectedIndex();
  if (index < 0) return;
  const near = [index];
  for (const { a, b } of view.scene.edges.values()) if (a === index || b === index) near.push(a === index ? b : a);
  view.focus(near);
}

function spot(view, event) {
  const box = view.parts.canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function hover(view, index) {
  view.parts.canvas.title = index >= 0 && view.painter.look.level > FEW ? view.scene.nodes[index].name : "";
  if (index === view.hovered) return;
  view.hovered = index;
  view.parts.canvas.style.cursor = index >= 0 ? "pointer" : "";
  view.wake();
}

function press(view, event) {
  const [x, y] = spot(view, event);
  view.press = { x, y, node: view.painter.nodeAt(x, y), camera: [view.camera.x, view.camera.y], drags: false };
  view.parts.canvas.setPointerCapture(event.pointerId);
}

function move(view, event) {
  const [x, y] = spot(view, event), { press, painter, scene, camera } = view;
  if (!press) return hover(view, painter.nodeAt(x, y));
  if (!press.drags && Math.hypot(x - press.x, y - press.y) < GRAB) return;
  press.drags = true;
  view.follows = false;
  view.goal = null;
  if (press.node >= 0) {
    scene.layout.held[press.node] = 1;
    [scene.layout.x[press.node], scene.layout.y[press.node]] = camera.placeAt(x, y);
    scene.layout.warm(0.2);
    for (const each of scene.views) each.wake();
  } else camera.drag(press.x, press.y, x, y, press.camera);
  view.redraw();
}

function release(view, event) {
  const { press, painter } = view, [x, y] = spot(view, event);
  view.press = null;
  if (!press || press.drags) return;
  const cluster = painter.clusterAt(x, y);
  if (cluster && cluster.nodes.length > 1) view.focus(cluster.nodes);
  else if (cluster) view.selectNode(cluster.nodes[0]);
  else if (press.node >= 0) view.selectNode(press.node);
  else {
    const edge = painter.edgeAt(x, y);
    if (edge) view.selectEdge(edge);
    else view.selectNode(-1);
  }
}

// The wheel scrolls the page; with Ctrl (or two fingers that pinch), or in full screen, it zooms.
function wheel(view, event) {
  if (!event.ctrlKey && !event.metaKey && !document.fullscreenElement) {
    if (document.activeElement === view.parts.canvas) tell(view);
    return;
  }
  event.preventDefault();
  zoom(view, Math.exp(-event.deltaY * (event.ctrlKey && Math.abs(event.deltaY) < 50 ? 0.01 : 0.0018)), ...spot(view, event));
}

function tell(view) {
  view.parts.hint.hidden = false;
  clearTimeout(view.telling);
  view.telling = setTimeout(() => (view.parts.hint.hidden = true), 1800);
}

function zoom(view, factor, px = (view.camera.width - view.camera.inset) / 2, py = view.camera.height / 2) {
  view.camera.zoom(factor, px, py);
  view.follows = false;
  view.goal = null;
  view.redraw();
}

// The picture as it is seen, on the theme's ground.
function savePicture(view) {
  const { lines, moving, canvas } = view.parts, sheet = document.createElement("canvas");
  [sheet.width, sheet.height] = [canvas.width, canvas.height];
  const pen = sheet.getContext("2d");
  pen.fillStyle = view.theme.paper;
  pen.fillRect(0, 0, sheet.width, sheet.height);
  for (const layer of [lines, moving, canvas]) pen.drawImage(layer, 0, 0);
  sheet.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = "network.png";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
}
