// The view of what flows: graph, stages, processes, and what waits for what.

import { empty, h, say, show, table } from "./dom.js";
import { ago, clock, count, duration, many, rate } from "./format.js";
import { curve } from "./curve.js";
import { draw, graphOf, layOut } from "./graph.js";

export const title = "Flow";

const COLUMNS = [
  { title: "stage" }, { title: "processes", number: true }, { title: "in", number: true }, { title: "out", number: true },
  { title: "rejected", number: true }, { title: "dead letters", number: true }, { title: "rate", number: true },
  { title: "lag", number: true }, { title: "oldest waits", number: true }, { title: "last commit", number: true },
  { title: "rate lately" },
];

export function draws(main, state, parameters) {
  const stages = state.topologies.flatMap((topology) => topology.stages);
  const chosen = parameters.get("stage");
  show(main,
    h("h2", null, "Flow"),
    waits(state),
    state.problems.map((problem) => h("p", { class: "note bad", "data-key": problem }, say(problem))),
    stages.length ? drawing(main, state, chosen) : empty(
      "No stage has committed anything in this log yet. ", h("code", null, "millrace run FILE"), " starts one."),
    stages.length ? detail(state, stages, chosen) : null,
    stages.length ? stageTable(state, stages) : null,
    state.models.length ? modelTable(state) : null,
    processTable(state));
}

function waits(state) {
  if (!state.waits.length) return null;
  return h("section", { class: "note warn", "aria-label": "Waiting" },
    h("h3", null, "Waiting"),
    h("ul", null, state.waits.map((wait) =>
      h("li", { "data-key": `${wait.who} ${wait.what}` }, say(wait.who), " waits for ", say(wait.what), " for ",
        duration((state.time - wait.since) / 1000), wait.message ? [": ", say(wait.message)] : null))));
}

function drawing(main, state, chosen) {
  const style = getComputedStyle(main);
  // Inside of the view's padding and the panel's.
  const room = main.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight) - 30;
  const graph = graphOf(state.topologies);
  const layout = layOut(graph, room);
  return h("div", { class: "scroll panel", tabindex: "0", role: "region", "aria-label": "Graph" },
    draw(graph, layout, chosen));
}

function detail(state, stages, chosen) {
  const stage = stages.find((one) => one.group === chosen);
  if (!stage) return null;
  const total = (one) => h("li", { "data-key": one.name }, h("b", null, count(one.count)), " ", say(one.name));
  return h("section", { class: "panel", "aria-label": `Stage ${stage.group}` },
    h("h3", null, "Stage ", say(stage.group)),
    h("p", { class: "muted" }, "reads ", say(stage.from.join(", ")), stage.output
      ? [", writes ", stage.output.kind === "shards" ? "the shard set " : "", say(stage.output.name)] : null,
      stage.rejects ? [", rejects into ", h("a", { href: `#rejects?topic=${encodeURIComponent(stage.rejects)}` },
        say(stage.rejects))] : null),
    stage.calls && stage.calls[1] > 0
      ? h("p", null, `${count(stage.calls[0])} to ${count(stage.calls[1])} calls to come of what is under way`) : null,
    stage.open.length
      ? h("p", null, "Open, their end has not come: ",
          stage.open.map((one, index) => [index ? ", " : "", `${one.name} ${count(one.count)}`])) : null,
    stage.counts.length ? [h("h4", null, "Counted by step and reason, since ever"),
      h("ul", { class: "counts" }, stage.counts.map(total))] : h("p", { class: "muted" }, "Its steps have counted nothing."));
}

function stageTable(state, stages) {
  const rows = stages.map((stage) => ({
    key: stage.group,
    cells: [
      h("a", { href: `#flow?stage=${encodeURIComponent(stage.group)}` }, say(stage.group)),
      stage.members === 0 && stage.lag > 0 ? h("span", { class: "warn-text" }, "none") : count(stage.members),
      count(stage.in), count(stage.out), count(stage.rejected),
      stage.dead > 0 ? h("a", { href: "#letters", class: "bad-text" }, count(stage.dead)) : "0",
      rate(stage.rate_in), count(stage.lag),
      stage.lag > 0 && typeof stage.lag_seconds === "number" ? duration(stage.lag_seconds) : "–",
      ago(stage.last_commit, state.time), curve(stage.history, `rate of ${stage.group}`) ?? "–",
    ],
  }));
  return table("Stages: counts since ever, rates now", COLUMNS, rows);
}

function modelTable(state) {
  const columns = [{ title: "model server" }, { title: "asked by" }, { title: "calls", number: true },
    { title: "kept answers", number: true }, { title: "failures", number: true }, { title: "tokens", number: true },
    { title: "cost", number: true }, { title: "at the server", number: true }, { title: "in line", number: true },
    { title: "breaker" }];
  return table("Model servers: counts since each process began", columns, state.models.map((model) => ({
    key: `${model.process} ${model.server}`,
    cells: [say(model.server), say(model.process), count(model.calls), count(model.cache_hits), count(model.failures),
      count(model.tokens), model.cost === null ? "–" : say(model.cost), `${model.in_flight} of ${model.in_flight_max}`,
      count(model.waiting),
      model.breaker === "closed" ? "closed" : h("span", { class: "warn-text" }, say(model.breaker))],
  })));
}

function processTable(state) {
  if (!state.processes.length) {
    return empty("No process works on this log now.");
  }
  const columns = [{ title: "process" }, { title: "does" }, { title: "has" }, { title: "since", number: true }];
  const rows = state.processes.map((process) => ({
    key: process.name,
    cells: [say(process.name), say(process.does),
      process.partitions.length ? h("details", { "data-key": "partitions" },
        h("summary", null, many(process.partitions.length, "partition")),
        h("ul", null, process.partitions.map((partition) => h("li", null, say(partition))))) : "–",
      typeof process.since === "number" ? clock(process.since) : "–"],
  }));
  return table("Processes", columns, rows);
}
