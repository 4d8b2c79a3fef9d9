"""A line gives each call its own answer, whatever becomes of the calls beside it, and of the connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic

import pytest
from redis.asyncio.connection import Connection
from redis.exceptions import ConnectionError, ResponseError

from variables import redis_line
from variables.redis_connection import Connections
from variables.redis_line import Line

pytestmark = pytest.mark.anyio


@pytest.fixture
async def line(connections: Connections) -> AsyncIterator[Line]:
    line = connections.line("any key")
    yield line
    await line.close()


async def break_connections(connections: Connections, number: int) -> None:
    await connections.commands.execute_command("CLIENT", "KILL", "ID", number)


async def test_answers_go_to_those_who_asked(line: Line) -> None:
    words = [f"word {number}" for number in range(1_000)]
    assert await asyncio.gather(*(line.call("ECHO", word) for word in words)) == [word.encode() for word in words]


async def test_words_larger_than_any_buffer_get_through_side_by_side(line: Line) -> None:
    words = [bytes([number]) * 700_000 for number in range(40)]
    assert await asyncio.gather(*(line.call("ECHO", word) for word in words)) == words


async def test_all_share_one_connection(line: Line) -> None:
    assert len(set(await asyncio.gather(*(line.call("CLIENT", "ID") for _ in range(20))))) == 1


async def test_a_refusal_is_the_refused_ones_alone(line: Line) -> None:
    calls = [line.call("ECHO", "a"), line.call("NOSUCH"), line.call("ECHO", "b")]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert answers[::2] == [b"a", b"b"]
    assert isinstance(answers[1], ResponseError)


async def test_who_is_cancelled_takes_nobody_elses_answer(line: Line) -> None:
    await line.call("PING")
    for patience in (0.0, 0.01):
        given_up = asyncio.create_task(line.call("BLPOP", "nothing here", "0.05"))
        behind = asyncio.create_task(line.call("ECHO", "mine"))
        await asyncio.sleep(patience)
        given_up.cancel()
        assert await behind == b"mine"
        assert given_up.cancelled()


async def test_a_call_cancelled_before_the_connection_stands_is_not_in_the_way(line: Line) -> None:
    given_up = asyncio.create_task(line.call("ECHO", "nobody's"))
    behind = asyncio.create_task(line.call("ECHO", "mine"))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await behind == b"mine"


async def test_all_who_wait_are_told_that_the_connection_broke_and_the_next_connects_anew(
    line: Line, connections: Connections
) -> None:
    old = await line.call("CLIENT", "ID")
    waiting = [asyncio.create_task(line.call(*words)) for words in (("BLPOP", "nothing", "0"), ("ECHO", "behind"))]
    await asyncio.sleep(0.05)
    await break_connections(connections, old)
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in told] == [ConnectionError, ConnectionError]
    assert await line.call("CLIENT", "ID") != old


@pytest.mark.parametrize("within", [0.1, 0.4])
async def test_an_answer_that_is_overdue_breaks_the_connection(line: Line, within: float) -> None:
    old = await line.call("CLIENT", "ID")
    asked = monotonic()
    with pytest.raises(ConnectionError, match="in time"):
        await line.call("BLPOP", "nothing", "0", within=within)
    assert within <= monotonic() - asked < within + 2 * redis_line.LOOK_EVERY
    assert await line.call("CLIENT", "ID") != old


async def test_who_may_wait_for_ever_does(line: Line) -> None:
    assert await line.call("BLPOP", "nothing", str(2 * redis_line.LOOK_EVERY)) is None


@pytest.mark.parametrize("answers", [b"", b"no Redis\r\n"], ids=["silent", "no Redis"])
async def test_what_is_no_server_is_left(answers: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_line, "CONNECT_TIMEOUT", 0.2)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers)
        while await reader.read(1 << 16):
            pass
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        line = Line(_connecting_to(server.sockets[0].getsockname()[1]))
        for _ in range(2):
            with pytest.raises(ConnectionError):
                await line.call("PING")
        await line.close()


async def test_where_nobody_listens_each_call_is_told_so() -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    line = Line(_connecting_to(port))
    told = await asyncio.gather(*(line.call("PING") for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in told] == [ConnectionError] * 3
    await line.close()


def _connecting_to(port: int) -> Callable[[], Connection]:
    return lambda: Connection(host="127.0.0.1", port=port)


async def test_closing_tells_all_who_wait(line: Line) -> None:
    await line.close()
    await line.call("PING")
    waiting = asyncio.create_task(line.call("BLPOP", "nothing", "0"))
    await asyncio.sleep(0.05)
    await line.close()
    await line.close()
    with pytest.raises(ConnectionError, match="closed"):
        await waiting
