"""Signing in, as a person at a screen does: chromium on a gateway with keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from inspector.access import key_file
from inspector.access.keys import issue
from inspector.access.roles import Role
from inspector.messages.result import Verdict
from tests.browser.stack import Stack, finding


class Keys:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.secrets: dict[Role, str] = {}
        with key_file.changing(file, create=True) as change:
            for role in (Role.CAMERA, Role.OPERATOR):
                key, self.secrets[role] = issue(f"{role} of L1", role, ("L1",), None, datetime.now(UTC))
                change.keys = change.keys.added(key)

    def revoke(self, role: Role) -> None:
        with key_file.changing(self.file) as change:
            key = change.keys.find(self.secrets[role])
            assert key is not None
            change.keys = change.keys.revoked(key.id, datetime.now(UTC))


@pytest.fixture
def keys(stack: Stack, tmp_path: Path) -> Iterator[Keys]:
    keys = Keys(tmp_path / "keys.json")
    stack.kill_gateway()
    stack.start_gateway("--keys-file", str(keys.file))
    stack.headers = {"Authorization": f"Bearer {keys.secrets[Role.CAMERA]}"}
    yield keys
    stack.headers = {}
    stack.kill_gateway()


@pytest.fixture
def page(browser: Browser, stack: Stack, keys: Keys) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, base_url=stack.url)
    yield page
    page.close()


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def test_a_shift_at_a_screen_from_signing_in_to_a_revoked_key(page: Page, stack: Stack, keys: Keys) -> None:
    page.goto("/?line=L1")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    sign_in(page, "ik_nobody")
    expect(page.get_by_role("alert").filter(has_text="not known here")).to_be_visible()
    sign_in(page, keys.secrets[Role.CAMERA])
    expect(page.get_by_role("alert").filter(has_text="is a camera's")).to_be_visible()

    sign_in(page, keys.secrets[Role.OPERATOR])
    expect(page).to_have_url(f"{stack.url}/?line=L1")
    expect(page.locator("#account")).to_contain_text("operator of L1")
    expect(page.locator("body")).to_have_attribute("data-link", "live")

    # The stream and the image come by the cookie.
    stack.post(line="L1", part_id="P1")
    stack.inspect(Verdict.NG, [finding("spur", 0.9, (100, 50, 180, 130))])
    expect(page.locator("#verdict-part")).to_have_text("P1")
    expect(page.locator("#picture")).to_be_visible()
    page.reload()
    expect(page.locator("#verdict-part")).to_have_text("P1")
    assert page.evaluate("document.cookie + JSON.stringify(localStorage)").count("ik_") == 0

    keys.revoke(Role.OPERATOR)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("P1", exact=True)).to_have_count(0)


def test_signing_out_leaves_nothing_on_the_screen(page: Page, keys: Keys) -> None:
    page.goto("/")
    sign_in(page, keys.secrets[Role.OPERATOR])
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.request.get("/v1/status").status == 401
    page.goto("/gallery")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
