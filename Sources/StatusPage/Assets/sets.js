// Shard sets: their size, age and rotation, and what is open.

import { empty, h, say, show, table } from "./dom.js";
import { ago, bytes, clock, count, duration, many } from "./format.js";
import { address } from "./browser.js";

export const title = "Sets";

const REASONS = {
  samples: "full of samples", bytes: "full of bytes", seconds: "by the clock", idle: "at the input's end",
  replay: "as the original",
};

export function draws(main, state) {
  show(main,
    h("h2", null, "Shard sets"),
    state.sets.length ? [overview(state), state.sets.map((set) => one(set, state.time))]
      : empty("There is no shard set in this log yet."));
}

function overview(state) {
  const columns = [{ title: "set" }, { title: "samples", number: true }, { title: "shards", number: true },
    { title: "on disk", number: true }, { title: "ratio", number: true }, { title: "open", number: true },
    { title: "oldest open", number: true }, { title: "last commit", number: true }];
  return table("Shard sets", columns, state.sets.map((set) => ({
    key: set.name,
    cells: [h("a", { href: address("samples", { set: set.name }) }, say(set.name)), count(set.samples), count(set.shards),
      bytes(set.bytes), set.bytes > 0 ? `${(set.uncompressed / set.bytes).toFixed(1)}:1` : "–", count(set.open.length),
      set.open.length ? duration((state.time - Math.min(...set.open.map((open) => open.since))) / 1000) : "–",
      ago(set.last_commit, state.time)],
  })));
}

function one(set, now) {
  const reasons = set.rotation.filter((reason) => reason.count > 0);
  return h("section", { class: "panel", "data-key": set.name, "aria-label": `Set ${set.name}` },
    h("h3", null, say(set.name), " ", set.owner ? h("span", { class: "muted" }, "of ", say(set.owner)) : null),
    set.unreadable.map((problem) => h("p", { class: "note bad" }, say(problem))),
    reasons.length ? h("p", null, "Closed: ",
      reasons.map((reason, index) => [index ? ", " : "", h("b", null, count(reason.count)), " ",
        REASONS[reason.name] ?? say(reason.name)])) : h("p", { class: "muted" }, "No shard is committed yet."),
    set.open.length ? h("ul", { class: "plain" }, set.open.map((open) =>
      h("li", { "data-key": `${open.process} ${open.partition}` }, `Partition ${open.partition} is open since `,
        duration((now - open.since) / 1000), " in ", say(open.process),
        typeof open.deadline === "number" ? `; the clock closes it in ${duration((open.deadline - now) / 1000)}` : null)))
      : null,
    set.newest.length ? h("details", { "data-key": "newest" },
      h("summary", null, `The newest ${many(set.newest.length, "shard")}`),
      table(`Newest shards of ${set.name}`,
        [{ title: "shard" }, { title: "samples", number: true }, { title: "size", number: true }, { title: "closed" },
          { title: "committed", number: true }],
        set.newest.map((shard) => ({ key: shard.file, cells: [h("code", null, say(shard.file)), count(shard.samples),
          bytes(shard.bytes), REASONS[shard.reason] ?? say(shard.reason), clock(shard.time)] })))) : null);
}
