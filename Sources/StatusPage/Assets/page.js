// The page: its views, its address, and the news that they show.

import { h, say, show, written } from "./dom.js";
import { short } from "./format.js";
import { follow, forget } from "./live.js";
import * as flow from "./flow.js";
import * as letters from "./letters.js";
import * as rejects from "./rejects.js";
import * as samples from "./samples.js";
import * as sets from "./sets.js";
import * as trainers from "./trainers.js";

const TABS = { flow, samples, rejects, letters, sets, trainers };
const VIEWS = { ...TABS, sample: samples.one, reject: rejects.one };
const PARENTS = { sample: "samples", reject: "rejects" };

const main = document.getElementById("content");
let state = null;

function place() {
  const [name, query] = location.hash.slice(1).split(/\?(.*)/s);
  const view = Object.hasOwn(VIEWS, name) ? name : "flow";
  return { view, parameters: new URLSearchParams(query ?? "") };
}

function tabs(view) {
  const chosen = PARENTS[view] ?? view;
  show(document.getElementById("tabs"), Object.entries(TABS).map(([name, tab]) => {
    const badge = state ? tab.badge?.(state) ?? 0 : 0;
    return h("a", { href: `#${name}`, "aria-current": name === chosen ? "page" : null, "data-key": name }, tab.title,
      badge > 0 ? h("span", { class: "badge" }, short(badge)) : null);
  }));
}

function draw(isNews) {
  const { view, parameters } = place();
  tabs(view);
  if (state === null) return;
  document.title = `${VIEWS[view].title} – Millrace ${written(state.place.home)}`;
  if (!isNews) main.replaceChildren();
  main.dataset.view = view;
  VIEWS[view].draws(main, state, parameters, isNews);
}

function move() {
  for (const kind of ["sample", "lineage", "reject", "origin"]) forget(kind);
  draw(false);
  // A reader of the screen hears the new view; the tabs keep the focus they have.
  if (!document.activeElement?.closest("nav, form")) main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

addEventListener("hashchange", () => {
  if (location.hash !== "#content") move();
});

let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  if (main.dataset.view === "flow") draw(true);
});

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(event.target)) if (value !== "") query.set(name, value);
  const address = `#${event.target.dataset.view}${query.size ? `?${query}` : ""}`;
  if (address === location.hash) draw(false);
  else location.hash = address;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-action]");
  if (!button) return;
  if (button.dataset.action === "copy") copy(button);
  else VIEWS[main.dataset.view]?.acts?.(button.dataset.action, main);
});

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.text);
    button.textContent = "Copied";
  } catch {
    // Where the clipboard is out of reach, the command is marked, ready to be copied by hand.
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    button.textContent = "Marked";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

const connection = document.getElementById("connection");

draw(false);
follow((news) => {
  const isFirst = state === null;
  state = news;
  show(document.getElementById("place"), say(state.place.home), state.place.log ? [" on ", say(state.place.log)] : null);
  draw(!isFirst);
}, (kind, text) => {
  if (connection.dataset.state !== kind) connection.dataset.state = kind;
  document.body.classList.toggle("stale", kind === "lost" || kind === "silent");
  show(connection, text);
});
