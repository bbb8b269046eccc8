"""deploy/nginx on a real nginx, with a certificate of its own, before real gateways."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from inspector.access import key_file
from inspector.access.keys import issue
from inspector.access.roles import Role
from inspector.cli.app import app
from tests.api.support import Line, complete, gateway_in_memory, problem
from tests.support.pictures import jpeg
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.servers import free_port
from tests.support.waiting import wait_until

SITE = Path(__file__).parents[2] / "deploy" / "nginx" / "inspector.conf"
IMAGE = jpeg()
ADDRESS = "127.0.0.2"
"""Of the proxy; the camera takes 127.0.0.1 for its own machine, where it looks for no certificates."""

MAIN = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/inspector.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Tls:
    certificate: Path
    key: Path

    def connect(self, port: int) -> ssl.SSLSocket:
        plain = socket.create_connection((ADDRESS, port), timeout=20)
        return self.context.wrap_socket(plain, server_hostname=ADDRESS)

    def client(self, port: int, **headers: str) -> httpx.Client:
        url = f"https://{ADDRESS}:{port}"
        return httpx.Client(base_url=url, headers=headers, verify=self.context, trust_env=False, timeout=20)

    @property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    folder = tmp_path_factory.mktemp("tls")
    made = Tls(folder / "certificate.pem", folder / "key.pem")
    place = ["-keyout", str(made.key), "-out", str(made.certificate)]
    named = ["-subj", "/CN=inspector.test", "-addext", f"subjectAltName=IP:{ADDRESS}"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        ["openssl", "req", "-x509", "-days", "2", *curve, *place, *named], check=True, capture_output=True
    )
    return made


@contextmanager
def proxy(folder: Path, tls: Tls, gateway: int, **changed: str) -> Iterator[int]:
    """The port of an nginx with our file, its places those of the test. `changed`: directive -> value."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    text = replaced(
        SITE.read_text("utf-8"),
        {
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{gateway};",
            "listen 443 ssl;": f"listen {ADDRESS}:{port} ssl;",
            "/etc/inspector/tls/fullchain.pem": str(tls.certificate),
            "/etc/inspector/tls/key.pem": str(tls.key),
            **{f"{name} {was_of(name)};": f"{name} {value};" for name, value in changed.items()},
        },
    )
    (folder / "inspector.conf").write_text(text)
    main = folder / "nginx.conf"
    main.write_text(MAIN.format(folder=folder))
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        raise RuntimeError("nginx is not installed: apt-get install nginx")
    log = folder / "output.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(main)], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: listens(port) or process.poll() is not None, 20, "the proxy")
        assert process.poll() is None, log.read_text()
        yield port
    finally:
        process.terminate()
        process.wait(10)


def replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def was_of(directive: str) -> str:
    [line] = [
        line for line in SITE.read_text("utf-8").splitlines() if line.strip().startswith(f"{directive} ")
    ]
    return line.strip().removeprefix(f"{directive} ").removesuffix(";")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((ADDRESS, port)) == 0


@dataclass(frozen=True, slots=True)
class Front:
    """A gateway with keys behind the proxy; `http` has an admin's."""

    line: Line
    port: int
    http: httpx.Client
    key: Path
    folder: Path

    @property
    def url(self) -> str:
        return f"https://{ADDRESS}:{self.port}"


@pytest.fixture(scope="module")
def front(tls: Tls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    key, secret = issue("test", Role.ADMIN, None, None, datetime.now(UTC))
    with key_file.changing(folder / "keys.json", create=True) as change:
        change.keys = change.keys.added(key)
    (folder / "camera.key").write_text(secret)
    with (
        gateway_in_memory(keys_file=folder / "keys.json", behind_proxy=True) as line,
        proxy(folder / "nginx", tls, line.port) as port,
        tls.client(port, Authorization=f"Bearer {secret}") as http,
    ):
        yield Front(line, port, http, folder / "camera.key", folder)


def test_a_camera_posts_over_tls(
    front: Front, tls: Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "part.jpg").write_bytes(IMAGE)
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.certificate))
    monkeypatch.chdir(tmp_path)
    words = [
        "--url",
        front.url,
        "--folder",
        str(tmp_path),
        "--api-key-file",
        str(front.key),
        "--json",
        "a.json",
    ]
    with front.line.working():
        shown = CliRunner().invoke(app, ["camera", *words])

    assert shown.exit_code == 0, shown.output
    assert json.loads((tmp_path / "a.json").read_text())["state"] == "done"


