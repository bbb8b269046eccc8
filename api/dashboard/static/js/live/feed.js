// All that the live page knows, for as long as the browser's tab lives: whoever looks a part up elsewhere and
// comes back finds the counts and the last parts as they went on. The stream is opened with the first visit.

import { onHeartbeat, partSeen, streamIs } from "../shell/frame.js";
import { onSession } from "../shell/session.js";
import { readPart } from "../part/part.js";
import { History } from "./history.js";
import { Stream } from "./stream.js";
import { Tally } from "./tally.js";

let feed = null;

/** {history, tally, openedAt, gap}: the one feed of this tab. */
export function liveFeed() {
  feed ??= openFeed();
  return feed;
}

function openFeed() {
  const opened = { history: new History(), tally: new Tally(), openedAt: new Date(), gap: false };
  const stream = new Stream({
    envelope: (envelope, ageMs) => take(opened, envelope, ageMs),
    known: (id) => opened.tally.knows(id),
    state: streamIs,
    gap: () => { opened.gap = true; },
  });
  const ending = new AbortController();
  let server = "up";
  onHeartbeat((state) => {
    const was = server;
    server = state;
    if (state !== "up" || was === "up") return;
    if (was === "queue-down") stream.refill();
    else stream.open();
  }, ending.signal);
  // Another person sees other lines; nobody sees nothing.
  onSession(() => { ending.abort(); stream.close(); streamIs(null); feed = null; }, ending.signal);
  streamIs("connecting");
  stream.open();
  return opened;
}

function take({ history, tally }, envelope, ageMs) {
  const part = readPart(envelope);
  if (!tally.add(part, ageMs)) return;
  history.add(part);
  partSeen(tally.of("").lastAt);
}
