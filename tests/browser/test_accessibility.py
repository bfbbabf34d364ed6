"""axe-core on every page, light and dark: no serious violation."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import app as application
from tests.browser.test_battles import some_battle

SETUP = Path(__file__).parent / "setup"
AXE = SETUP / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core, installed from the npm registry once."""
    if not AXE.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("The accessibility tests need npm: apt-get install npm")
        subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=SETUP, check=True
        )
    return AXE.read_text("utf-8")


BATTLE = f"battle?id={some_battle().id}"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "address", [*application.PAGES, BATTLE, f"{BATTLE}&blind=1", "compare?kind=contenders"]
)
def test_no_serious_violation(page: Page, axe: str, address: str, theme: str) -> None:
    page.add_init_script(f"localStorage.setItem('arena-theme', '{theme}')")
    page.goto(f"/{address}")
    expect(page.locator(".bar .theme")).to_be_visible()
    page.wait_for_timeout(1500)
    expect(page.locator(".toast-body.error")).to_have_count(0)
    page.evaluate(axe)
    found = page.evaluate(
        "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        ".filter(v => ['serious', 'critical'].includes(v.impact))"
        ".map(v => `${v.id}: ${v.nodes.slice(0, 4).map(n => n.target + ' | ' + n.html.slice(0, 120)).join(' ;; ')}`)"
    )
    assert found == []
