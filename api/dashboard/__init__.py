"""The pages: plain files, no build step, nothing from outside, so they work offline.

routes.py          serves them, with the content security policy
static/index.html  the frame: navigation, status strip, banner; every URL of a page answers with it
static/css/        tokens.css (colours, type, space), base.css (what pages are made of), shell.css (frame),
                   part.css (one part, wherever it is shown), then a file a page
static/js/         app.js starts; first.js sets the theme before the first paint; pages.js lists the pages
  shell/           router, frame (strip, account), heartbeat, session, api, words (languages), theme, help
  words/           en.js, zh.js: every word of the page, the same keys in both
  pages/           a module a page: mount(root, ctx)
  live/            what the live page alone has: feed, stream, history, tally, lines, counts, strip
  overview/        the overview: figures, control charts, Pareto, map, trend; plotly (plotly.py serves it)
  part/            one part: part (an answer, read with suspicion), stage, zoom, boxes, heat, verdict,
                   findings, facts
  lib/             dom (text and elements, never markup), format (figures)

How a page is added
-------------------
1. `js/pages/NAME.js` exports `mount(root, ctx)`: it fills `root` (an empty div) with `element()` of
   lib/dom.js, the first thing an <h1>, and returns nothing, or a function to be called when the page is left.
   ctx.query, ctx.params   a copy of the URL's query; the names in its path
   ctx.setQuery({line: "L1", lot: ""})   writes filters into the URL ("" takes one out): a link keeps them
   ctx.go("/gallery?verdict=NG")   another page; a plain <a href> does the same
   ctx.signal              aborted when the page is left: hand it to fetch and to addEventListener
   ctx.every(ms, act)      now and then, until the page is left
   Data: `ask("/v1/...", {signal})` of shell/api.js; a refusal is a Refusal with .status and .problem.
2. A line in `js/pages.js` (`nav: true` puts it into the bar) and its path in PAGES of routes.py.
3. `css/NAME.css`, linked in index.html. Colours are the tokens' only; a canvas gets one by
   `colour("--accent")` of shell/theme.js, and hears `themechange` on the root element.
4. Words by `t("NAME.word", {values})`, plurals by `counted("NAME.word", n)`, in words/en.js and words/zh.js
   under `page.NAME` and `NAME.*`. A change of language mounts the page again.
No inline style or script, no markup from text: the policy forbids both. Styles that depend on data are set as
properties (`node.style.width = ...`), or are SVG attributes.
"""
