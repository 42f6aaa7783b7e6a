// Colours that mean something. paint.py takes the same ones.

// Viridis (van der Walt and Smith, 2015) at 17 even steps. On a light ground its dark part is used, on a dark one its
// light part: every colour then stands out from the ground.
const VIRIDIS = [
  "#440154", "#481769", "#472a7a", "#433d84", "#3d4e8a", "#355e8d", "#2e6d8e", "#297b8e", "#23898e", "#1f978b",
  "#21a585", "#2eb37c", "#46c06f", "#65cb5e", "#89d548", "#b0dd2f", "#fde725",
];
const LIGHT_PART = [0, 0.62], DARK_PART = [0.4, 1];
const BELOW = { light: "#b8430a", dark: "#fb923c" }, ZERO = { light: "#858c96", dark: "#8b929b" };
const ABOVE = { light: "#1d5fbf", dark: "#60a5fa" };
// Okabe and Ito (2008), its black as the theme's ink; painters outline what is close to the ground.
export const CATEGORIES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442"];

const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
export const hex = (values) => "#" + values.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("");

export function mixed(one, other, part) {
  const a = channels(one), b = channels(other);
  return hex(a.map((value, i) => value + (b[i] - value) * part));
}

export function luminance(colour) {
  const [r, g, b] = channels(colour).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// WCAG's contrast of two colours, 1 to 21.
export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

// A place on the ramp, 0 to 1.
function rampColour(part, dark) {
  const [from, to] = dark ? DARK_PART : LIGHT_PART;
  const place = (from + Math.min(Math.max(part, 0), 1) * (to - from)) * (VIRIDIS.length - 1);
  const at = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return mixed(VIRIDIS[at], VIRIDIS[at + 1], place - at);
}

// -1 to 1.
function divergingColour(part, dark) {
  const theme = dark ? "dark" : "light", end = part < 0 ? BELOW : ABOVE;
  return mixed(ZERO[theme], end[theme], Math.min(Math.abs(part), 1));
}

const outlines = new Map();
// Whether a colour needs an outline to stand out from the ground: WCAG asks for 3 to 1.
export function needsOutline(colour, ground) {
  const key = colour + ground;
  if (!outlines.has(key)) {
    if (outlines.size > 4096) outlines.clear();
    outlines.set(key, contrast(colour, ground) < 3);
  }
  return outlines.get(key);
}

// What a node's number is drawn with; null where it has none. paint: {kind, low, high, categories}.
export function colourOfValue(paint, value, theme) {
  if (Number.isNaN(value)) return null;
  if (paint.kind === "category") return value < 0 ? null : value < CATEGORIES.length ? CATEGORIES[value] : theme.ink;
  if (paint.kind === "diverging") {
    const most = Math.max(Math.abs(paint.low), Math.abs(paint.high)) || 1;
    return divergingColour(value / most, theme.dark);
  }
  const span = paint.high - paint.low;
  // In 32 steps, so that many nodes share a colour and are filled together.
  return rampColour(span > 0 ? Math.round((32 * (value - paint.low)) / span) / 32 : 0, theme.dark);
}
