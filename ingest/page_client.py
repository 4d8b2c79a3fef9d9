"""Serves the page client, `/ppmatc.js`: one file, made from `ingest/client/` and committed beside this module."""

import gzip
import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BUILT_FILE = Path(__file__).with_name("ppmatc.js")

# Short: pages name the script without a version, so this is how long an old client may live on.
MAX_AGE_SECONDS = 300


def page_client_route(path: str = "/ppmatc.js") -> Route:
    """The route that gives the page client, read and compressed once, here."""
    script = BUILT_FILE.read_bytes()
    compressed = gzip.compress(script, compresslevel=9, mtime=0)
    # Weak, as it names the script and not which of the two encodings of it was sent.
    etag = f'W/"{hashlib.sha256(script).hexdigest()[:32]}"'
    headers = {
        "Content-Type": "text/javascript; charset=utf-8",
        "Cache-Control": f"public, max-age={MAX_AGE_SECONDS}",
        "ETag": etag,
        "Vary": "Accept-Encoding",
        # For pages that load it with `crossorigin`, or that allow only what says so (Cross-Origin-Embedder-Policy).
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }

    async def page_client(request: Request) -> Response:
        if _names(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
        if _accepts_gzip(request.headers.get("accept-encoding", "")):
            return Response(compressed, headers={**headers, "Content-Encoding": "gzip"})
        return Response(script, headers=headers)

    return Route(path, page_client, methods=["GET"], name="page_client")


def _names(if_none_match: str, etag: str) -> bool:
    """Whether `If-None-Match` names this version, by the weak comparison that RFC 9110 asks for there."""
    candidates = [candidate.strip() for candidate in if_none_match.split(",")]
    return "*" in candidates or etag.removeprefix("W/") in [each.removeprefix("W/") for each in candidates]


def _accepts_gzip(accept_encoding: str) -> bool:
    """Whether `Accept-Encoding` names gzip and does not refuse it with `q=0`."""
    for choice in accept_encoding.lower().split(","):
        coding, _, quality = choice.partition(";")
        if coding.strip() == "gzip":
            return quality.replace(" ", "").rstrip("0") not in {"q=", "q=0."}
    return False
