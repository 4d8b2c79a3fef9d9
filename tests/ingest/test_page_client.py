"""The page client in a real browser, against a small server that records what arrives and answers as told.

Pages come from `http://localhost`, the client and its server from `http://127.0.0.1` on the same port: another origin,
as for a real site.
"""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ingest.page_client import BUILT_FILE, page_client_route
from tests.browser import chromium
from tests.ingest.test_page_client_build import CLIENT, installed_client

pytestmark = pytest.mark.alone

KEY = "wk_test"
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}

Json = dict[str, Any]


@dataclass
class Told:
    """An answer to one request to `/collect`; without a status, none comes before `release`."""

    status: int | None = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Host:
    """A site and a Whenflow of its own, in a thread."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}
        self.requests: list[Json] = []
        self.preflights = 0
        self.answers: list[Told] = []
        self.inbox: list[Json] = []
        self.streams: list[str] = []
        self.open_streams = 0
        self.stream_status = 200
        self._changed = asyncio.Event()
        self._released = asyncio.Event()
        app = Starlette(
            routes=[
                page_client_route(),
                Route("/collect", self._collect, methods=["POST", "OPTIONS"]),
                Route("/stream", self._stream),
                Route("/{name:path}", self._page),
            ]
        )
        config = uvicorn.Config(app, port=0, log_level="error", lifespan="off", timeout_graceful_shutdown=1, ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> "Host":
        self._thread.start()
        limit = monotonic() + 10
        while not self._server.started:
            assert monotonic() < limit, "the test server did not start"
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._server.should_exit = True
        self._thread.join(10)

    # What a test does

    @property
    def script(self) -> str:
        return f"http://127.0.0.1:{self.port}/ppmatc.js"

    @property
    def tag(self) -> str:
        return f'<script async src="{self.script}" data-key="{KEY}"></script>'

    def page(self, body: str = "", name: str = "page", *, head: str = "", headers: dict[str, str] | None = None) -> str:
        """Puts a page with the client there; gives its address."""
        html = (
            f"<!doctype html><html lang=en><head><title>{name}</title>{head}{self.tag}</head><body>{body}</body></html>"
        )
        return self.raw_page(html, name, headers=headers)

    def raw_page(self, html: str, name: str = "page", *, headers: dict[str, str] | None = None) -> str:
        self.pages[name] = (html, headers or {})
        return f"http://localhost:{self.port}/{name}"

    def say(self, text: str, **more: Any) -> str:
        """Puts a message into the inbox; gives its id."""
        message = {"id": f"m{len(self.inbox) + 1}", "flow": "f", "text": text, "sender": "Ann", "button": None}
        self.inbox.append({**message, "time": "2026-01-01T10:00:00Z", **more})
        self._wake(self._changed)
        return str(self.inbox[-1]["id"])

    def release(self) -> None:
        """Lets go of the requests that got no answer yet."""
        self._wake(self._released)

    def items(self, kind: str | None = None) -> list[Json]:
        """All items that arrived, each once, in their order, or the data of those of one kind."""
        seen: dict[tuple[str, int], Json] = {}
        for request in self.requests:
            for item in request["items"]:
                seen.setdefault((request["client"], item["n"]), item)
        return [item if kind is None else item[kind] for item in seen.values() if kind is None or kind in item]

    def receipts(self) -> list[tuple[str, str]]:
        return [(receipt["message"], receipt["status"]) for receipt in self.items("receipt")]

    def names(self) -> list[str]:
        return [event["event_name"] for event in self.items("track_event")]

    # What the browser meets

    def _wake(self, event: asyncio.Event) -> None:
        loop = getattr(self, "_loop", None)
        if loop is not None:
            loop.call_soon_threadsafe(event.set)

    async def _collect(self, request: Request) -> Response:
        self._loop = asyncio.get_running_loop()
        if request.method == "OPTIONS":
            self.preflights += 1
            return Response(headers=CORS)
        body = json.loads(await request.body())
        body["_type"] = request.headers["content-type"]
        body["_key"] = request.query_params["key"]
        body["_at"] = monotonic()
        self.requests.append(body)
        told = self.answers.pop(0) if self.answers else Told()
        if told.status is None:
            await self._released.wait()
            told = Told()
        answer = told.body if told.body is not None else {"accepted": len(body["items"]), "rejected": []}
        return JSONResponse(answer, told.status or 200, headers={**CORS, **told.headers})

    async def _stream(self, request: Request) -> Response:
        self._loop = asyncio.get_running_loop()
        self.streams.append(request.query_params["visitor"])
        if self.stream_status != 200:
            return Response(status_code=self.stream_status, headers=CORS)

        async def events() -> AsyncIterator[str]:
            self.open_streams += 1
            sent = 0
            try:
                yield ": hello\n\n"
                while True:
                    self._changed.clear()
                    gone = {message for message, status in self.receipts() if status != "shown"}
                    for message in self.inbox[sent:]:
                        if message["id"] not in gone:
                            yield f"event: message\nid: {message['id']}\ndata: {json.dumps(message)}\n\n"
                    sent = len(self.inbox)
                    await self._changed.wait()
            finally:
                self.open_streams -= 1

        return StreamingResponse(events(), media_type="text/event-stream", headers=CORS)

    async def _page(self, request: Request) -> Response:
        html, headers = self.pages.get(request.path_params["name"], ("<!doctype html><title>other</title>", {}))
        return HTMLResponse(html, headers={"Cache-Control": "no-store", **headers})


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as host:
        yield host


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser, host: Host) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 900, "height": 700}, locale="en-US")
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab. A script's uncaught error in it fails the test."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


@pytest.fixture
def console(page: Page) -> list[str]:
    """What is warned of in the page's console, without what Chromium itself says of answers that are not 200."""
    lines: list[str] = []
    page.on(
        "console", lambda m: lines.append(f"{m.type}: {m.text}") if "Failed to load resource" not in m.text else None
    )
    return lines


