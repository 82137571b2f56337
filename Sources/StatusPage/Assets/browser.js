// What the browsers of samples and of rejects share: a form of filters that is the page's address, hits, and a way on.

import { empty, h, say, show } from "./dom.js";
import { bytes, clock, count, duration } from "./format.js";
import { ask, Refusal } from "./live.js";

/** The address of a view with some parameters, empty ones left out. */
export function address(view, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  }
  const text = query.toString();
  return `#${view}${text ? `?${text}` : ""}`;
}

/** A field of a form. `choices` makes it a choice, `known` proposes values. */
export function field(name, label, value, { choices, known, type } = {}) {
  const id = `field-${name}`;
  let input;
  if (choices) {
    input = h("select", { id, name },
      choices.map((choice) => h("option", { value: choice.value, selected: choice.value === value }, choice.label)));
  } else {
    input = h("input", { id, name, type: type ?? "text", autocomplete: "off", spellcheck: "false",
      list: known?.length ? `known-${name}` : null });
    input.value = value ?? "";
  }
  return h("div", { class: `field ${name}` },
    h("label", { for: id }, label), input,
    known?.length ? h("datalist", { id: `known-${name}` }, known.map((one) => h("option", { value: one }))) : null);
}

/** A form whose fields become the address of its view. */
export function form(view, label, fields) {
  return h("form", { class: "filters panel", "data-view": view, role: "search", "aria-label": label },
    fields, h("div", { class: "field go" }, h("button", { type: "submit" }, "Search"),
      h("a", { class: "button quiet", href: `#${view}` }, "Clear")));
}

const STOPPED = {
  bounds: "it had looked at as much as one search may", time: "its time was up", bytes: "it had read as much as one search may", limit: "that many are shown at a time",
};

/** How far a search went, in words. */
export function reach(found) {
  if (found.exact) return ["Found by its id."];
  const read = `${count(found.scanned)} looked at, ${bytes(found.bytes)} in ${duration(found.seconds)}`;
  if (!found.stopped) return [`All of it was searched: ${read}.`];
  const where = found.at ? [" at ", say(found.at)] : null;
  return [`Stopped early${found.stopped === "limit" ? "" : `, since ${STOPPED[found.stopped] ?? found.stopped}`}`, where,
    `, newest first: ${read}.`];
}

/** Searches, and shows hits as they come; "go on" takes up the search where it stopped. */
export class Hits {
  constructor(kind, path, draw) {
    this.kind = kind;
    this.path = path;
    this.draw = draw;
    this.clear();
  }

  clear() {
    this.hits = [];
    this.found = null;
    this.error = null;
    this.busy = false;
    this.question = null;
  }

  /** Asks, unless this very question was asked. */
  async search(parameters, changed) {
    const question = JSON.stringify(parameters);
    if (question === this.question) return;
    this.clear();
    this.question = question;
    this.parameters = parameters;
    await this.#ask(null, changed);
  }

  /** Goes on where the search stopped. */
  async more(changed) {
    if (!this.busy && this.found?.next) await this.#ask(this.found.next, changed);
  }

  async #ask(from, changed) {
    this.busy = true;
    this.error = null;
    changed();
    const question = this.question;
    try {
      const found = await ask(this.kind, this.path, { ...this.parameters, from });
      if (found === null || question !== this.question) return;
      this.found = found;
      this.hits.push(...found.hits);
    } catch (error) {
      if (question !== this.question) return;
      this.error = error instanceof Refusal ? error.message : String(error);
      if (from === null) this.question = null;
    }
    this.busy = false;
    changed();
  }

  /** The hits, and how far the search went. */
  show(parent, none) {
    show(parent,
      this.error ? h("p", { class: "note bad", role: "alert" }, say(this.error)) : null,
      this.busy && !this.hits.length ? h("p", { class: "muted" }, "Searching…") : null,
      this.hits.length ? h("ol", { class: "hits" }, this.hits.map((hit) => this.draw(hit))) : null,
      !this.busy && this.found && !this.hits.length ? empty(none) : null,
      this.found ? h("p", { class: "muted reach", role: "status" }, reach(this.found)) : null,
      (this.found?.unreadable ?? []).map((problem) => h("p", { class: "note bad" }, "Passed over: ", say(problem))),
      this.found?.next ? h("button", { type: "button", "data-action": "more", disabled: this.busy },
        this.busy ? "Searching…" : "Search on") : null);
  }
}

/** A hit: its title leads to the whole, chips say the rest. */
export function hit(href, title, chips, note) {
  return h("li", { class: "hit", "data-key": href },
    h("a", { href, class: "title" }, say(title)),
    note ? h("p", { class: "why" }, say(note)) : null,
    h("p", { class: "chips" }, chips.filter((chip) => chip.value !== undefined && chip.value !== null && chip.value !== "")
      .map((chip) => h("span", { class: `chip ${chip.style ?? ""}` }, chip.name ? h("i", null, `${chip.name} `) : null,
        chip.href ? h("a", { href: chip.href }, say(chip.value)) : say(chip.value)))));
}

/** A moment, as a chip. */
export const when = (time) => ({ name: "at", value: clock(time) });
