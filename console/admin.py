"""The admin API's endpoints (DESIGN.md section 9): a bearer token, JSON in and out; `GET /health` needs no token."""

from collections.abc import Awaitable, Callable, Sequence
from hmac import compare_digest
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from console.explanation import NoSuchFlow
from console.health import Health
from console.metrics import metrics
from console.running_app import InvalidProgram, ReassignedEvents, RunningApp
from grammar.diagnostics import to_json
from variables.store import StoreUnavailable, WrongKey

LARGEST_PROGRAM = 8 << 20
"""Bytes of a program's text."""
Endpoint = Callable[[Request], Awaitable[Response]]


class Admin:
    """`app` finds a running app by its name, `apps` gives all."""

    def __init__(
        self,
        app: Callable[[str], RunningApp | None],
        apps: Callable[[], Sequence[RunningApp]],
        token: str,
        health: Callable[[], Awaitable[Health]],
    ) -> None:
        self._app = app
        self._apps = apps
        self._token = token
        self._health = health

    def routes(self) -> list[Route]:
        return [
            Route("/api/apps/{app}/visitors/{visitor:path}", self._guarded(self._visitor), methods=["GET"]),
            Route("/api/apps/{app}/explanation", self._guarded(self._explain), methods=["GET"]),
            Route("/api/apps/{app}/program", self._guarded(self._program), methods=["GET"]),
            Route("/api/apps/{app}/program", self._guarded(self._apply), methods=["PUT"]),
            Route("/health", self._show_health, methods=["GET"]),
            Route("/metrics", self._show_metrics, methods=["GET"]),
        ]

    def _refusal(self, request: Request) -> Response | None:
        """What somebody without the token is told."""
        given = request.headers.get("authorization", "").encode()
        if compare_digest(given, f"Bearer {self._token}".encode()):
            return None
        detail = "the Authorization header must be: Bearer <admin token>"
        return _error(401, "bad_token", detail, {"WWW-Authenticate": "Bearer"})

    def _guarded(self, act: Callable[[Request, RunningApp], Awaitable[Response]]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            if (refusal := self._refusal(request)) is not None:
                return refusal
            name = request.path_params["app"]
            app = self._app(name)
            if app is None:
                return _error(
                    404, "unknown_app", f'there is no app "{name}"; `whenflow apply --app {name} FILE` makes it'
                )
            try:
                return await act(request, app)
            except StoreUnavailable as error:
                return _error(503, "store_unavailable", str(error), {"Retry-After": "1"})
            except WrongKey as error:
                return _error(500, "broken", f"somebody wrote what only Whenflow may write: {error}")

        return endpoint

    async def _visitor(self, request: Request, app: RunningApp) -> Response:
        return JSONResponse(await app.visitor(request.path_params["visitor"]))

    async def _explain(self, request: Request, app: RunningApp) -> Response:
        visitor, flow = (request.query_params.get(name) for name in ("visitor", "flow"))
        if not visitor or not flow:
            return _error(400, "bad_request", "give both, as in /explanation?visitor=ID&flow=NAME")
        try:
            return JSONResponse((await app.explanation(visitor, flow)).to_json())
        except NoSuchFlow as error:
            return _error(404, "unknown_flow", str(error))

    async def _program(self, request: Request, app: RunningApp) -> Response:
        version, text = await app.program_text()
        return PlainTextResponse(text, headers={"X-Program-Version": str(version)})

    async def _apply(self, request: Request, app: RunningApp) -> Response:
        body = await request.body()
        if len(body) > LARGEST_PROGRAM:
            return _error(413, "program_too_large", f"a program has at most {LARGEST_PROGRAM} bytes")
        try:
            reset, stop_runs = (request.query_params.get(name) == "1" for name in ("reset", "stop_runs"))
            applied = await app.apply([("program.flow", body)], reset=reset, stop_runs=stop_runs)
        except InvalidProgram as invalid:
            return JSONResponse(_diagnostics(invalid.checked.diagnostics), 422)
        except ReassignedEvents as reassigned:
            detail = f"{reassigned}. Add ?reset=1 to start these events from zero."
            return _error(409, "reassigned_events", detail)
        answer = {
            "version": applied.version,
            "folded": applied.folded,
            "runs": [run.to_json() for run in applied.runs],
            "gone": applied.gone,
            **_diagnostics(applied.checked.diagnostics),
        }
        return JSONResponse(answer)

    async def _show_metrics(self, request: Request) -> Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        try:
            return Response(await metrics(self._apps()), media_type=CONTENT_TYPE_LATEST)
        except StoreUnavailable as error:
            return _error(503, "store_unavailable", str(error), {"Retry-After": "1"})

    async def _show_health(self, request: Request) -> Response:
        health = await self._health()
        return JSONResponse(health.model_dump(mode="json"), 200 if health.ok else 503)


def _diagnostics(diagnostics: Any) -> dict[str, Any]:
    return {"diagnostics": [to_json(diagnostic) for diagnostic in diagnostics]}


def _error(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": code, "detail": detail}, status, headers)
