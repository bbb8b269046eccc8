"""The gateway: takes images in over HTTP, shows results. Light: no torch, numpy, OpenCV or OpenVINO.

__main__.py   `python -m api`: options, ports, signals
guard.py      what one client may hold of the server: deadlines and limits of each connection
server.py     the HTTP server, and how it stops
app.py        create_app(settings): resources opened in the lifespan into a typed state
settings.py   every setting, with its unit and its reason
state.py      what is open while the process runs
gateway.py    all request logic: validate, admit, publish, await the outcome
intake.py     how many bytes may be on their way in at a time
body.py       the request body: a stream with a cap, hashed as it comes
access.py     which route needs which role, said at the route
keyring.py    who holds a request: the API keys in force, re-read when their file changes
sessions.py   what a browser holds in place of a key: signed, and ended with it
cookies.py    how the session's cookie is set and read
parameters.py query parameters and headers: every rule about what a client may write
envelope.py   the answer's bytes; the worker's result goes in unparsed
records.py    what the database and the store of images are asked
room.py       whether there is room, before a body is read
admission.py  whether an image can be inspected before its deadline
pace.py       what workers finish a second while somebody waits for them
hub.py        ONE reader of results for the process -> waiting requests and live viewers
promptly.py   a queue that hangs is told within a second
expiry.py     expires accepted images that no worker starts in time
posting.py    the way of an image past the framework
problems.py   the ONE place that turns errors into RFC 9457 problem documents
metrics.py    every Prometheus metric of the gateway
security.py   the headers that every answer carries
schemas.py    what the answers look like, for the documentation only
openapi.py    what FastAPI cannot know of the API: headers, the binary body, the problems
background.py the loops beside the requests, kept alive
routes/       one file a group of URLs; no logic in them
dashboard/    the pages that people look at
"""
