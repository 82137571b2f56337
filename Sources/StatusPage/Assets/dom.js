// Elements from values. Text becomes nodes of text and nothing else: no markup is ever parsed here.

const SVG = "http://www.w3.org/2000/svg";

// What controls a terminal, the direction of text or its lines, or hides what others see: as VisibleText has it.
const HARMFUL = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff" +
    "\\ufff9-\\ufffb\\ud800-\\udfff]|[\\u{e0000}-\\u{e007f}]", "gu");

/** The nodes of a text: what would act is written out, as `\u{1b}`. */
export function visible(text) {
  const nodes = [];
  let start = 0;
  for (const match of text.matchAll(HARMFUL)) {
    if (match.index > start) nodes.push(document.createTextNode(text.slice(start, match.index)));
    const mark = document.createElement("span");
    mark.className = "escape";
    mark.textContent = `\\u{${match[0].codePointAt(0).toString(16)}}`;
    nodes.push(mark);
    start = match.index + match[0].length;
  }
  if (start < text.length) nodes.push(document.createTextNode(text.slice(start)));
  return nodes;
}

/** A text as plain text, for attributes and titles. */
export const written = (text) =>
  String(text).replace(HARMFUL, (found) => `\\u{${found.codePointAt(0).toString(16)}}`);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    // Links lead within the page; nothing that is shown can lead out of it, or run.
    if (name === "href" && !String(value).startsWith("#")) continue;
    element.setAttribute(name, value === true ? "" : written(value));
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue;
    if (Array.isArray(child)) add(element, child);
    else if (child instanceof Node) element.append(child);
    // Drawings know no elements of HTML, the marks of what was written out among them.
    else if (element.namespaceURI === SVG) element.append(written(child));
    else element.append(...visible(String(child)));
  }
}

/** An element of HTML. */
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/** An element of SVG. */
export const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** A text from outside, whose direction stays its own. */
export const say = (text) => h("bdi", null, text);

/** Makes an element's children like others, and keeps those that are there: focus, selection and scrolling stay. */
export function show(parent, ...children) {
  const wanted = document.createDocumentFragment();
  add(wanted, children);
  morph(parent, wanted);
}

function morph(old, wanted) {
  let next = old.firstChild;
  for (const node of [...wanted.childNodes]) {
    if (next && isLike(next, node)) {
      if (next.nodeType === Node.TEXT_NODE) {
        if (next.data !== node.data) next.data = node.data;
      } else {
        same(next, node);
        morph(next, node);
      }
      next = next.nextSibling;
    } else {
      old.insertBefore(node, next);
    }
  }
  while (next) {
    const rest = next.nextSibling;
    next.remove();
    next = rest;
  }
}

const key = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null);

const isLike = (one, other) =>
  one.nodeType === other.nodeType && one.nodeName === other.nodeName && key(one) === key(other);

// A user's own doing: what was opened, chosen or typed.
const KEPT = new Set(["open", "value"]);

function same(old, wanted) {
  for (const { name } of [...old.attributes]) {
    if (!wanted.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...wanted.attributes]) {
    if (!KEPT.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

/** A table; `columns` are `{ title, number, wide }`, rows arrays of cells. */
export function table(caption, columns, rows) {
  const head = columns.map((column) =>
    h("th", { scope: "col", class: column.number ? "number" : null }, column.title));
  const body = rows.map((row) =>
    h("tr", { "data-key": row.key },
      (row.cells ?? row).map((cell, index) =>
        h(index === 0 ? "th" : "td",
          { scope: index === 0 ? "row" : null, class: columns[index].number ? "number" : columns[index].class,
            "data-title": columns[index].title }, cell))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", null, h("caption", null, caption), h("thead", null, h("tr", null, head)), h("tbody", null, body)));
}

/** A remark where there is nothing to show. */
export const empty = (...text) => h("p", { class: "note" }, ...text);
