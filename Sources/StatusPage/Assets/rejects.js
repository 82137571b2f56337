// The browser of what steps have rejected and of dead letters: search, and one of them with what it was about.

import { empty, h, say, show } from "./dom.js";
import { clock, count } from "./format.js";
import { address, field, form, hit, Hits, when } from "./browser.js";
import { ask, Refusal } from "./live.js";
import { explanation, members, value } from "./fields.js";
import { timeline } from "./timeline.js";

export const title = "Rejects";
export const isSearch = true;

const NAMES = ["topic", "reason", "template", "video", "text"];
const reasons = new Set();
const templates = new Set();

const hits = new Hits("rejects", "api/rejects", (found) => {
  if (found.reason) reasons.add(found.reason);
  if (found.template) templates.add(found.template);
  return hit(address("reject", { topic: found.topic, partition: found.partition, offset: found.offset }),
    found.title || found.message || "(no text)",
    [{ value: found.reason, style: "strong" }, { value: found.template }, { name: "video", value: found.video },
      { name: "step", value: found.step }, { name: "in", value: `${found.topic}[${found.partition}]` },
      { name: "offset", value: count(found.offset) }, when(found.time)],
    found.message);
});

const given = (parameters) => Object.fromEntries(NAMES.map((name) => [name, parameters.get(name) ?? ""]));

let formOf = null;

export function draws(main, state, parameters, isNews) {
  const filters = given(parameters);
  const topics = [{ value: "", label: "all rejects" },
    ...state.rejects.map((topic) => ({ value: topic.topic, label: `${topic.topic} (${count(topic.records)})` })),
    ...state.dead_letters.map((topic) => ({ value: topic.topic, label: `${topic.topic} (${count(topic.records)})` }))];
  const question = JSON.stringify([filters, topics.map((topic) => topic.value)]);
  if (!isNews || question !== formOf || !main.querySelector("form")) {
    formOf = question;
    for (const reason of state.dead_letters.flatMap((topic) => topic.reasons)) reasons.add(reason.name);
    main.replaceChildren(
      h("h2", null, "Rejects"),
      form("rejects", "Search the rejects", [
        field("text", "Text or id", filters.text, { type: "search" }),
        field("reason", "Reason", filters.reason, { known: [...reasons].sort() }),
        field("template", "Template", filters.template, { known: [...templates].sort() }),
        field("video", "Video", filters.video),
        field("topic", "Topic", filters.topic, { choices: topics }),
      ]),
      h("div", { class: "results" }));
  }
  if (!topics.slice(1).length) {
    show(main.querySelector(".results"), empty("No stage of this log has rejected anything yet."));
    return;
  }
  const changed = () => {
    const place = main.querySelector(".results");
    if (place && main.dataset.view === "rejects") hits.show(place, "Nothing fits.");
  };
  if (!isNews) hits.search(filters, changed);
  changed();
}

/** Goes on with the search. */
export function acts(action, main) {
  if (action === "more") hits.more(() => hits.show(main.querySelector(".results"), "Nothing fits."));
}

// MARK: One reject

let shown = null;

export const one = {
  title: "Reject",
  draws(main, state, parameters, isNews) {
    const question = parameters.toString();
    if (isNews && shown?.question === question) return;
    shown = { question };
    const mine = shown;
    const topic = parameters.get("topic") ?? "";
    const place = `${topic}[${parameters.get("partition")}] offset ${parameters.get("offset")}`;
    const isLetter = state.dead_letters.some((letters) => letters.topic === topic);
    main.replaceChildren(h("h2", null, isLetter ? "Dead letter " : "Reject ", h("code", null, say(place))),
      h("p", null, h("a", { href: address("rejects", { topic }) }, "All of ", say(topic))),
      h("div", { class: "whole" }, h("p", { class: "muted" }, "Looking it up…")), h("div", { class: "trail" }));
    look(main.querySelector(".whole"), main.querySelector(".trail"),
      { topic, partition: parameters.get("partition"), offset: parameters.get("offset") },
      () => shown === mine && main.dataset.view === "reject");
  },
};

async function look(whole, trail, question, isWanted) {
  try {
    const found = await ask("reject", "api/reject", question);
    if (found === null || !isWanted()) return;
    reject(whole, found);
    show(trail, h("p", { class: "muted" }, "Looking for its prompt, answer and verdicts in log and cache…"));
  } catch (error) {
    if (isWanted()) refuse(whole, error);
    return;
  }
  try {
    const known = await ask("origin", "api/origin", question);
    if (known === null || !isWanted()) return;
    show(trail, h("h3", null, "Prompt, answer, verdicts"), explanation(known.parts));
  } catch (error) {
    if (isWanted()) refuse(trail, error);
  }
}

const refuse = (place, error) =>
  show(place, h("p", { class: "note bad", role: "alert" }, say(error instanceof Refusal ? error.message : String(error))));

function reject(whole, found) {
  const letter = found.letter;
  const facts = { step: letter.step, reason: letter.reason, message: letter.message, stage: letter.stage,
    topology: letter.topology, input: letter.source, written: clock(found.time) };
  show(whole,
    found.title ? h("p", { class: "lead" }, say(found.title)) : null,
    h("dl", { class: "fields" }, Object.entries(facts).filter(([, text]) => text !== undefined && text !== null)
      .map(([name, text]) => [h("dt", null, name), h("dd", null, say(String(text)))])),
    found.timeline ? h("div", { class: "times panel" }, timeline(found.timeline)) : null,
    letter.judged !== null ? [h("h3", null, "Rejected"), h("div", { class: "panel" }, value(letter.judged))] : null,
    h("h3", null, "Input record"),
    found.input !== undefined && found.input !== null && typeof found.input === "object" && !Array.isArray(found.input)
      ? members(found.input) : h("pre", null, say(letter.value ?? "nothing")),
    letter.truncated ? h("p", { class: "note warn" }, "The record was too large to be kept whole.") : null);
}