def test_the_wait_for_a_verdict_passes_through(front: Front) -> None:
    with front.line.working():
        answer = front.http.post("/v1/inspections", content=IMAGE, headers={"Prefer": "wait=20"})

    assert (answer.status_code, answer.json()["state"]) == (200, "done")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert answer.headers["content-security-policy"]
    assert "nginx/" not in answer.headers["server"]


def test_an_event_comes_while_its_stream_is_open(front: Front) -> None:
    with front.http.stream("GET", "/v1/events") as stream, front.line.working():
        lines = stream.iter_lines()
        front.http.post("/v1/inspections", content=IMAGE).raise_for_status()
        event = next(line for line in lines if line.startswith("data: "))

    assert json.loads(event.removeprefix("data: "))["state"] == "done"


def test_without_tls_there_is_nothing(front: Front) -> None:
    answer = httpx.get(f"http://{ADDRESS}:{front.port}/healthz", trust_env=False, timeout=20)
    assert answer.status_code == 400


def test_a_key_is_asked_for_before_the_image_is_sent(front: Front, tls: Tls) -> None:
    with tls.connect(front.port) as connection:
        connection.sendall(head("POST /v1/inspections", "Content-Length: 30000000"))
        assert b" 401 " in connection.recv(64)


def test_a_body_that_announces_too_much_is_refused_unread(front: Front, tls: Tls) -> None:
    with tls.connect(front.port) as connection:
        connection.sendall(head("POST /v1/inspections", f"Content-Length: {(32 << 20) + 1}"))
        answer = read_answer(connection)

    assert answer.startswith(b"HTTP/1.1 413 ")
    document = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (document["type"], document["status"]) == ("/problems/image-too-large", 413)


def test_a_chunked_body_without_end_is_cut_off(front: Front, tls: Tls) -> None:
    piece = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    key = f"Authorization: Bearer {front.key.read_text()}"
    with tls.connect(front.port) as connection:
        connection.sendall(head("POST /v1/inspections", "Transfer-Encoding: chunked", key))
        for _ in range(34):
            connection.sendall(piece)
        answer = read_answer(connection)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"/problems/image-too-large" in answer


def test_a_head_that_trickles_is_cut_off(tls: Tls, tmp_path: Path) -> None:
    assert was_of("client_header_timeout") == "10s"
    with (
        proxy(tmp_path, tls, free_port(), client_header_timeout="1s") as port,
        tls.connect(port) as connection,
    ):
        began = time.monotonic()
        connection.settimeout(0.1)
        assert trickles_until_closed(connection, limit_s=15)
        assert time.monotonic() - began >= 0.9


def test_what_a_client_says_of_its_address_is_not_believed(tls: Tls, tmp_path: Path) -> None:
    with ScriptedGateway() as gateway, proxy(tmp_path, tls, int(gateway.url.rpartition(":")[2])) as port:
        lies = {"X-Forwarded-For": "10.9.9.9", "Forwarded": "for=10.9.9.9", "X-Real-IP": "10.9.9.9"}
        httpx.get(
            f"https://{ADDRESS}:{port}/v1/status",
            headers=lies,
            verify=tls.context,
            trust_env=False,
            timeout=20,
        )
    [seen] = gateway.seen
    said = {name.lower(): value for name, value in seen.headers.items()}

    assert said["x-forwarded-for"] == "127.0.0.1"
    assert said["x-forwarded-proto"] == "https"
    assert "10.9.9.9" not in str(said)
    assert (tmp_path / "access.log").read_text().startswith("127.0.0.1 ")


def test_a_gateway_that_is_away_is_a_problem_document(tls: Tls, tmp_path: Path) -> None:
    with proxy(tmp_path, tls, free_port()) as port, tls.client(port) as http:
        answer = http.post("/v1/inspections", content=IMAGE)
    assert (answer.status_code, answer.headers["retry-after"]) == (502, "1")
    assert problem(answer)["type"] == "/problems/http-error"


def test_an_open_gateway_does_not_serve_through_it(tls: Tls, tmp_path: Path) -> None:
    with gateway_in_memory() as line, proxy(tmp_path, tls, line.port) as port, tls.client(port) as http:
        answer = http.get("/v1/status")
    assert problem(answer)["type"] == "/problems/key-required"


def head(line: str, *headers: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: inspector.test", *headers, "", ""]).encode()


def read_answer(connection: ssl.SSLSocket) -> bytes:
    answer = b""
    while not complete(answer) and (piece := connection.recv(65_536)):
        answer += piece
    return answer


def trickles_until_closed(connection: ssl.SSLSocket, limit_s: float) -> bool:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            connection.sendall(b"X")
            if connection.recv(1) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False
