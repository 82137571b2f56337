// The trainers' last figures, with a small curve each.

import { empty, h, say, show } from "./dom.js";
import { ago, figure } from "./format.js";
import { curve } from "./curve.js";

export const title = "Trainers";

export function draws(main, state) {
  show(main,
    h("h2", null, "Trainers"),
    state.trainers.length
      ? h("div", { class: "cards" }, state.trainers.map((trainer) => card(trainer, state.time)))
      : empty("No trainer works on this home now. ", h("code", null, "millrace train --wait"), " starts one."));
}

function card(trainer, now) {
  return h("section", { class: "panel", "data-key": trainer.process, "aria-label": `Trainer ${trainer.process}` },
    h("h3", null, say(trainer.name), " ", h("span", { class: "muted" }, say(trainer.process))),
    trainer.waits ? h("p", { class: "note warn" }, "waits: ", say(trainer.waits)) : null,
    h("dl", { class: "figures" }, trainer.values.map((value) => [
      h("dt", null, say(value.name)),
      h("dd", null, h("b", null, figure(value.value)), curve(value.history, value.name)),
    ])),
    h("p", { class: "muted" }, "as of ", ago(trainer.time, now)));
}
