// A small curve of a figure's last values.

import { s } from "./dom.js";
import { figure } from "./format.js";

const WIDTH = 120;
const HEIGHT = 28;

/** The curve of some values, the newest last; nothing where there are too few. */
export function curve(values, name) {
  const known = (values ?? []).filter((value) => Number.isFinite(value));
  if (known.length < 2) return null;
  const low = Math.min(...known);
  const high = Math.max(...known);
  const range = high - low || 1;
  const x = (index) => (2 + (index * (WIDTH - 6)) / (known.length - 1)).toFixed(1);
  const y = (value) => (HEIGHT - 3 - ((value - low) * (HEIGHT - 6)) / range).toFixed(1);
  const points = known.map((value, index) => `${x(index)},${y(value)}`).join(" ");
  const last = known.at(-1);
  return s("svg",
    { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img",
      "aria-label": `${name}: from ${figure(known[0])} to ${figure(last)}, between ${figure(low)} and ${figure(high)}` },
    s("polyline", { points, fill: "none" }),
    s("circle", { cx: x(known.length - 1), cy: y(last), r: 2 }));
}
