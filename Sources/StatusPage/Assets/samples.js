// The browser of samples: search, and one sample with all that is known of it.

import { empty, h, say, show } from "./dom.js";
import { count, seconds } from "./format.js";
import { address, field, form, hit, Hits, when } from "./browser.js";
import { ask, Refusal } from "./live.js";
import { explanation, members } from "./fields.js";
import { timeline } from "./timeline.js";

export const title = "Samples";
export const isSearch = true;

const NAMES = ["text", "template", "video", "set", "member", "is"];
const templates = new Set();

const hits = new Hits("samples", "api/samples", (found) => {
  if (found.template) templates.add(found.template);
  const window = found.window ? `${seconds(found.window[0])}–${seconds(found.window[1])} s` : null;
  return hit(address("sample", { id: found.id, set: found.set, shard: found.shard, line: found.line }),
    found.title || "(no text)",
    [{ value: found.template, style: "strong" }, { name: "window", value: window }, { name: "video", value: found.video },
      { name: "set", value: found.set }, { name: "id", value: found.id, style: "id" }, when(found.time)]);
});

const given = (parameters) => Object.fromEntries(NAMES.map((name) => [name, parameters.get(name) ?? ""]));

let formOf = null;

export function draws(main, state, parameters, isNews) {
  const filters = given(parameters);
  const sets = [{ value: "", label: "all sets" },
    ...state.sets.map((set) => ({ value: set.name, label: `${set.name} (${count(set.samples)})` }))];
  // A form that is being filled in stays as it is while news come.
  const question = JSON.stringify([filters, sets.map((set) => set.value)]);
  if (!isNews || question !== formOf || !main.querySelector("form")) {
    formOf = question;
    main.replaceChildren(
      h("h2", null, "Samples"),
      form("samples", "Search the samples", [
        field("text", "Text or id", filters.text, { type: "search" }),
        field("template", "Template", filters.template, { known: [...templates] }),
        field("video", "Video", filters.video),
        field("set", "Set", filters.set, { choices: sets }),
        filters.member ? h("div", { class: "field member" }, h("span", { class: "label" }, "And"),
          h("p", null, say(filters.member), " is ", say(filters.is), " ",
            h("a", { href: address("samples", { ...filters, member: "", is: "" }) }, "remove"))) : null,
      ]),
      h("div", { class: "results" }));
  }
  if (!state.sets.length) {
    show(main.querySelector(".results"), empty("There is no shard set in this log yet."));
    return;
  }
  const changed = () => {
    const place = main.querySelector(".results");
    if (place && main.dataset.view === "samples") hits.show(place, "No sample fits.");
  };
  if (!isNews) hits.search(filters, changed);
  changed();
}

/** Goes on with the search. */
export function acts(action, main) {
  if (action === "more") hits.more(() => hits.show(main.querySelector(".results"), "No sample fits."));
}

// MARK: One sample

let shown = null;

export const one = {
  title: "Sample",
  draws(main, state, parameters, isNews) {
    const id = parameters.get("id") ?? "";
    const question = parameters.toString();
    if (isNews && shown?.question === question) return;
    shown = { question };
    const mine = shown;
    const back = h("p", null, h("a", { href: "#samples" }, "All samples"));
    main.replaceChildren(h("h2", null, "Sample ", h("code", null, say(id))), back,
      h("div", { class: "whole" }, h("p", { class: "muted" }, "Looking it up…")), h("div", { class: "trail" }));
    const whole = main.querySelector(".whole");
    const trail = main.querySelector(".trail");
    const found = { id, set: parameters.get("set"), shard: parameters.get("shard"), line: parameters.get("line") };
    look(whole, trail, found, () => shown === mine && main.dataset.view === "sample");
  },
};

async function look(whole, trail, question, isWanted) {
  try {
    const found = await ask("sample", "api/sample", question);
    if (found === null || !isWanted()) return;
    sample(whole, found);
    show(trail, h("p", { class: "muted" }, "Looking for its prompt, answer, verdicts and lineage in log and cache…"));
  } catch (error) {
    if (isWanted()) refuse(whole, error);
    return;
  }
  try {
    const known = await ask("lineage", "api/lineage", question);
    if (known === null || !isWanted()) return;
    if (known.timeline) show(whole.querySelector(".times"), timeline(known.timeline));
    show(trail, h("h3", null, "Prompt, answer, verdicts, lineage"), explanation(known.parts));
  } catch (error) {
    if (isWanted()) refuse(trail, error);
  }
}

const refuse = (place, error) =>
  show(place, h("p", { class: "note bad", role: "alert" }, say(error instanceof Refusal ? error.message : String(error))));

function sample(whole, found) {
  const isObject = found.sample !== null && typeof found.sample === "object" && !Array.isArray(found.sample);
  show(whole,
    found.title ? h("p", { class: "lead" }, say(found.title)) : null,
    h("p", { class: "chips" }, h("span", { class: "chip" }, h("i", null, "set "), say(found.set)),
      h("span", { class: "chip id" }, h("i", null, "shard "), say(found.shard))),
    h("div", { class: "times panel" }, found.timeline ? timeline(found.timeline) : empty("It says nothing of time.")),
    h("h3", null, "Fields"),
    isObject ? members(found.sample, 0, (name, value) => like(found.set, name, value))
      : h("pre", null, say(JSON.stringify(found.sample))));
}

// A way to those that have the same value.
function like(set, name, value) {
  if (typeof value !== "string" || value === "" || value.length > 80 || name === "id" || name === "query_id") return null;
  const known = { template: "template", video_uid: "video", video_id: "video", video: "video" };
  const filters = Object.hasOwn(known, name) ? { set, [known[name]]: value } : { set, member: name, is: value };
  return [" ", h("a", { class: "like", href: address("samples", filters), "aria-label": `Samples with the same ${name}` },
    "same")];
}
