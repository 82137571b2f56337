// The topologies as a graph: its nodes and edges, their places, and the drawing.

import { s } from "./dom.js";
import { count, rate, short } from "./format.js";

const HEIGHT = 40;
const ACROSS = { width: 120, gapMain: 55, gapSide: 30 };
const DOWN = { widthMin: 96, widthMax: 140, gapMain: 46, gapSide: 14 };

/** The nodes and edges of some topologies; a topic that two of them share is one node. */
export function graphOf(topologies, letters) {
  const nodes = new Map();
  const edges = [];
  const node = (kind, name, more) => {
    const id = `${kind} ${name}`;
    if (!nodes.has(id)) nodes.set(id, { id, kind, name, ...more });
    else if (more?.href) nodes.get(id).href = more.href;
    return id;
  };
  for (const topology of topologies) {
    for (const stage of topology.stages) {
      const own = node("stage", stage.group,
        { title: stage.name, topology: topology.name, stage, href: `#flow?stage=${encodeURIComponent(stage.group)}` });
      for (const topic of stage.from) edges.push({ from: node("topic", topic), to: own, kind: "reads", stage });
      if (stage.output) {
        const isSet = stage.output.kind === "shards";
        const href = isSet ? `#samples?set=${encodeURIComponent(stage.output.name)}` : null;
        const to = node(isSet ? "set" : "topic", stage.output.name, href ? { href } : undefined);
        edges.push({ from: own, to, kind: "writes", stage });
      }
      if (stage.rejects) {
        const href = `#rejects?topic=${encodeURIComponent(stage.rejects)}`;
        edges.push({ from: own, to: node("topic", stage.rejects, { href }), kind: "rejects", stage });
      }
      if (stage.dead > 0 && topology.letters) {
        const href = `#letters?topic=${encodeURIComponent(topology.letters)}`;
        edges.push({ from: own, to: node("letters", topology.letters, { href }), kind: "letters", stage });
      }
    }
  }
  return { nodes: [...nodes.values()], edges };
}

// Each node stands one layer behind the last of those that lead to it; a way around is walked once.
function layer(graph) {
  const into = new Map(graph.nodes.map((node) => [node.id, []]));
  for (const edge of graph.edges) into.get(edge.to).push(edge.from);
  const layers = new Map();
  const depth = (id, way) => {
    if (layers.has(id)) return layers.get(id);
    if (way.has(id)) return 0;
    way.add(id);
    const found = into.get(id).reduce((most, from) => Math.max(most, depth(from, way) + 1), 0);
    way.delete(id);
    layers.set(id, found);
    return found;
  };
  for (const node of graph.nodes) node.layer = depth(node.id, new Set());
}

// Within a layer nodes stand in the order of what leads to them, what is thrown out behind what is kept.
function order(graph) {
  const layers = [];
  for (const node of graph.nodes) (layers[node.layer] ??= []).push(node);
  const side = new Set(graph.edges.filter((edge) => edge.kind !== "reads" && edge.kind !== "writes").map((e) => e.to));
  for (const nodes of layers) {
    const weigh = (node) => {
      const before = graph.edges.filter((edge) => edge.to === node.id);
      const places = before.map((edge) => graph.nodes.find((other) => other.id === edge.from)?.row ?? 0);
      const mean = places.length ? places.reduce((sum, place) => sum + place, 0) / places.length : 0;
      return mean + (side.has(node.id) ? 0.5 : 0) + (node.kind === "letters" ? 0.25 : 0);
    };
    const weights = new Map(nodes.map((node) => [node, weigh(node)]));
    nodes.sort((one, other) => weights.get(one) - weights.get(other));
    nodes.forEach((node, row) => { node.row = row; });
  }
  return layers;
}

/** Gives all nodes their places: across where there is room for it, else from the top down. */
export function layOut(graph, room) {
  layer(graph);
  const layers = order(graph);
  const rows = Math.max(1, ...layers.map((nodes) => nodes.length));
  const wide = layers.length * (ACROSS.width + ACROSS.gapMain) - ACROSS.gapMain + 2;
  const isAcross = wide <= room;
  const share = Math.floor((room - 2 - (rows - 1) * DOWN.gapSide) / rows);
  const width = isAcross ? ACROSS.width : Math.min(DOWN.widthMax, Math.max(DOWN.widthMin, share));
  for (const node of graph.nodes) {
    node.width = width;
    if (isAcross) {
      node.x = node.layer * (width + ACROSS.gapMain) + 1;
      node.y = node.row * (HEIGHT + ACROSS.gapSide) + 4;
    } else {
      node.x = node.row * (width + DOWN.gapSide) + 1;
      node.y = node.layer * (HEIGHT + DOWN.gapMain) + 1;
    }
  }
  return isAcross
    ? { isAcross, width: wide, height: rows * (HEIGHT + ACROSS.gapSide) - ACROSS.gapSide + 8 }
    : { isAcross, width: rows * (width + DOWN.gapSide) - DOWN.gapSide + 2,
        height: layers.length * (HEIGHT + DOWN.gapMain) - DOWN.gapMain + 2 };
}

