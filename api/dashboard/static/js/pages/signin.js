// Signing in with an API key. The key goes to the gateway once; what the browser keeps is a session's cookie,
// which no script can read.

import { element, setText } from "../lib/dom.js";
import { pageOf } from "../shell/router.js";
import { session, signIn } from "../shell/session.js";
import { t } from "../shell/words.js";

export function mount(root, ctx) {
  if (session()) {
    root.append(element("div", { class: "signin panel" }, element("h1", {}, t(session().open ? "signin.open" : "signin.already")),
      element("a", { class: "tool primary", href: "/" }, t("page.live"))));
    return;
  }
  const key = element("input", { id: "key", type: "password", autocomplete: "current-password", required: true, maxlength: 256, spellcheck: "false", placeholder: "ik_…", "aria-describedby": "signin-trouble" });
  const trouble = element("p", { id: "signin-trouble", class: "trouble", role: "alert" });
  const enter = element("button", { type: "submit", class: "tool primary" }, t("signin.in"));
  const form = element("form", { class: "signin panel", onsubmit: async (event) => {
    event.preventDefault();
    enter.disabled = true;
    setText(trouble, "");
    const refused = await signIn(key.value.trim());
    enter.disabled = false;
    if (!refused) ctx.go(wayBack(ctx.query.get("to")), { replace: true });
    else setText(trouble, wordsOf(refused));
  } },
  element("h1", {}, t("signin.title")), element("p", { class: "quiet" }, t("signin.how")),
  element("label", { class: "field" }, element("span", {}, t("signin.key")), key), trouble, enter);
  root.append(form);
  key.focus();
}

function wordsOf({ status, problem }) {
  if (status === 0) return t("signin.no_answer");
  if (status === 403) return t("signin.camera");
  if (status === 401 && problem.detail === "the API key is not known") return t("signin.unknown");
  return problem.detail ?? problem.title ?? `HTTP ${status}`;
}

/** Only to a page of this very gateway: the address came with a link. */
function wayBack(to) {
  const url = to ? new URL(to, location.origin) : null;
  return url && url.origin === location.origin && pageOf(url.pathname) ? url.pathname + url.search : "/";
}
