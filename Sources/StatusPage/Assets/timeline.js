// What a sample says of time: narrations, windows and turns, on the seconds of their clip.

import { h, s, say } from "./dom.js";
import { count, seconds } from "./format.js";

const SCALE = 1000;
const ROWS = 400;

/** A timeline as the server describes it: a span, tracks of marks, and windows that go through all of them. */
export function timeline(description) {
  const [start, end] = description.span;
  const length = end - start;
  if (!(length > 0)) return null;
  const place = (time) => Math.min(SCALE, Math.max(0, ((time - start) / length) * SCALE));
  const windows = description.windows ?? [];
  const bar = (mark, style) => {
    const from = place(mark.start);
    const width = Math.max(4, place(mark.end ?? mark.start) - from);
    return s("svg", { class: "lane", viewBox: `0 0 ${SCALE} 12`, preserveAspectRatio: "none", "aria-hidden": "true" },
      s("rect", { class: "ground", x: 0, y: 5, width: SCALE, height: 2 }),
      windows.map((window) => s("rect", { class: "window", x: place(window.start), y: 0,
        width: Math.max(3, place(window.end) - place(window.start)), height: 12 })),
      s("rect", { class: style, x: Math.min(from, SCALE - width), y: 2, width, height: 8, rx: 1 }));
  };
  const times = (mark) =>
    mark.end !== undefined && mark.end !== null && mark.end !== mark.start
      ? `${seconds(mark.start)}–${seconds(mark.end)}` : seconds(mark.start);
  const row = (mark, style) => h("li", { class: mark.marked ? "row marked" : "row" },
    h("span", { class: "time" }, times(mark)),
    h("span", { class: "words" }, mark.who ? [h("b", null, say(mark.who)), " "] : null,
      mark.moment !== undefined && mark.moment !== null ? h("span", { class: "muted" }, `at ${seconds(mark.moment)} `) : null,
      say(mark.text)),
    bar(mark, style));
  const tracks = description.tracks.map((track) => h("section", { "aria-label": track.name },
    h("h4", null, say(track.name)),
    h("ol", null, track.marks.slice(0, ROWS).map((mark) => row(mark, mark.marked ? "mark chosen" : "mark"))),
    track.marks.length > ROWS ? h("p", { class: "muted" }, `${count(track.marks.length - ROWS)} more`) : null));
  return h("div", { class: "timeline" },
    h("p", { class: "muted" }, say(description.name), `: ${seconds(start)} to ${seconds(end)} s, ${seconds(length)} s long`),
    windows.length ? h("section", { "aria-label": "Windows" },
      h("ol", null, windows.map((window) => row({ ...window, marked: true }, "mark asked")))) : null,
    tracks);
}
