// The page starts here: who looks, the frame, the first page.

import { byId } from "./lib/dom.js";
import { beatNow, drawAccount, markPage, startFrame } from "./shell/frame.js";
import { listenForHelp } from "./shell/help.js";
import { go, showAgain, startRouter } from "./shell/router.js";
import { keepSession, onSession, readSession, session } from "./shell/session.js";

const SIGN_IN = "/signin";

async function start() {
  startFrame({ spoken: showAgain, signedOutByHand: askToSignIn });
  listenForHelp();
  await readSession();
  onSession(sessionChanged);
  drawAccount();
  if (!session()) history.replaceState(null, "", signInAddress());
  keepSession();
  await startRouter(byId("main"), markPage);
}

function sessionChanged(holder) {
  drawAccount();
  beatNow();
  if (!holder) askToSignIn();
}

function askToSignIn() {
  if (location.pathname !== SIGN_IN) go(signInAddress(), { replace: true });
}

/** With the way back: whoever follows a colleague's link lands there after signing in. */
function signInAddress() {
  if (location.pathname === SIGN_IN) return SIGN_IN + location.search;
  const to = location.pathname + location.search;
  return to === "/" ? SIGN_IN : `${SIGN_IN}?${new URLSearchParams({ to })}`;
}

start();