def until(page: Page, condition: Callable[[], object], what: str = "the condition") -> None:
    limit = monotonic() + 10
    while not condition():
        assert monotonic() < limit, f"{what} did not come true"
        page.wait_for_timeout(10)


def push(page: Page, *names: str) -> None:
    page.evaluate("names => names.forEach(n => _ppmatc.push({track_event: {event_name: n}}))", list(names))


def started(page: Page, host: Host, url: str) -> None:
    """Opens a page and waits until its visit arrived and its stream is open."""
    visits, opened = len(host.items("visit")), len(host.streams)
    page.goto(url)
    until(page, lambda: len(host.items("visit")) > visits and len(host.streams) > opened, "visit and stream")


def cards(page: Page) -> list[str]:
    return page.locator("whenflow-messages article p").all_inner_texts()


def close_button(page: Page) -> Any:
    return page.get_by_role("button", name="Close").first


# Queue


def test_reports_a_visit_and_what_the_page_put_in_the_queue_before_and_after_the_script(page: Page, host: Host) -> None:
    early = "<script>_ppmatc = [{track_event: {event_name: 'early', event_data: {x: 1}, event_timestamp: 5}}]</script>"
    started(page, host, host.page(head=early))
    push(page, "late")
    until(page, lambda: host.names() == ["early", "late"])

    visit, first, second = host.items()
    assert visit["visit"] == {
        "page_url": page.url,
        "page_title": "page",
        "referrer": "",
        "browser_language": "en-US",
        "landing_page": page.url,
    }
    assert first["track_event"] == {"event_name": "early", "event_data": {"x": 1}, "event_timestamp": 5}
    assert isinstance(second["track_event"]["event_timestamp"], float), "an event without a time gets one"
    assert [item["n"] for item in host.items()] == [1, 2, 3]
    assert {request["_key"] for request in host.requests} == {KEY}
    assert all(request["_type"].startswith("text/plain") for request in host.requests)
    assert all(isinstance(request["sent_at"], float) for request in host.requests)
    assert re.fullmatch("[0-9a-f]{32}", host.requests[0]["visitor"])
    assert host.preflights == 0


