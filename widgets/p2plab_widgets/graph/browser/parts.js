// The elements of a view: a header, controls, the picture, a footer. All text goes through textContent.

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

// Signs that no font need have: paths in a square of 16.
const SIGNS = {
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  all: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4M6 6h4v4H6z",
  focus: "M8 1v3M8 12v3M1 8h3M12 8h3M8 5.2a2.8 2.8 0 1 0 .01 0",
  save: "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11",
  full: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
  cross: "M4 4l8 8M12 4l-8 8",
  large: "M1.5 13 5.5 3l4 10M3 9.5h5M12.5 3.5v5M10 6h5",
};

function drawn(sign) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("viewBox", "0 0 16 16");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SIGNS[sign]);
  picture.append(path);
  return picture;
}

function button(className, text, title, sign = "") {
  const made = element("button", className, sign ? "" : text);
  made.type = "button";
  made.title = title;
  if (sign) {
    made.setAttribute("aria-label", text);
    made.append(drawn(sign));
  }
  return made;
}

// A list to choose from, with its name before it in words.
function chooser(className, name) {
  const label = element("label", `p2plab-choice ${className}-choice`);
  const words = element("span", "p2plab-choice-name", name);
  const select = element("select", className);
  select.setAttribute("aria-label", name);
  label.append(words, select);
  return { label, select };
}

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
  ["duplicates", "duplicates on their way"], ["grounds", "partitions"], ["links", "streams and DHT neighbours"],
];

function build(root) {
  root.classList.add("p2plab-graph");
  const parts = { root };
  const bar = element("div", "p2plab-bar");
  parts.world = element("span", "p2plab-world");
  parts.facts = element("span", "p2plab-facts");
  parts.clock = element("span", "p2plab-clock");
  const tools = element("div", "p2plab-tools");
  parts.buttons = {
    list: button("p2plab-list-button", "Nodes", "all nodes as a list, with a search (key /)"),
    save: button("p2plab-save-button", "save the picture", "save the picture as it is seen, as PNG", "save"),
    large: button("p2plab-large-button", "larger type", "larger type, for a projector", "large"),
    full: button("p2plab-full-button", "full screen", "full screen", "full"),
  };
  tools.append(...Object.values(parts.buttons));
  bar.append(parts.world, parts.facts, parts.clock, tools);

  const controls = element("div", "p2plab-controls");
  const add = (key, name) => {
    const { label, select } = chooser(`p2plab-${key}-select`, name);
    parts[key] = select;
    controls.append(label);
  };
  add("topic", "Topic");
  add("message", "Message");
  add("colour", "Colour");
  add("layout", "Layout");
  const layers = element("details", "p2plab-layers");
  layers.append(element("summary", "p2plab-layers-summary", "Layers"));
  const menu = element("div", "p2plab-layers-menu");
  parts.layers = {};
  for (const [key, name] of LAYERS) {
    const label = element("label", "p2plab-layer");
    const box = element("input", `p2plab-layer-${key}`);
    box.type = "checkbox";
    parts.layers[key] = box;
    label.append(box, element("span", "", name));
    menu.append(label);
  }
  layers.append(menu);
  controls.append(layers);
  parts.layersMenu = layers;

  const stage = element("div", "p2plab-stage");
  parts.lines = element("canvas", "p2plab-edges");
  parts.canvas = element("canvas", "p2plab-canvas");
  parts.canvas.tabIndex = 0;
  parts.canvas.setAttribute("role", "application");
  parts.canvas.setAttribute("aria-roledescription", "peer graph");
  const zoom = element("div", "p2plab-zoom");
  for (const [name, sign, text, title] of [
    ["in", "plus", "zoom in", "zoom in (+, or Ctrl and the wheel)"],
    ["out", "minus", "zoom out", "zoom out (−)"],
    ["fit", "all", "show everything", "show everything (0)"],
    ["focus", "focus", "fit to the selection", "the selected node and its neighbours (F)"],
  ]) {
    parts.buttons[name] = button(`p2plab-zoom-${name}`, text, title, sign);
    zoom.append(parts.buttons[name]);
  }
  parts.card = element("div", "p2plab-card");
  parts.card.setAttribute("role", "region");
  parts.note = element("div", "p2plab-note");
  parts.note.setAttribute("role", "status");
  parts.hint = element("div", "p2plab-hint", "Ctrl and the wheel zoom; the wheel alone scrolls the page");
  parts.list = element("div", "p2plab-list");
  parts.card.hidden = parts.note.hidden = parts.hint.hidden = parts.list.hidden = true;
  stage.append(parts.lines, parts.canvas, zoom, parts.card, parts.note, parts.hint, parts.list);
  parts.stage = stage;

  const footer = element("div", "p2plab-footer");
  parts.legend = element("div", "p2plab-legend");
  parts.sentence = element("div", "p2plab-sentence");
  parts.sentence.id = `p2plab-sentence-${Math.random().toString(36).slice(2)}`;
  parts.canvas.setAttribute("aria-describedby", parts.sentence.id);
  footer.append(parts.legend, parts.sentence);
  root.append(bar, controls, stage, footer);
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
