// The colours and fonts of the page as CSS gives them at this moment (view.css defines the variables), and the colours
// that say something: the same in every view.

const NAMES = [
  "paper", "panel", "ink", "muted", "border", "line", "accent", "born", "died", "mesh", "fault", "publication", "error",
];

export function readTheme(element) {
  const style = getComputedStyle(element);
  const theme = { font: style.fontFamily, size: parseFloat(style.fontSize) };
  for (const name of NAMES) theme[name] = style.getPropertyValue(`--p2plab-${name}`).trim();
  theme.dark = lightness(theme.paper) < 0.5;
  return theme;
}

function lightness(colour) {
  const found = /^#([0-9a-f]{6}|[0-9a-f]{3})$/i.exec(colour);
  if (found) {
    const digits = found[1].length === 3 ? found[1].replace(/./g, "$&$&") : found[1]; // JupyterLab's dark ground is #111
    const value = parseInt(digits, 16);
    return ((value >> 16) * 0.3 + ((value >> 8) & 255) * 0.59 + (value & 255) * 0.11) / 255;
  }
  const parts = colour.match(/[\d.]+/g);
  return parts ? (parts[0] * 0.3 + parts[1] * 0.59 + parts[2] * 0.11) / 255 : 1;
}

// Categories: Okabe and Ito's eight, which all kinds of colour vision tell apart.
export const CATEGORIES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f"];

const VIRIDIS = [
  [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121],
  [110, 206, 88], [181, 222, 43], [253, 231, 37],
];
const DIVERGING = [[178, 24, 43], [239, 138, 98], [200, 200, 200], [103, 169, 207], [33, 102, 172]];

function ramp(stops, share) {
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
  const mixed = stops[low].map((value, i) => Math.round(value + (stops[low + 1][i] - value) * (at - low)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

export const sequential = (share) => ramp(VIRIDIS, share); // 0 to 1
export const diverging = (share) => ramp(DIVERGING, (share + 1) / 2); // -1 to 1