# The manual's own lines, with its full-width comma mended.
MANUAL = """
$(document).on("click", function(event) {
if (!window._ppmatc) {
  window._ppmatc = [ ];
}
window._ppmatc.push({
  track_event: {
    event_name: "webclick",
    event_uuid: "0fc050ec-cb6f-11e8-b697-00163e0c79f6 ",
    event_data: {
      x: event.pageX,
      y: event.pageY,
      page_url: window.location.href
    },
    event_timestamp: Math.round(new Date().getTime()/1000)    
  }
});
});
"""  # noqa: W291


@pytest.fixture(params=["jquery", "stand-in"])
def dollar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """`$`: from jQuery itself, which comes with the client's packages, and as the one method that the snippet calls."""
    if request.param == "stand-in":
        return "$ = target => ({on: (type, handler) => target.addEventListener(type, handler)})"
    jquery = Path("node_modules/jquery/dist/jquery.min.js")
    client = CLIENT if (CLIENT / jquery).exists() else installed_client(tmp_path_factory)
    return (client / jquery).read_text(encoding="utf-8")


def test_the_manuals_snippet_works_as_printed(page: Page, host: Host, dollar: str) -> None:
    page.goto(host.page(head=f"<script>{dollar}</script><script>{MANUAL}</script>"))
    page.mouse.click(30, 40)
    page.mouse.click(50, 60)
    until(page, lambda: len(host.names()) == 2)
    data = [event["event_data"] for event in host.items("track_event")]
    assert data == [{"x": x, "y": y, "page_url": page.url} for x, y in [(30, 40), (50, 60)]]
    assert host.items("track_event")[0]["event_uuid"] == "0fc050ec-cb6f-11e8-b697-00163e0c79f6 "


def test_the_same_array_a_new_array_and_entries_without_push_are_all_taken(page: Page, host: Host) -> None:
    started(page, host, host.page(head="<script>_ppmatc = held = []</script>"))
    page.evaluate("held.push({track_event: {event_name: 'held'}})")
    page.evaluate("_ppmatc = [{track_event: {event_name: 'new'}}]")
    until(page, lambda: host.names() == ["held", "new"])
    page.evaluate("_ppmatc[0] = {track_event: {event_name: 'index'}}")
    until(page, lambda: host.names() == ["held", "new", "index"])
    page.evaluate("held.push({track_event: {event_name: 'held again'}})")
    until(page, lambda: host.names() == ["held", "new", "index", "held again"])


def test_what_cannot_be_reported_is_dropped_with_a_warning_and_harms_no_neighbour(
    page: Page, host: Host, console: list[str]
) -> None:
    started(page, host, host.page())
    page.evaluate(
        """() => {
            const cycle = {}; cycle.self = cycle;
            const hostile = {get track_event() { throw Error("hostile") }};
            const ok = name => ({track_event: {event_name: name}});
            _ppmatc.push(ok("a"), {set: cycle}, {set: {x: 1n}}, {tarck_event: {}}, null, hostile, ok("b"));
        }"""
    )
    until(page, lambda: host.names() == ["a", "b"])
    assert [item["n"] for item in host.items()] == [1, 2, 3]
    assert len(console) == 5
    assert all(line.startswith("warning: Whenflow: dropped: ") for line in console)


def test_the_bound_on_what_waits_is_said_once(page: Page, host: Host, console: list[str]) -> None:
    host.answers = [Told(None)]
    page.goto(host.page())
    until(page, lambda: host.requests)
    page.evaluate("for (let i = 0; i < 1200; i++) _ppmatc.push({set: {i}})")
    host.release()
    until(page, lambda: len(host.items()) == 1000)
    assert host.items("set")[-1] == {"i": 998}
    assert console == ["warning: Whenflow: dropped: 1000 items wait already"]
    assert max(len(request["items"]) for request in host.requests) == 50


# Answers


