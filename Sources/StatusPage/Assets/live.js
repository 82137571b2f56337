// The server: a stream of the newest state, and answers to questions.

import { clock, duration } from "./format.js";

const SILENCE = 15_000;
const RETRY = [1000, 2000, 5000, 10_000];

/** Follows the server's stream; tells `onState` each new state, and `onConnection` how it stands. */
export function follow(onState, onConnection) {
  let source = null;
  let state = null;
  let attempts = 0;
  let newest = null;
  let heard = 0;
  let lostSince = null;

  const lost = () => {
    lostSince ??= Date.now();
    tell();
  };

  const tell = () => {
    const now = Date.now();
    if (lostSince !== null) {
      const asOf = newest === null ? "nothing was heard of it yet" : `this is as of ${clock(newest)}`;
      onConnection("lost", `server gone for ${duration(Math.round((now - lostSince) / 1000))}; ${asOf}; trying again`);
    } else if (newest === null) {
      onConnection("starting", "connecting");
    } else if (now - heard > SILENCE) {
      onConnection("silent", `no news for ${duration(Math.round((now - heard) / 1000))}`);
    } else {
      onConnection("live", `live, ${clock(newest)}`);
    }
  };

  let again = null;

  const open = () => {
    clearTimeout(again);
    source?.close();
    heard = Date.now();
    source = new EventSource("events");
    // The state comes when it has changed, the clock with every look at it.
    source.addEventListener("state", (event) => { state = read(event) ?? state; });
    source.addEventListener("clock", (event) => {
      const time = read(event)?.time;
      if (typeof time !== "number" || state === null) return;
      attempts = 0;
      lostSince = null;
      heard = Date.now();
      newest = time;
      tell();
      onState({ ...state, time });
    });
    source.addEventListener("error", () => {
      lost();
      // The browser comes again by itself unless it was refused.
      if (source.readyState !== EventSource.CLOSED) return;
      again = setTimeout(open, RETRY[Math.min(attempts, RETRY.length - 1)]);
      attempts += 1;
    });
  };

  const close = () => {
    clearTimeout(again);
    source?.close();
  };

  // A browser has few connections to a server, for all its tabs together: those that nobody sees give theirs back.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => {
    if (event.persisted) open();
  });
  if (!document.hidden) open();
  setInterval(tell, 1000);
}

function read(event) {
  try {
    return JSON.parse(event.data);
  } catch {
    return null;
  }
}

/** An answer that is none: `message` says why. */
export class Refusal extends Error {}

/** Asks the server; of several questions of a kind only the last is answered. */
const asked = new Map();

export async function ask(kind, path, parameters) {
  asked.get(kind)?.abort();
  const control = new AbortController();
  asked.set(kind, control);
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  }
  let response;
  try {
    response = await fetch(`${path}?${query}`, { signal: control.signal, cache: "no-store", headers: { Accept: "application/json" } });
  } catch {
    if (control.signal.aborted) return null;
    throw new Refusal("The server does not answer. The page goes on trying; ask again when it is live.");
  }
  try {
    // A refusal is a sentence, anything else JSON.
    if (!response.ok) throw new Refusal((await response.text()) || `The server refused this (${response.status}).`);
    return await response.json();
  } catch (error) {
    if (control.signal.aborted) return null;
    throw error instanceof Refusal ? error : new Refusal("The server's answer broke off; ask again.");
  }
}

/** Forgets a question. */
export function forget(kind) {
  asked.get(kind)?.abort();
  asked.delete(kind);
}
