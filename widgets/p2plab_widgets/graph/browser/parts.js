// The elements of a place where the graph is shown, inside the frame that all views have.

import { button, element, iconButton } from "../../view/dom.js";

const COLOURS = [
  ["auto", "automatic"], ["identity", "name"], ["delay", "arrival of the message"], ["hops", "hops of the message"],
  ["degree", "connections"], ["score", "score"], ["role", "role"], ["region", "region"], ["state", "state"],
];
const LAYOUTS = [
  ["force", "by connections"], ["circle", "circle, by key"], ["line", "line"], ["grid", "grid"],
  ["tree", "tree of the message"], ["regions", "regions"], ["given", "as given"],
];
const LAYERS = [
  ["connections", "connections"], ["mesh", "mesh of the topic"], ["tree", "way of the message"],
  ["duplicates", "duplicates on their way"], ["partitions", "partitions"], ["traffic", "traffic, as width"],
  ["streams", "open streams"], ["neighbours", "neighbours in the DHT"], ["boxes", "NATs, relays, punches"],
  ["attackers", "attackers"],
];

// A list to choose from, with its name before it in words.
function chooser(key, name) {
  const label = element("label", "p2plab-choice");
  const select = element("select", `p2plab-select p2plab-${key}-select`);
  select.setAttribute("aria-label", name);
  label.append(element("span", "p2plab-choice-name", name), select);
  return { label, select };
}

export function build(frame) {
  const { root, stage, menu } = frame, parts = { root, stage };
  root.classList.add("p2plab-graph");
  const nothing = () => {};
  const list = button("p2plab-list-button", "Nodes", "all nodes as a list, with a search (key /)", nothing);
  const large = iconButton("p2plab-large-button", "large", "larger type, for a projector", nothing);
  const save = iconButton("p2plab-save-button", "save", "save the picture as it is seen, as PNG", nothing);
  menu.append(list, save, large);

  const controls = element("div", "p2plab-controls");
  for (const [key, name] of [["topic", "Topic"], ["message", "Message"], ["colour", "Colour"], ["layout", "Layout"]]) {
    const { label, select } = chooser(key, name);
    parts[key] = select;
    controls.append(label);
  }
  const layers = element("details", "p2plab-layers");
  layers.append(element("summary", "p2plab-layers-summary", "Layers"));
  const boxes = element("div", "p2plab-layers-menu");
  parts.layers = {};
  for (const [key, name] of LAYERS) {
    const label = element("label", "p2plab-layer");
    const box = element("input", `p2plab-layer-${key}`);
    box.type = "checkbox";
    parts.layers[key] = box;
    label.append(box, element("span", "", name));
    boxes.append(label);
  }
  layers.append(boxes);
  controls.append(layers);
  parts.layersMenu = layers;
  root.insertBefore(controls, stage);

  parts.lines = element("canvas", "p2plab-edges");
  parts.moving = element("canvas", "p2plab-moving");
  parts.canvas = element("canvas", "p2plab-canvas");
  parts.canvas.tabIndex = 0;
  parts.canvas.setAttribute("role", "application");
  parts.canvas.setAttribute("aria-roledescription", "peer graph");
  const zoom = element("div", "p2plab-zoom");
  const buttons = {
    in: iconButton("p2plab-zoom-in", "plus", "zoom in (+, or Ctrl and the wheel)", nothing),
    out: iconButton("p2plab-zoom-out", "minus", "zoom out (−)", nothing),
    fit: iconButton("p2plab-zoom-fit", "all", "show everything (0)", nothing),
    focus: iconButton("p2plab-zoom-focus", "focus", "the selected node and its neighbours (F)", nothing),
  };
  zoom.append(...Object.values(buttons));
  parts.zoom = zoom;
  parts.buttons = { list, large, save, ...buttons };
  parts.card = element("div", "p2plab-card");
  parts.card.setAttribute("role", "region");
  parts.hint = element("div", "p2plab-hint", "Ctrl and the wheel zoom; the wheel alone scrolls the page");
  parts.list = element("div", "p2plab-list");
  parts.card.hidden = parts.hint.hidden = parts.list.hidden = true;
  stage.prepend(parts.lines, parts.moving, parts.canvas);
  stage.append(zoom, parts.card, parts.hint, parts.list);
  return parts;
}

// Fills a list to choose from, where it is not that already: [[value, text, disabled], ...].
function fillChooser(select, options, chosen) {
  const state = JSON.stringify(options);
  if (select.dataset.state !== state) {
    select.dataset.state = state;
    select.replaceChildren(
      ...options.map(([value, text, disabled]) => {
        const option = element("option", "", text);
        option.value = value;
        option.disabled = Boolean(disabled);
        return option;
      }),
    );
  }
  select.value = chosen;
}

// Fills all of them with what there is to choose from now.
export function fillChoosers(parts, scene, model) {
  const topic = model.get("topic");
  const counts = scene.topics.map(() => 0);
  for (const node of scene.nodes) for (const each of node.topics) counts[each - 1]++;
  const topics = scene.topics.map(({ label, key }, i) => [key, `${label} (${counts[i]})`, label]);
  topics.sort(([, , a], [, , b]) => (a < b ? -1 : a > b ? 1 : 0));
  if (topic && !scene.topics.some(({ key }) => key === topic)) topics.push([topic, `${model.get("topic_label")} (0)`]);
  fillChooser(parts.topic, [["", "all"], ...topics.map(([key, text]) => [key, text])], topic);
  parts.topic.disabled = !topics.length;
  parts.topic.title = topics.length ? "the topic whose mesh and subscribers are marked" : "nobody subscribes to anything yet";

  const message = model.get("message"), messages = scene.listed;
  const listed = messages.map(([id, label]) => [id, label]);
  if (message && message !== "none" && !messages.some(([id]) => id === message)) listed.push([message, `…${message.slice(-8)}`]);
  fillChooser(parts.message, [["", "the newest"], ["none", "none"], ...listed], message);
  parts.message.disabled = !messages.length;
  parts.message.title = messages.length ? "the message whose way is drawn" : "nothing has been published yet";

  const offer = (choices, prefix) => choices.map(([key, text]) => {
    const why = scene.offered[prefix + key];
    return [key, why ? `${text} (${why})` : text, Boolean(why)];
  });
  fillChooser(parts.colour, offer(COLOURS, ""), model.get("colour"));
  fillChooser(parts.layout, offer(LAYOUTS, "layout "), model.get("layout_kind"));
}