def test_a_refusal_for_now_keeps_order_and_numbers_and_waits_as_told(page: Page, host: Host) -> None:
    host.answers = [Told(503, headers={"Retry-After": "2"})]
    page.goto(host.page(head="<script>_ppmatc = [{track_event: {event_name: 'a'}}]</script>"))
    until(page, lambda: host.requests)
    push(page, "b", "c")
    until(page, lambda: host.names() == ["a", "b", "c"])
    refused, resent = host.requests
    assert [item["n"] for item in refused["items"]] == [1, 2]
    assert [item["n"] for item in resent["items"]] == [1, 2, 3, 4]
    assert (refused["visitor"], refused["client"]) == (resent["visitor"], resent["client"])
    assert resent["_at"] - refused["_at"] >= 2


def test_items_wait_for_the_network(page: Page, context: BrowserContext, host: Host) -> None:
    started(page, host, host.page())
    context.set_offline(True)
    push(page, "a")
    page.wait_for_function("!navigator.onLine")
    context.set_offline(False)
    until(page, lambda: host.names() == ["a"])


def test_a_refusal_for_good_drops_the_batch_and_says_why(page: Page, host: Host, console: list[str]) -> None:
    host.answers = [Told(401, {"error": "no such key"})]
    page.goto(host.page())
    until(page, lambda: console)
    push(page, "a")
    until(page, lambda: host.names() == ["a"])
    assert console == ['error: Whenflow: http_401: {"error":"no such key"}']


def test_rejected_items_are_warned_of(page: Page, host: Host, console: list[str]) -> None:
    started(page, host, host.page())
    rejected = [{"index": 1, "code": "unknown_event", "detail": "no event field has this name"}]
    host.answers = [Told(200, {"accepted": 1, "rejected": rejected})]
    push(page, "a", "b")
    until(page, lambda: console)
    assert console == ["warning: Whenflow: unknown_event: no event field has this name"]


def test_set_var_calls_back_after_the_answer(page: Page, host: Host, console: list[str]) -> None:
    started(page, host, host.page())
    set_var = "fields => new Promise(done => PP.setVar(fields, () => done('ok'), done))"
    assert page.evaluate(set_var, {"extra_field_TEXT_1": "x"}) == "ok"
    host.answers = [Told(200, {"accepted": 0, "rejected": [{"index": 0, "code": "unknown_field", "detail": "no"}]})]
    refusal = page.evaluate(set_var, {"nope": 1})
    assert (refusal["code"], refusal["detail"]) == ("unknown_field", "no")
    page.evaluate("PP.setVar({extra_field_TEXT_1: 'y'})")
    until(page, lambda: host.items("set")[-1] == {"extra_field_TEXT_1": "y"})


# Pages of one visitor


def test_a_reload_keeps_the_visitor_and_sends_first_what_was_not_answered(page: Page, host: Host) -> None:
    host.answers = [Told(503, headers={"Retry-After": "60"})] * 2
    page.goto(host.page())
    until(page, lambda: host.requests)
    push(page, "a", "b")
    page.reload()
    push_when_ready = "() => window.PP && _ppmatc.push({track_event: {event_name: 'c'}}) === 0"
    page.wait_for_function(push_when_ready)
    until(page, lambda: host.names() == ["a", "b", "c"])

    first = host.requests[0]
    resent = next(r for r in host.requests[2:] if r["client"] == first["client"])
    assert [item["n"] for item in resent["items"]] == [1, 2, 3]
    after = host.requests[host.requests.index(resent) + 1 :]
    assert {request["client"] for request in after}.isdisjoint({first["client"]})
    assert after[0]["items"][0]["n"] == 1
    assert {request["visitor"] for request in host.requests} == {first["visitor"]}
    assert page.evaluate("PP.visitorId()") == first["visitor"]
    assert page.evaluate("Object.keys(sessionStorage).filter(name => name.includes('.item.'))") == []


def test_leaving_says_at_once_what_is_unanswered_also_what_is_in_flight(page: Page, host: Host) -> None:
    started(page, host, host.page())
    host.answers = [Told(None)]
    push(page, "in flight")
    until(page, lambda: host.names() == ["in flight"])
    page.evaluate("_ppmatc[0] = {track_event: {event_name: 'last'}}; location = '/elsewhere'")
    until(page, lambda: host.names() == ["in flight", "last"])
    assert [item["track_event"]["event_name"] for item in host.requests[-1]["items"]] == ["in flight", "last"]
    page.wait_for_url("**/elsewhere")  # Chromium may hang if a tab is closed in the middle of a navigation.


