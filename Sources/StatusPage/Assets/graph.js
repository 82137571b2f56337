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

// An edge over several layers has a place of its own in each between, so that it passes through no node.
function ways(graph) {
  const layers = new Map(graph.nodes.map((node) => [node.id, node.layer]));
  const between = [];
  const links = [];
  for (const edge of graph.edges) {
    edge.ways = [];
    let from = edge.from;
    for (let at = layers.get(edge.from) + 1; at < layers.get(edge.to); at += 1) {
      const way = { id: `way ${edge.from}>${edge.to} ${at}`, kind: "way", layer: at };
      edge.ways.push(way);
      between.push(way);
      links.push({ from, to: way.id, kind: edge.kind });
      from = way.id;
    }
    links.push({ from, to: edge.to, kind: edge.kind });
  }
  return { places: [...graph.nodes, ...between], links };
}

// Within a layer nodes stand in the order of what leads to them, what is thrown out behind what is kept; and, where they
// are to be straight, no higher than that, so that a chain is one line.
function order(graph, isStraight) {
  const { places, links } = ways(graph);
  const layers = [];
  for (const node of places) (layers[node.layer] ??= []).push(node);
  const side = new Set(links.filter((link) => link.kind !== "reads" && link.kind !== "writes").map((link) => link.to));
  const rows = new Map();
  for (const nodes of layers) {
    const mean = (node) => {
      const before = links.filter((link) => link.to === node.id).map((link) => rows.get(link.from) ?? 0);
      return before.length ? before.reduce((sum, row) => sum + row, 0) / before.length : 0;
    };
    const means = new Map(nodes.map((node) => [node, mean(node)]));
    const weight = (node) => means.get(node) + (side.has(node.id) ? 0.5 : 0) + (node.kind === "letters" ? 0.25 : 0)
      + (node.kind === "way" ? 0.1 : 0);
    nodes.sort((one, other) => weight(one) - weight(other));
    let free = 0;
    for (const node of nodes) {
      node.row = isStraight ? Math.max(free, Math.floor(means.get(node))) : free;
      free = node.row + 1;
      rows.set(node.id, node.row);
    }
  }
  return layers;
}

/** Gives all nodes their places: across where there is room for it, else from the top down. */
export function layOut(graph, room) {
  layer(graph);
  let layers = order(graph, true);
  const rowsOf = () => 1 + Math.max(0, ...layers.flat().map((node) => node.row));
  let rows = rowsOf();
  const wide = layers.length * (ACROSS.width + ACROSS.gapMain) - ACROSS.gapMain + 2;
  const isAcross = wide <= room;
  if (!isAcross && rows * (DOWN.widthMin + DOWN.gapSide) - DOWN.gapSide + 2 > room) {
    layers = order(graph, false);
    rows = rowsOf();
  }
  const share = Math.floor((room - 2 - (rows - 1) * DOWN.gapSide) / rows);
  const width = isAcross ? ACROSS.width : Math.min(DOWN.widthMax, Math.max(DOWN.widthMin, share));
  for (const node of layers.flat()) {
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

// From one place to the next: straight on, and over to the other row right behind the place that is left, where the
// words of no edge stand. `main` is the axis that the layers follow, `gap` the room between two of them.
function path(edge, from, to, isAcross) {
  const gap = isAcross ? ACROSS.gapMain : DOWN.gapMain;
  const at = (node) => isAcross
    ? { main: node.x, end: node.x + node.width, side: node.y + HEIGHT / 2 }
    : { main: node.y, end: node.y + HEIGHT, side: node.x + node.width / 2 };
  const point = (main, side) => (isAcross ? `${main},${side}` : `${side},${main}`);
  const along = isAcross ? "H" : "V";
  let side = at(from).side;
  let text = `M${point(at(from).end, side)}`;
  for (const place of [...edge.ways, to]) {
    const next = at(place);
    const tip = place === to ? next.main - 2 : next.main;
    if (next.side !== side) {
      const bend = tip - gap + 6;
      text += `${along}${bend}C${point(bend + 9, side)} ${point(bend - 5, next.side)} ${point(bend + 9, next.side)}`;
    }
    text += `${along}${place === to ? tip : next.end}`;
    side = next.side;
  }
  return text;
}

function drawEdge(edge, nodes, isAcross) {
  const from = nodes.get(edge.from);
  const to = nodes.get(edge.to);
  const text = labels(edge);
  const note = text.isLag ? "lag" : "note";
  const line = s("path", { d: path(edge, from, to, isAcross), "marker-end": "url(#tip)" });
  const group = { class: `edge ${edge.kind}`, "data-key": `${edge.from}>${edge.to}` };
  if (isAcross) {
    const [endX, endY] = [to.x - 2, to.y + HEIGHT / 2];
    const isStraight = [from, ...edge.ways].at(-1).row === to.row;
    const middle = endX - (isStraight ? ACROSS.gapMain / 2 : ACROSS.gapMain / 2 - 5);
    return s("g", group, line,
      s("text", { x: middle, y: endY - 6, "text-anchor": "middle" }, text.rate),
      s("text", { x: middle, y: endY + 15, "text-anchor": "middle", class: note }, text.note));
  }
  const [endX, endY] = [to.x + to.width / 2, to.y - 2];
  return s("g", group, line,
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
