"""The bar on every page, light and dark, the security header, the memory and start of the process."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import app as application
from tests.browser.conftest import App


@pytest.mark.parametrize("path", list(application.PAGES))
def test_every_page_opens_with_the_bar(page: Page, path: str) -> None:
    page.goto(f"/{path}")
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    expect(page.locator("h1").first).to_be_visible()


def test_the_tabs_lead_from_page_to_page(page: Page) -> None:
    page.goto("/")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Battles", exact=True).click()
    expect(page).to_have_url(re.compile(r"/battles/?$"))
    expect(page.locator("nav a[aria-current=page]")).to_have_text("Battles")


def test_dark_is_remembered(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Light or dark").click()
    first = page.evaluate("document.body.classList.contains('dark')")
    page.reload()
    expect(page.locator(".bar")).to_be_visible()
    assert page.evaluate("document.body.classList.contains('dark')") == first


def test_the_header_keeps_the_page_from_the_web(app: App) -> None:
    with urllib.request.urlopen(app.url) as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_second_app_says_who_holds_the_arena(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    assert application.main(["--home", str(app.home), "--port", "0"]) == 3
    assert str(app.process.pid) in capsys.readouterr().err


def test_a_login_is_asked_for(make_app: Any, tmp_path: Path, page: Page, watch: Any) -> None:
    logins = tmp_path / "logins"
    logins.write_text("ada:secret\n")
    watch.expected += ["401"]
    guarded = make_app(lambda store: None, "--auth-file", str(logins))
    page.goto(guarded.url)
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Login").click()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


def test_the_app_starts_fast_and_stays_small(app: App) -> None:
    status = Path(f"/proc/{app.process.pid}/status").read_text()
    resident = int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]  # Linux has it
    assert resident < 600
    maps = Path(f"/proc/{app.process.pid}/maps").read_text()
    assert "libtorch" not in maps