def test_tabs_share_the_visitor_and_no_client(context: BrowserContext, host: Host) -> None:
    first, second = context.new_page(), context.new_page()
    started(first, host, host.page())
    started(second, host, host.page())
    one, two = host.requests
    assert one["visitor"] == two["visitor"]
    assert one["client"] != two["client"]


def test_the_first_page_of_a_tab_is_its_landing_page(page: Page, host: Host) -> None:
    landing = host.page(name="one")
    started(page, host, landing)
    started(page, host, host.page(name="two"))
    assert [visit["landing_page"] for visit in host.items("visit")] == [landing, landing]
    assert [visit["page_title"] for visit in host.items("visit")] == ["one", "two"]


def test_a_named_user_is_identified_once_and_again_when_something_changed(page: Page, host: Host) -> None:
    def named(name: str) -> str:
        settings = {"ent_user_id": "u7", "ent_user_name": name, "ent_user_phone": "010", "ent_user_create_time": 170}
        return host.page(head=f"<script>ppSettings = {json.dumps(settings)}</script>")

    started(page, host, named("Li"))
    started(page, host, named("Li"))
    started(page, host, named("Wang"))
    common = {"ent_user_id": "u7", "user_mobile": "010", "ent_user_createtime": 170}
    assert host.items("identify") == [{**common, "user_fullname": "Li"}, {**common, "user_fullname": "Wang"}]


def test_works_without_storage(page: Page, context: BrowserContext, host: Host) -> None:
    forbid = "Object.defineProperty(window, '%s', {get() { throw new DOMException('denied', 'SecurityError') }});"
    context.add_init_script(forbid % "localStorage" + forbid % "sessionStorage")
    started(page, host, host.page())
    host.say("hello")
    expect(page.get_by_text("hello")).to_be_visible()
    push(page, "a")
    until(page, lambda: host.names() == ["a"])
    assert page.evaluate("PP.visitorId()") == host.requests[0]["visitor"]


# A good guest


def test_puts_nothing_on_window_but_what_is_documented(page: Page, host: Host) -> None:
    page.goto(host.raw_page("<!doctype html><title>without</title>", "without"))
    without = set(page.evaluate("Object.getOwnPropertyNames(window)"))
    started(page, host, host.page())
    assert set(page.evaluate("Object.getOwnPropertyNames(window)")) - without == {"_ppmatc", "PP"}
    assert sorted(page.evaluate("Object.keys(PP)")) == ["close", "open", "setVar", "visitorId"]


def test_loaded_twice_acts_once(page: Page, host: Host) -> None:
    started(page, host, host.page(body=host.tag))
    page.wait_for_load_state("load")
    push(page, "a")
    until(page, lambda: host.names() == ["a"])
    assert len(host.items("visit")) == 1
    assert page.locator("whenflow-messages").count() == 1


def test_a_missing_key_is_said_in_plain_words_and_breaks_nothing(page: Page, host: Host, console: list[str]) -> None:
    tag = host.tag.replace(f' data-key="{KEY}"', "")
    page.goto(
        host.raw_page(f"<!doctype html><title>no key</title>{tag}<script>_ppmatc = []; _ppmatc.push({{}})</script>")
    )
    until(page, lambda: console)
    assert console == ['error: Whenflow: the script needs data-key="WRITE_KEY"']
    assert host.requests == []


def test_works_under_a_strict_content_security_policy(page: Page, host: Host, console: list[str]) -> None:
    origin = f"http://127.0.0.1:{host.port}"
    policy = f"default-src 'none'; script-src {origin}; connect-src {origin}; require-trusted-types-for 'script'"
    started(page, host, host.page(headers={"Content-Security-Policy": policy}))
    host.say("hello", button={"label": "Go", "link": "/go"})
    expect(page.get_by_text("hello")).to_be_visible()
    assert page.locator("whenflow-messages [role=log]").evaluate("e => getComputedStyle(e).position") == "fixed"
    assert console == []


