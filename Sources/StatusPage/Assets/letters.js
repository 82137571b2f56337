// Dead letters by reason, with the command that retries them.

import { empty, h, say, show } from "./dom.js";
import { ago, count, many } from "./format.js";
import { address } from "./browser.js";

export const title = "Dead letters";

const openOf = (topic) => topic.reasons.reduce((sum, reason) => sum + reason.open, 0);

/** The letters of which nothing has been done. */
export const badge = (state) => state.dead_letters.reduce((sum, topic) => sum + openOf(topic), 0);

export function draws(main, state) {
  const topics = state.dead_letters.filter((topic) => topic.records > 0);
  show(main,
    h("h2", null, "Dead letters"),
    topics.length
      ? topics.map((topic) => letters(topic, state.time))
      : empty("There are none: everything that was read could be used, or was rejected by a rule."));
}

function letters(topic, now) {
  return h("section", { class: "panel", "data-key": topic.topic, "aria-label": `Dead letters of ${topic.name}` },
    h("h3", null, say(topic.topic), " ", h("span", { class: "muted" }, many(topic.records, "letter"))),
    h("ul", { class: "reasons" }, topic.reasons.map((reason) => h("li", { "data-key": `${reason.stage} ${reason.step} ${reason.name}` },
      h("p", { class: "line" },
        h("a", { class: "title", href: address("rejects", { topic: topic.topic, reason: reason.name }) }, say(reason.name)),
        " ", h("b", null, count(reason.open)), " ",
        h("span", { class: "muted" }, reason.open === reason.count ? "open, " : `open of ${count(reason.count)}, `,
          say(reason.stage), reason.step ? [", step ", say(reason.step)] : null, ", newest ", ago(reason.newest, now))),
      reason.example ? h("p", { class: "why" }, say(reason.example)) : null,
      reason.command ? h("p", { class: "command" }, h("code", null, say(reason.command)), " ",
        h("button", { type: "button", "data-action": "copy", "data-text": reason.command,
          "aria-label": `Copy the command for ${reason.name}` }, "Copy")) : null,
      reason.remedy ? h("p", null, "Not to be retried: ", say(reason.remedy)) : null))),
    topic.partial ? h("p", { class: "muted" }, "There are more than are counted here: ",
      h("code", null, "millrace dead-letters list"), " counts them all.") : null);
}
