"""`inspector playground`: drop an image, see what a model makes of it and why. studies/ does the work."""

from __future__ import annotations

import os
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from inspector.cli.stack.ports import demand
from inspector.data.synthetic import board
from inspector.errors import InspectorError
from inspector.imaging.levels import displayable
from inspector.imaging.overlay import encode_png
from inspector.messages.recipe import Recipe, Thresholds
from inspector.models.bundle import Bundle, resolve
from inspector.studies import page
from inspector.studies.channels import Examiner

# Before gradio is imported: it reads them then. Nothing is sent, asked or fetched.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")

import gradio as gr
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADING = """## Inspector playground
What a model sees in an image, and which of its channels the gates raise and damp."""

DEFAULT_THRESHOLD = 0.5

POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; frame-ancestors 'self'"
)
"""Content-Security-Policy: the browser loads nothing from elsewhere, whatever gradio's page asks for."""


def playground(
    model: Annotated[
        list[str] | None,
        typer.Option(help="A bundle's folder, or default for the shipped one; repeat it to compare."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this one open it to all.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 7860,
) -> None:
    """A page to drop an image on: boxes, the map, and which channels the gates raised and damped.

    Several models stand side by side, such as none, SE and CBAM of an ablation. For looking, not for a line:
    there is no queue, no recipe and no record.

    Example: inspector playground --model default --model runs/ablation/runs/none-neck-0/bundle
    """
    demand(host, port, "--port")
    examiners = [Examiner(Bundle.load(resolve(name))) for name in model or ["default"]]
    typer.echo(f"http://{host}:{port}/  Ctrl-C stops it")
    serve(blocks(examiners), host, port)


def serve(made: gr.Blocks, host: str, port: int) -> None:
    """Serve the page until Ctrl-C; the browser is told to load nothing from elsewhere."""
    made.launch(
        server_name=host,
        server_port=port,
        share=False,
        quiet=True,
        ssr_mode=False,
        footer_links=[],
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css=page.STYLE,
        app_kwargs={"middleware": [Middleware(_Policy)]},
    )


def blocks(examiners: list[Examiner]) -> gr.Blocks:
    """The page: a picture and a threshold in, HTML out."""
    drawn = iter(range(10**9))

    def draw_board() -> NDArray[np.uint8]:
        return displayable(board(next(drawn), size=(480, 480)).image)

    def look(image: NDArray[np.uint8] | None, threshold: float) -> str:
        return shown(examiners, image, threshold)

    with gr.Blocks(title="Inspector playground", analytics_enabled=False, fill_width=True) as made:
        gr.Markdown(HEADING)
        with gr.Row():
            with gr.Column(scale=1, min_width=300):
                image = gr.Image(
                    label="The part", type="numpy", image_mode="RGB", sources=["upload", "clipboard"]
                )
                threshold = gr.Slider(
                    0.05, 0.95, DEFAULT_THRESHOLD, step=0.01, label="Threshold, all classes"
                )
                button = gr.Button("Draw a synthetic board")
            with gr.Column(scale=3):
                result = gr.HTML(page.EMPTY)
        button.click(draw_board, None, image)
        gr.on([image.change, threshold.release], look, [image, threshold], result)
    return made


def shown(examiners: list[Examiner], image: NDArray[np.uint8] | None, threshold: float) -> str:
    """The page of one image (H, W, 3) or (H, W); what an image is refused for stands on it."""
    if image is None:
        return page.EMPTY
    recipe = Recipe(id="playground", version=1, thresholds=Thresholds(default=threshold))
    try:
        return page.page([examiner.examine(encode_png(image), recipe) for examiner in examiners])
    except InspectorError as error:
        return page.failure(f"{error}. {error.advice}")


class _Policy:
    """ASGI middleware: POLICY on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                header: Any = (b"content-security-policy", POLICY.encode("ascii"))
                message["headers"] = [*message.get("headers", []), header]
            await send(message)

        await self._app(scope, receive, with_policy)