def test_the_pages_styles_and_the_messages_styles_do_not_meet(page: Page, host: Host) -> None:
    style = """<style>
        * {display: none !important; color: red !important; font-size: 50px !important}
        html, body {display: block !important}
        whenflow-messages {opacity: 0 !important}
    </style>"""
    started(page, host, host.page(head=style, body="<article>theirs</article>"))
    host.say("hello")
    expect(page.get_by_text("hello")).to_be_visible()
    look = "e => { const s = getComputedStyle(e); return [s.fontSize, s.color] }"
    assert page.get_by_text("hello").evaluate(look) == ["15px", "rgb(29, 33, 41)"]
    assert page.locator("body > article").evaluate("e => getComputedStyle(e).position") == "static"


def test_the_page_hears_nothing_of_what_is_done_in_the_bubble(page: Page, host: Host) -> None:
    types = [
        "click",
        "dblclick",
        "auxclick",
        "contextmenu",
        "mousedown",
        "mouseup",
        "pointerdown",
        "pointerup",
        "keydown",
        "keyup",
    ]
    listen = f"heard = []; for (const type of {types}) document.addEventListener(type, () => heard.push(type))"
    started(page, host, host.page(head=f"<script>{listen}</script>"))
    host.say("one")
    host.say("two")
    page.get_by_text("two").dblclick()
    page.get_by_text("two").click(button="right")
    close_button(page).press("Shift")
    close_button(page).click()
    expect(page.get_by_text("two")).to_have_count(0)
    assert page.evaluate("heard") == []
    page.mouse.click(10, 10)
    assert page.evaluate("heard") == ["pointerdown", "mousedown", "pointerup", "mouseup", "click"]


# Messages


def test_a_message_is_shown_and_closed_with_receipts(page: Page, host: Host) -> None:
    started(page, host, host.page())
    message = host.say("first line\nsecond line")
    text = page.get_by_text("first line")
    expect(text).to_be_visible()
    assert text.inner_text() == "first line\nsecond line"
    expect(page.get_by_text("Ann")).to_be_visible()
    until(page, lambda: host.receipts() == [(message, "shown")])
    close_button(page).click()
    expect(text).to_have_count(0)
    until(page, lambda: host.receipts() == [(message, "shown"), (message, "closed")])


def test_after_a_reload_an_open_message_is_back_and_a_closed_one_is_not(page: Page, host: Host) -> None:
    started(page, host, host.page())
    kept, closed = host.say("kept"), host.say("closed")
    expect(page.get_by_text("closed")).to_be_visible()
    host.answers = [Told(503)] * 3
    close_button(page).click()
    page.reload()
    expect(page.get_by_text("kept")).to_be_visible()
    assert cards(page) == ["kept"]
    until(page, lambda: host.receipts().count((kept, "shown")) == 2, "one `shown` a page load")
    assert host.receipts().count((closed, "closed")) == 1


def test_a_message_that_comes_again_is_shown_once(page: Page, host: Host) -> None:
    started(page, host, host.page())
    message = host.say("hello")
    expect(page.get_by_text("hello")).to_be_visible()
    host.inbox.append(host.inbox[0])
    host.say("next")
    expect(page.get_by_text("next")).to_be_visible()
    assert cards(page) == ["next", "hello"]
    until(page, lambda: (message, "shown") in host.receipts())
    assert host.receipts().count((message, "shown")) == 1


def test_a_message_closed_in_one_tab_goes_in_the_other(context: BrowserContext, host: Host) -> None:
    first, second = context.new_page(), context.new_page()
    for tab in (first, second):
        started(tab, host, host.page())
    host.say("hello")
    for tab in (first, second):
        expect(tab.get_by_text("hello")).to_be_visible()
    close_button(first).click()
    expect(second.get_by_text("hello")).to_have_count(0)


