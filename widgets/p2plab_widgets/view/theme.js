// The colours and fonts of the page as CSS gives them at this moment (view.css defines the variables). Colours that say
// something are in graph/browser/colour.js.

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
