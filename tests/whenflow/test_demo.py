"""The whole way, as a person goes it: the demo page in a real browser, six clicks, the message stands on the page."""

import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import chromium
from tests.whenflow.process import Whenflow, run

pytestmark = pytest.mark.alone

ENGLISH = "6 clicks! May we help you?"
CHINESE = "您好！点了 6 下了，要帮您挑一件吗？"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whenflow]:
    with Whenflow(tmp_path_factory.mktemp("demo") / "data", command="demo") as demo:
        yield demo


@pytest.fixture
def page(browser: Browser, demo: Whenflow) -> Iterator[Page]:
    """The demo, seen by somebody who was never there."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(demo.url)
    yield page
    context.close()


def click(page: Page, times: int) -> None:
    for _ in range(times):
        page.mouse.click(900, 200)


def bubble(page: Page, sender: str = "Mei at Slow Kiln") -> Locator:
    """The message's sender, as the page client's bubble has it (the panel beside shows the flow's text, in quotes)."""
    return page.get_by_text(sender, exact=True)


def visitor(page: Page, demo: Whenflow) -> dict[str, Any]:
    """What `whenflow visitor` says of whom the page reports."""
    told = run("visitor", page.evaluate("PP.visitorId()"), "--data", demo.data, "--json")
    assert told.returncode == 0, told.stderr
    view: dict[str, Any] = json.loads(told.stdout)
    return view


def test_the_sixth_click_brings_the_message_within_a_second(page: Page, demo: Whenflow) -> None:
    expect(page.locator("body")).to_contain_text("event_count_1")
    click(page, 5)
    expect(bubble(page)).to_have_count(0)
    page.mouse.click(900, 200)
    clicked = monotonic()
    expect(bubble(page)).to_be_visible(timeout=1000)
    assert monotonic() - clicked < 1
    view = visitor(page, demo)
    assert view["variables"]["event_count_1"] == 6
    assert view["variables"]["event_last_data_1"]["x"] == 900
    assert [message["text"] for message in view["messages"]] == [ENGLISH]


def test_a_reload_keeps_the_visitor_and_the_open_message(page: Page) -> None:
    click(page, 6)
    expect(bubble(page)).to_be_visible()
    before = page.evaluate("PP.visitorId()")
    page.reload()
    expect(bubble(page)).to_be_visible()
    assert page.evaluate("PP.visitorId()") == before


def test_a_closed_message_does_not_come_back(page: Page, demo: Whenflow) -> None:
    click(page, 6)
    expect(bubble(page)).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(bubble(page)).to_have_count(0)
    expect(page.get_by_text("closed", exact=True)).to_be_visible()  # the panel has it from the server
    page.reload()
    click(page, 1)
    expect(page.get_by_text("7", exact=True).first).to_be_visible()
    expect(bubble(page)).to_have_count(0)
    assert [message["status"] for message in visitor(page, demo)["messages"]] == ["closed"]


def test_a_checkout_before_the_sixth_click_means_no_message(page: Page, demo: Whenflow) -> None:
    page.locator(".add").first.click()
    page.locator("#checkout").click()
    click(page, 6)
    expect(page.get_by_text("customer", exact=False).first).to_be_visible()
    view = visitor(page, demo)
    assert view["variables"]["event_count_2"] == 1
    assert view["variables"]["customer_user_type"] == "customer"
    assert view["messages"] == []


def test_a_chinese_browser_gets_the_page_and_the_message_in_chinese(browser: Browser, demo: Whenflow) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(demo.url)
    assert page.locator("html").get_attribute("lang", timeout=5000).startswith("zh")  # type: ignore[union-attr]
    click(page, 6)
    expect(bubble(page, "慢窑的小梅")).to_be_visible()
    assert [message["text"] for message in visitor(page, demo)["messages"]] == [CHINESE]
    context.close()


def test_a_new_visitor_starts_from_nothing(page: Page, demo: Whenflow) -> None:
    click(page, 2)
    before = page.evaluate("PP.visitorId()")
    page.get_by_role("button", name="Start over").click()
    page.wait_for_function("before => window.PP && PP.visitorId() !== before", arg=before)
    assert visitor(page, demo)["variables"]["event_count_1"] <= 1  # the click on the button itself is one


def test_the_demo_page_carries_the_manuals_snippet() -> None:
    html = (Path(__file__).parents[2] / "whenflow" / "demo_site" / "index.html").read_text()
    assert '$(document).on("click", function(event) {' in html
    assert 'event_uuid: "0fc050ec-cb6f-11e8-b697-00163e0c79f6 ",' in html
    assert "event_timestamp: Math.round(new Date().getTime()/1000)" in html
