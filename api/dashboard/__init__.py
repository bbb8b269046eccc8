"""The pages: plain files, no build step, nothing from outside, so they work offline.

routes.py        serves them, with the content security policy
static/          index.html (the live stream of parts), icon.svg
static/css/      theme.css (colours, type), layout.css (where things stand), live.css (the things themselves)
static/js/       live.js puts together:
                   stream.js    the event stream, and its recovery
                   part.js      an answer of the API, read with suspicion
                   history.js   the last parts, bounded       tally.js    counts, rate, latency
                   stage.js     image, boxes.js, heat.js      panel.js    verdict, facts, findings
                   strip.js     the thumbnails                status.js   queue and workers
                   dom.js       text and elements, never markup
"""