def test_a_button_is_a_link_and_its_click_is_reported(page: Page, host: Host) -> None:
    started(page, host, host.page())
    message = host.say("offer", button={"label": "See it", "link": "/offer"})
    link = page.get_by_role("link", name="See it")
    assert link.get_attribute("rel") == "noopener"
    link.click()
    page.wait_for_url("**/offer")
    until(page, lambda: (message, "clicked") in host.receipts())
    started(page, host, host.page())
    assert cards(page) == []


def test_text_is_text_and_only_pages_are_linked(page: Page, host: Host) -> None:
    started(page, host, host.page())
    host.say("<b>bold</b> <img src=x onerror=alert(1)>", sender="<i>Ann</i>")
    expect(page.get_by_text("<b>bold</b> <img src=x onerror=alert(1)>")).to_be_visible()
    expect(page.get_by_text("<i>Ann</i>")).to_be_visible()
    unsafe = ["javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "mailto:a@b.c", "relative", None]
    for number, link in enumerate(unsafe):
        host.say(f"unsafe {number}", button={"label": "Go", "link": link})
        expect(page.get_by_text(f"unsafe {number}")).to_be_visible()
    assert page.get_by_role("link").count() == 0
    host.say("elsewhere", button={"label": "Go", "link": "https://example.com/"})
    expect(page.get_by_role("link", name="Go")).to_have_attribute("target", "_blank")


def test_three_are_shown_newest_on_top_and_the_others_as_these_are_closed(page: Page, host: Host) -> None:
    started(page, host, host.page())
    ids = [host.say(f"text {n}") for n in range(1, 6)]
    expect(page.get_by_text("text 5")).to_be_visible()
    visible = page.locator("whenflow-messages article:visible p")
    assert visible.all_inner_texts() == ["text 5", "text 4", "text 3"]
    until(page, lambda: len(host.receipts()) >= 3)
    close_button(page).click()
    expect(page.get_by_text("text 2")).to_be_visible()
    assert visible.all_inner_texts() == ["text 4", "text 3", "text 2"]
    until(page, lambda: (ids[1], "shown") in host.receipts())


def test_pp_close_hides_and_pp_open_shows_without_closing(page: Page, host: Host) -> None:
    started(page, host, host.page())
    page.evaluate("PP.close()")
    message = host.say("hello")
    page.wait_for_function("document.querySelector('whenflow-messages').shadowRoot.querySelector('p')")
    expect(page.get_by_text("hello")).to_be_hidden()
    push(page, "a")
    until(page, lambda: host.names() == ["a"])
    assert host.receipts() == [], "what is hidden is not shown"
    page.evaluate("PP.open()")
    expect(page.get_by_text("hello")).to_be_visible()
    until(page, lambda: host.receipts() == [(message, "shown")])
    page.evaluate("PP.close()")
    expect(page.get_by_text("hello")).to_be_hidden()


HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_hidden_page_holds_no_stream_and_shows_nothing(page: Page, host: Host) -> None:
    started(page, host, host.page())
    until(page, lambda: host.open_streams == 1)
    page.evaluate(HIDE, True)
    until(page, lambda: host.open_streams == 0)
    message = host.say("hello")
    push(page, "a")
    until(page, lambda: host.names() == ["a"])
    assert host.receipts() == []
    page.evaluate(HIDE, False)
    expect(page.get_by_text("hello")).to_be_visible()
    until(page, lambda: host.receipts() == [(message, "shown")])
    assert host.open_streams == 1


def test_a_refused_stream_is_asked_for_again(page: Page, host: Host) -> None:
    host.stream_status = 503
    started(page, host, host.page())
    host.stream_status = 200
    host.say("hello")
    expect(page.get_by_text("hello")).to_be_visible()
    assert set(host.streams) == {host.requests[0]["visitor"]}


def test_the_stream_waits_until_the_server_knows_the_visitor(page: Page, host: Host) -> None:
    host.answers = [Told(None)]
    page.goto(host.page())
    until(page, lambda: host.requests)
    assert host.streams == []
    host.release()
    until(page, lambda: host.streams)
    host.answers = [Told(None)]
    started(page, host, host.page(name="next"))


# For everybody


def test_the_keyboard_reaches_a_message_and_escape_closes_it(page: Page, host: Host) -> None:
    started(page, host, host.page(body="<input id=field>"))
    page.focus("#field")
    first = host.say("first")
    second = host.say("second", button={"label": "Go", "link": "/go"})
    expect(page.get_by_text("second")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "field", "focus is never taken"
    focused = "document.activeElement.shadowRoot?.activeElement?.textContent"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Go"
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_text("second")).to_have_count(0)
    assert cards(page) == ["first"]
    assert page.evaluate(focused) == "×", "focus goes on to the next message"
    page.keyboard.press("Enter")
    expect(page.get_by_text("first")).to_have_count(0)
    closed = [(second, "closed"), (first, "closed")]
    until(page, lambda: [receipt for receipt in host.receipts() if receipt[1] == "closed"] == closed)


def test_screen_readers_have_a_live_region_before_the_first_message(page: Page, host: Host) -> None:
    started(page, host, host.page())
    region = page.get_by_role("log", name="Messages")
    expect(region).to_have_attribute("aria-live", "polite")
    assert region.inner_text() == ""
    assert region.evaluate("e => getComputedStyle(e).display") == "flex", "what is not displayed is not listened to"
    host.say("hello")
    expect(region.get_by_text("hello")).to_be_visible()


def test_speaks_chinese_on_a_chinese_page(page: Page, host: Host) -> None:
    started(page, host, host.raw_page(f"<!doctype html><html lang=zh-CN><title>中文</title>{host.tag}"))
    host.say("您好")
    expect(page.get_by_role("button", name="关闭")).to_be_visible()


def test_a_message_is_written_in_its_own_direction(page: Page, host: Host) -> None:
    started(page, host, host.page())
    host.say("مرحبا بك")
    host.say("hello")
    directions = "all => all.map(e => getComputedStyle(e).direction)"
    expect(page.get_by_text("hello")).to_be_visible()
    assert page.locator("whenflow-messages article").evaluate_all(directions) == ["ltr", "rtl"]


@pytest.mark.parametrize("width", [320, 900])
def test_long_messages_fit_the_screen_and_scroll(page: Page, host: Host, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 480})
    started(page, host, host.page())
    for text in ("word " * 300, "w" * 500, "消息" * 300):
        host.say(text, button={"label": "A label that is rather long for a button, really", "link": "/"})
    articles = page.locator("whenflow-messages article")
    expect(articles).to_have_count(3)
    expect(articles.last).to_be_visible()
    for card in articles.all():
        box = card.bounding_box()
        assert box
        assert box["x"] >= 8
        assert box["x"] + box["width"] <= width - 8
        assert box["y"] >= 8
        assert box["y"] + box["height"] <= 480 - 8
        assert card.locator("p").evaluate("e => e.scrollWidth <= e.clientWidth")


# The file's own address


def test_is_served_compressed_with_a_tag_and_for_any_origin(host: Host) -> None:
    client = httpx.Client(base_url=f"http://127.0.0.1:{host.port}")
    full = client.get("/ppmatc.js", headers={"Accept-Encoding": "identity"})
    assert full.content == BUILT_FILE.read_bytes()
    assert full.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "content-encoding" not in full.headers
    small = client.get("/ppmatc.js", headers={"Accept-Encoding": "br, gzip;q=0.8"})
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == full.content
    for answer in (full, small):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["cache-control"] == "public, max-age=300"
    assert "content-encoding" not in client.get("/ppmatc.js", headers={"Accept-Encoding": "gzip;q=0"}).headers
    assert client.head("/ppmatc.js", headers={"Accept-Encoding": "identity"}).headers["content-length"] == str(
        len(full.content)
    )

    tag = full.headers["etag"]
    for named in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        same = client.get("/ppmatc.js", headers={"If-None-Match": named})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == tag
    assert client.get("/ppmatc.js", headers={"If-None-Match": '"other"'}).status_code == 200
    client.close()
