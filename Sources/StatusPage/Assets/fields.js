// Values of any shape: a table of an object's members, and an explanation's parts.

import { empty, h, say } from "./dom.js";

const DEPTH = 6;
const MEMBERS = 200;

/** A value, whatever it is. */
export function value(json, depth = 0) {
  if (json === null) return h("span", { class: "muted" }, "null");
  if (typeof json === "string") return json.includes("\n") ? h("pre", null, say(json)) : say(json);
  if (typeof json !== "object") return h("span", { class: "figure" }, String(json));
  if (depth >= DEPTH) return h("pre", null, JSON.stringify(json));
  if (Array.isArray(json)) {
    if (json.length === 0) return h("span", { class: "muted" }, "none");
    if (json.every((element) => element === null || typeof element !== "object")) {
      return json.slice(0, MEMBERS).map((element, index) => [index ? ", " : "", value(element, depth + 1)]);
    }
    return h("ol", { class: "list" }, json.slice(0, MEMBERS).map((element) => h("li", null, value(element, depth + 1))));
  }
  return members(json, depth);
}

/** The members of an object, as a list of names with their values. */
export function members(json, depth = 0, filter = null) {
  const names = Object.keys(json).slice(0, MEMBERS);
  if (!names.length) return h("span", { class: "muted" }, "empty");
  return h("dl", { class: "fields" }, names.map((name) => [
    h("dt", null, say(name)),
    h("dd", null, value(json[name], depth + 1), filter?.(name, json[name]) ?? null),
  ]));
}

/** The parts of an explanation, as `millrace explain` prints them. */
export function explanation(parts) {
  if (!parts.length) return empty("Nothing more is known of it.");
  return parts.map((part) => h("section", { class: "part" },
    h("h4", null, say(part.heading)),
    part.lines.length ? lines(part.lines) : null));
}

function lines(given) {
  const blocks = [];
  for (const line of given) {
    if (typeof line === "string") {
      if (!Array.isArray(blocks.at(-1))) blocks.push([]);
      blocks.at(-1).push(line);
    } else {
      blocks.push(line);
    }
  }
  return blocks.map((block) => Array.isArray(block)
    ? h("pre", null, say(block.join("\n")))
    : h("dl", { class: "fields" }, block.pairs.map(([name, text]) => [h("dt", null, say(name)), h("dd", null, say(text))])));
}
