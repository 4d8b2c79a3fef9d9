"""The installed Chromium, for tests that drive a real browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Runs as root in a container, talks to nobody but the page under test.
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """The path of a Chromium: `WHENFLOW_CHROMIUM`, else one on PATH, else the one that Playwright installed."""
    named = os.environ.get("WHENFLOW_CHROMIUM")
    if named:
        return named
    for name in CHROMIUM_NAMES:
        if found := shutil.which(name):
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running Chromium. The test is skipped where there is none, unless `CI` is set: then it fails.

    Keep it for a module at most: while it is open, Playwright has an event loop in this thread, so `asyncio.run` fails.
    """
    executable = find_chromium()
    if executable is None:
        missing_tool("no Chromium: install one, or name one in WHENFLOW_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGS)
        try:
            yield browser
        finally:
            browser.close()


def missing_tool(reason: str) -> NoReturn:
    """Skips the test for want of a tool on the developer's machine; in CI, where all tools must be, fails it."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (CI is set, so this is not skipped)")
    pytest.skip(reason)