function labels(edge) {
  const stage = edge.stage;
  switch (edge.kind) {
    case "reads":
      return { rate: rate(stage.rate_in), note: stage.lag > 0 ? `lag ${short(stage.lag)}` : "", isLag: true };
    case "writes": return { rate: rate(stage.rate_out), note: short(stage.out) };
    case "rejects": return { rate: stage.rate_rejected > 0 ? rate(stage.rate_rejected) : "", note: short(stage.rejected) };
    default: return { rate: "", note: short(stage.dead) };
  }
}

function drawEdge(edge, nodes, isAcross) {
  const from = nodes.get(edge.from);
  const to = nodes.get(edge.to);
  const text = labels(edge);
  const note = text.isLag ? "lag" : "note";
  if (isAcross) {
    const [x, y] = [from.x + from.width, from.y + HEIGHT / 2];
    const [endX, endY] = [to.x - 2, to.y + HEIGHT / 2];
    const bend = endX - ACROSS.gapMain + 6;
    const path = y === endY ? `M${x},${y}H${endX}`
      : `M${x},${y}H${bend}C${bend + 9},${y} ${bend - 5},${endY} ${bend + 9},${endY}H${endX}`;
    const middle = endX - (y === endY ? ACROSS.gapMain / 2 : ACROSS.gapMain / 2 - 5);
    return s("g", { class: `edge ${edge.kind}`, "data-key": `${edge.from}>${edge.to}` },
      s("path", { d: path, "marker-end": "url(#tip)" }),
      s("text", { x: middle, y: endY - 6, "text-anchor": "middle" }, text.rate),
      s("text", { x: middle, y: endY + 15, "text-anchor": "middle", class: note }, text.note));
  }
  const [x, y] = [from.x + from.width / 2, from.y + HEIGHT];
  const [endX, endY] = [to.x + to.width / 2, to.y - 2];
  const bend = endY - DOWN.gapMain + 6;
  const path = x === endX ? `M${x},${y}V${endY}`
    : `M${x},${y}V${bend}C${x},${bend + 9} ${endX},${bend - 5} ${endX},${bend + 9}V${endY}`;
  return s("g", { class: `edge ${edge.kind}`, "data-key": `${edge.from}>${edge.to}` },
    s("path", { d: path, "marker-end": "url(#tip)" }),
    s("text", { x: endX + 7, y: endY - 17 }, text.rate),
    s("text", { x: endX + 7, y: endY - 4, class: note }, text.note));
}

const KINDS = { topic: "topic", stage: "stage", set: "shard set", letters: "dead letters" };

// Names that are too long are cut in the middle: they differ at their ends.
function cut(name, width, letter) {
  const most = Math.floor((width - 8) / letter);
  if (name.length <= most) return name;
  const half = Math.floor((most - 1) / 2);
  return `${name.slice(0, most - 1 - half)}…${name.slice(-half)}`;
}

function drawNode(node, chosen) {
  const note = node.kind === "stage" ? `${node.topology}, ${short(node.stage.in)} in` : KINDS[node.kind];
  const name = `${KINDS[node.kind]} ${node.title ?? node.name}`;
  const middle = node.x + node.width / 2;
  const inner = [
    s("title", null, node.kind === "stage" ? `${name} of ${node.topology}: ${count(node.stage.in)} records in` : name),
    s("rect", { x: node.x, y: node.y, width: node.width, height: HEIGHT,
      rx: node.kind === "topic" || node.kind === "letters" ? HEIGHT / 2 : 5 }),
    s("text", { x: middle, y: node.y + 17, "text-anchor": "middle", class: "name" },
      cut(node.title ?? node.name, node.width, 7.3)),
    s("text", { x: middle, y: node.y + 31, "text-anchor": "middle", class: "kind" }, cut(note, node.width - 8, 6)),
  ];
  const isStuck = node.kind === "stage" && node.stage.lag > 0 && node.stage.members === 0;
  const isChosen = chosen !== null && node.kind === "stage" && node.name === chosen;
  const style = `node ${node.kind}${isStuck ? " stuck" : ""}${isChosen ? " chosen" : ""}`;
  return node.href
    ? s("a", { href: node.href, class: style, "data-key": node.id, "aria-label": name }, inner)
    : s("g", { class: style, "data-key": node.id }, inner);
}

/** The drawing. */
export function draw(graph, layout, chosen) {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  return s("svg",
    { class: "graph", viewBox: `0 0 ${layout.width} ${layout.height}`, width: layout.width, height: layout.height,
      role: "group", "aria-label": "The topologies as a graph; the table of stages below says the same" },
    s("defs", null,
      s("marker", { id: "tip", markerWidth: 7, markerHeight: 7, refX: 6, refY: 3, orient: "auto" },
        s("path", { d: "M0,0L6,3L0,6z" }))),
    graph.edges.map((edge) => drawEdge(edge, nodes, layout.isAcross)),
    graph.nodes.map((node) => drawNode(node, chosen)));
}
