// Small pieces of the page. Text is only ever set as text.

export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

// A button with words or, where it shows a sign only, a name for those who do not see it. While it can do nothing it is
// disabled and its tooltip says why.
export function button(className, text, name, action) {
  const made = element("button", className, text);
  made.type = "button";
  made.title = name;
  made.setAttribute("aria-label", name);
  made.addEventListener("click", action);
  return made;
}

const ICONS = {
  home: "M3 3h2v10H3zM13 3v10L6 8z",
  back: "M11 3v10L4 8z",
  step: "M5 3v10l7-5z",
  play: "M4 2v12l9-6z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  full: "M2 2h5v2H4v3H2zM9 2h5v5h-2V4H9zM2 9h2v3h3v2H2zM12 9h2v5H9v-2h3z",
  all: "M2 2h5v2H4v3H2zM9 2h5v5h-2V4H9zM2 9h2v3h3v2H2zM12 9h2v5H9v-2h3zM6 6h4v4H6z",
  plus: "M7 3h2v4h4v2H9v4H7V9H3V7h4z",
  minus: "M3 7h10v2H3z",
  focus: "M8 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm0 2a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM7 0h2v3H7zM7 13h2v3H7zM0 7h3v2H0zM13 7h3v2h-3z",
  save: "M7 2h2v5h2.5L8 11 4.5 7H7zM3 12h10v2H3z",
  large: "M4 3h2l4 10H8l-1-2.6H3L2 13H0zm-.4 6h2.8L5 5.2zM12 4h2v2h2v2h-2v2h-2V8h-2V6h2z",
  cross: "M4.4 3 8 6.6 11.6 3 13 4.4 9.4 8l3.6 3.6-1.4 1.4L8 9.4 4.4 13 3 11.6 6.6 8 3 4.4z",
};

// Puts a sign on a button, the same in every font.
export function setIcon(made, name) {
  if (made.dataset.icon === name) return;
  made.dataset.icon = name;
  const space = "http://www.w3.org/2000/svg", icon = document.createElementNS(space, "svg");
  icon.setAttribute("viewBox", "0 0 16 16");
  icon.setAttribute("aria-hidden", "true");
  icon.classList.add("p2plab-icon");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  icon.append(path);
  made.replaceChildren(icon);
}

export function iconButton(className, icon, name, action) {
  const made = button(className, "", name, action);
  setIcon(made, icon);
  return made;
}

export function enable(made, why) {
  made.disabled = Boolean(why);
  made.title = why || made.getAttribute("aria-label");
}

// A labelled list of choices: [[value, text], ...]. Returns the label; its .select is the list.
export function choice(label, options, chosen, action) {
  const made = element("label", "p2plab-choice", label);
  const list = element("select", "p2plab-select");
  list.setAttribute("aria-label", label);
  fill(list, options, chosen);
  list.addEventListener("change", () => action(list.value));
  made.append(list);
  made.select = list;
  return made;
}

// Puts other options into a list, unless they are those it has.
export function fill(list, options, chosen) {
  const state = JSON.stringify([options, chosen]);
  if (list.p2plabState === state) {
    if (list.value !== chosen && options.some(([value]) => value === chosen)) list.value = chosen;
    return;
  }
  list.p2plabState = state;
  list.replaceChildren(
    ...options.map(([value, text]) => {
      const option = element("option", "", text);
      option.value = value;
      option.selected = value === chosen;
      return option;
    }),
  );
}

export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

// Seconds with as many digits as are worth reading.
export function seconds(t) {
  const digits = t >= 1000 ? 1 : t >= 10 ? 2 : 3;
  return `${t.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} s`;
}
