"""What `/collect` is compared with: a Starlette endpoint that takes the same request, answers the same, keeps nothing.

It reads the body, parses it with the same parser that Whenflow uses, and counts the items; it looks at none of them.
`python -m bench.empty_endpoint PORT` runs it under the very uvicorn server that `whenflow serve` runs under.
"""

import sys

import uvloop
from pydantic_core import from_json, to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from whenflow.site import Server, listen

_HEADERS = {"access-control-allow-origin": "*", "cache-control": "no-store"}


async def _collect(request: Request) -> Response:
    document = from_json(await request.body())
    answer = {"accepted": len(document["items"]), "rejected": []}
    return Response(to_json(answer), media_type="application/json", headers=_HEADERS)


async def _front(request: Request) -> Response:
    return Response(b"here")


app = Starlette(routes=[Route("/collect", _collect, methods=["POST"]), Route("/", _front)])


def main() -> None:
    uvloop.run(Server(app, lambda: None).serve([listen("127.0.0.1", int(sys.argv[1]))]))


if __name__ == "__main__":
    main()
