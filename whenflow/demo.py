"""The demo: a small shop with the manual's snippet on it, and beside it what Whenflow knows and does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pydantic_core import to_json
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from console.running_app import RunningApp
from ingest.stream import LOOK_AGAIN
from variables.store import StoreUnavailable
from whenflow.service import DEFAULT_APP, Service

SITE = Path(__file__).parent / "demo_site"
_packed = SITE / "shop.flow"
FLOW = _packed if _packed.exists() else Path(__file__).parents[1] / "examples" / "shop" / "shop.flow"
"""The example's own file; a wheel has it beside the page."""


class Demo:
    """The demo's own routes. What `/demo/live` tells is told to whoever knows the visitor's unguessable id."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @property
    def _app(self) -> RunningApp:
        return self._service.apps[DEFAULT_APP]

    async def prepare(self) -> None:
        """Gives the app the shop's flows, unless it has a program of its own already."""
        version, _ = await self._app.program_text()
        if version == 0:
            await self._app.apply([(FLOW.name, FLOW.read_bytes())])

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._page, methods=["GET"]),
            Route("/demo/live", self._live, methods=["GET"]),
            Mount("/demo", StaticFiles(directory=SITE)),
        ]

    async def _page(self, request: Request) -> Response:
        html = (SITE / "index.html").read_text()
        return HTMLResponse(
            html.replace("{{write_key}}", self._app.app.write_key), headers={"Cache-Control": "no-store"}
        )

    async def _live(self, request: Request) -> Response:
        return EventSourceResponse(self._states(request.query_params.get("visitor", "")), sep="\n")

    async def _states(self, visitor: str) -> AsyncIterator[ServerSentEvent]:
        """`state` and `program`, at once and whenever a commit has changed them."""
        news = self._app.shards.of(visitor).news
        told: dict[str, Any] = {}
        with news.commits() as committed:
            while not news.over:
                committed.clear()
                try:
                    seen = await self._look(visitor)
                except StoreUnavailable:
                    await asyncio.sleep(LOOK_AGAIN)
                    continue
                for event, data in seen.items():
                    if told.get(event) != data:
                        told[event] = data
                        yield ServerSentEvent(to_json(data).decode(), event=event, sep="\n")
                await committed.wait()

    async def _look(self, visitor: str) -> dict[str, Any]:
        version, text = await self._app.program_text()
        return {"program": {"version": version, "text": text}, "state": await self._app.visitor(visitor)}
