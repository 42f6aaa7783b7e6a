// Small shapes that several painters draw.

export const ease = (t) => 1 - (1 - Math.min(Math.max(t, 0), 1)) ** 3;

export function circle(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, Math.max(radius, 0.5), 0, 2 * Math.PI);
}
