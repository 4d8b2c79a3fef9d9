"""The embedded store, with real processes and real kills. `servers` counts the live servers of a directory."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, TimeoutError
from redis.retry import Retry

from tests.whenflow.process import until
from variables import embedded
from variables.data_directory import DirectoryRefusedError, StoreNotReadyError
from variables.durability import Durability
from variables.embedded import EmbeddedStore

_ROOT = Path(__file__).parents[2]

# Another process of Whenflow: ensures at each line and answers with what it sees; closes at the end.
_PROCESS = """
import signal, sys
from pathlib import Path
import structlog
from redis import Redis
from variables.durability import Durability
from variables.embedded import EmbeddedStore

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
store = EmbeddedStore(Path(sys.argv[1]), Durability(sys.argv[2]))

def show():
    with Redis(unix_socket_path=str(store.socket)) as client:
        print(interrupts, int(store.started), client.info("server")["run_id"], flush=True)

def interrupt(*_):
    global interrupts
    interrupts += 1

interrupts = 0
signal.signal(signal.SIGINT, interrupt)
while sys.stdin.readline():
    store.ensure()
    show()
store.close()
"""

# Eight processes that ensure, check and write until their input ends; each prints the values that were answered.
_STORM = """
import os, select, sys
from pathlib import Path
import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError
from redis.retry import Retry
from variables.embedded import EmbeddedStore

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

def work(name):
    store = EmbeddedStore(Path(sys.argv[1]))
    ensured = 0
    answered = []
    while not select.select([sys.stdin], [], [], 0)[0]:
        store.ensure()
        ensured += 1
        with Redis(unix_socket_path=str(store.socket), retry=Retry(NoBackoff(), 0), socket_timeout=5) as client:
            try:
                while not select.select([sys.stdin], [], [], 0.005)[0]:
                    value = f"{name}-{len(answered)}"
                    client.sadd("values", value)
                    answered.append(value)
            except ConnectionError:
                pass
    store.close()
    os.write(1, f"{ensured} {' '.join(answered)}\\n".encode())

workers = []
for name in range(8):
    worker = os.fork()
    if worker == 0:
        work(name)
        os._exit(0)
    workers.append(worker)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) for worker in workers))
"""


class Other:
    """Another process; it stands in a process group of its own, as a job of a terminal does."""

    def __init__(self, directory: Path, durability: str = "always", code: str = _PROCESS) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", code, str(directory), durability],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def ensure(self) -> tuple[bool, str]:
        """(whether it started the server, the server's run id)."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        interrupts, started, run = self.process.stdout.readline().split()
        self.interrupts = int(interrupts)
        return started == "1", run

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def servers(directory: Path) -> set[int]:
    """The live server processes whose working directory this is (a rewriting child counts too)."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == directory and (entry / "exe").readlink().name == "valkey-server":
                    found.add(int(entry.name))
            except OSError:  # it ended while we looked
                continue
    return found


def the_server(directory: Path) -> int:
    (pid,) = servers(directory)
    return pid


def client_of(store: EmbeddedStore) -> Redis:
    return Redis(unix_socket_path=str(store.socket), retry=Retry(NoBackoff(), 0), socket_timeout=5)


def run_id(store: EmbeddedStore) -> str:
    with client_of(store) as client:
        return str(client.info("server")["run_id"])


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "data"
    yield path
    until(lambda: not servers(path))  # whatever a test does, it leaves no server behind


@pytest.fixture
def store(directory: Path) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(directory) as started:
        yield started


def test_the_server_has_the_settings_of_the_design(store: EmbeddedStore) -> None:
    with client_of(store) as client:
        settings = client.config_get("*")
    expected = {
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "hash-max-listpack-value": "8192",
        "hash-max-listpack-entries": "512",
        "port": "0",
        "aof-load-truncated": "yes",
        "auto-aof-rewrite-percentage": "50",
        "auto-aof-rewrite-min-size": str(16 << 20),
    }
    assert {name: settings[name] for name in expected} == expected
    assert store.socket.stat().st_mode & 0o777 == 0o700
    assert (store.directory / "store.log").stat().st_mode & 0o077 == 0


def test_a_second_store_attaches_and_leaves_the_server_running(store: EmbeddedStore) -> None:
    with EmbeddedStore(store.directory) as attached:
        assert (store.started, attached.started) == (True, False)
        assert run_id(attached) == run_id(store)
    assert run_id(store)


def test_data_survive_sigkill_of_server_and_starter(directory: Path) -> None:
    with Other(directory) as starter:
        starter.ensure()
        with EmbeddedStore(directory) as attached, client_of(attached) as client:
            client.set("answered", "yes")
        os.kill(the_server(directory), signal.SIGKILL)
        starter.kill()
    with EmbeddedStore(directory) as store, client_of(store) as client:
        assert client.get("answered") == b"yes"


def test_data_survive_sigkill_in_second_mode(directory: Path) -> None:
    with EmbeddedStore(directory, Durability.SECOND) as store:
        with client_of(store) as client:
            for number in range(500):
                client.rpush("answered", number)
            os.kill(the_server(directory), signal.SIGKILL)
        store.ensure()
        with client_of(store) as client:
            assert client.lrange("answered", 0, -1) == [b"%d" % number for number in range(500)]


def test_a_torn_tail_is_dropped(directory: Path) -> None:
    with EmbeddedStore(directory) as store, client_of(store) as client:
        client.set("whole", "yes")
    (tail,) = (directory / "appendonlydir").glob("*.incr.aof")
    with tail.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nto")
    with EmbeddedStore(directory) as store, client_of(store) as client:
        assert client.get("whole") == b"yes"


def test_never_two_servers_in_a_storm(directory: Path) -> None:
    directory = directory.resolve()
    killed = set[int]()
    due = dict[int, float]()  # when each is to be killed: some while they start, some while they serve
    most = 0
    with Other(directory, code=_STORM) as storm:
        end = time.monotonic() + 60
        while len(killed) < 15:
            assert time.monotonic() < end
            alive = servers(directory)
            most = max(most, len(alive))
            for pid in alive - killed:
                if time.monotonic() >= due.setdefault(pid, time.monotonic() + 0.04 * (len(killed) % 4)):
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
        assert most == 1
        out, _ = storm.process.communicate(timeout=30)  # ends their input
        assert storm.process.returncode == 0  # no ensure failed
    lines = [line.split() for line in out.splitlines()]
    assert len(lines) == 8
    assert sum(int(line[0]) for line in lines) > 8
    answered = {value for line in lines for value in line[1:]}
    assert answered
    with EmbeddedStore(directory) as store, client_of(store) as client:
        kept = client.smembers("values")
    assert {value.encode() for value in answered} <= kept


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_no_server_is_left_behind_after_sigkill_of_its_owners(directory: Path, stopped: bool) -> None:
    with Other(directory) as starter, Other(directory) as attached:
        _, run = starter.ensure()
        assert attached.ensure() == (False, run)
        if stopped:
            os.kill(the_server(directory), signal.SIGSTOP)
        attached.kill()
        starter.kill()
        until(lambda: not servers(directory), limit=2)


def test_an_attached_process_starts_the_server_again(directory: Path) -> None:
    with Other(directory) as starter:
        _, first = starter.ensure()
        attached = EmbeddedStore(directory)
        attached.ensure()
        assert run_id(attached) == first
        starter.kill()
        until(lambda: not servers(directory))
        attached.ensure()
        assert attached.started
        assert run_id(attached) != first
        assert len(servers(directory)) == 1
        attached.close()


def test_a_server_that_died_is_reaped_and_restarted(store: EmbeddedStore) -> None:
    dead = the_server(store.directory)
    os.kill(dead, signal.SIGKILL)
    store.ensure()
    assert store.started
    assert not Path(f"/proc/{dead}").exists()
    assert the_server(store.directory) != dead


def test_ensure_async_restarts_and_leaves_the_loop_running(store: EmbeddedStore) -> None:
    async def restart() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        os.kill(the_server(store.directory), signal.SIGKILL)
        ticking = asyncio.create_task(tick())
        await asyncio.gather(*(store.ensure_async() for _ in range(5)))
        ticking.cancel()
        return ticks

    assert asyncio.run(restart()) > 10
    assert store.started
    assert len(servers(store.directory)) == 1


def test_starting_off_the_main_thread_is_refused(directory: Path) -> None:
    store = EmbeddedStore(directory)
    refusals = list[str]()

    def start() -> None:
        try:
            store.ensure()
        except RuntimeError as error:
            refusals.append(str(error))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in refusals[0]


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_close_takes_at_most_five_seconds_and_loses_nothing(directory: Path, stopped: bool) -> None:
    with EmbeddedStore(directory) as store, client_of(store) as client, client_of(store) as blocked:
        client.set("answered", "yes")
        blocked.ping()
        if stopped:
            os.kill(the_server(directory), signal.SIGSTOP)
        begun = time.monotonic()
        store.close()
        assert time.monotonic() - begun < 5
        assert not servers(directory)
        assert not store.started
    with EmbeddedStore(directory) as store, client_of(store) as client:
        assert client.get("answered") == b"yes"


def test_ctrl_c_does_not_reach_the_server(directory: Path) -> None:
    with Other(directory) as foreground:
        _, run = foreground.ensure()
        os.killpg(foreground.process.pid, signal.SIGINT)
        assert foreground.ensure() == (True, run)
        assert foreground.interrupts == 1
        assert os.getsid(the_server(directory)) == the_server(directory)
        foreground.process.communicate(timeout=10)
        assert foreground.process.returncode == 0


@pytest.mark.parametrize(
    "name", ["d" * 120, "données-日本", "a \"quoted\" 'na me' \\x"], ids=["long", "foreign", "odd"]
)
def test_any_path_will_do(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / name
    with EmbeddedStore(directory) as store:
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        with Other(directory) as attached:
            assert attached.ensure() == (False, run_id(store))
        assert len(os.fsencode(store.socket)) <= 100
        place = store.socket.parent
        first = store.socket
    with EmbeddedStore(directory) as again:
        assert again.socket == first
    if place != directory:
        assert place.stat().st_mode & 0o777 == 0o700
        place.rmdir()


def test_a_socket_place_that_others_can_enter_is_not_used(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path / "é") as store:
        first = store.socket.parent
    first.chmod(0o755)
    with EmbeddedStore(tmp_path / "é") as store:
        second = store.socket.parent
        assert second != first
    first.rmdir()
    second.rmdir()


def test_a_copied_directory_has_a_socket_of_its_own(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path / "é") as store:
        shutil.copytree(store.directory, tmp_path / "è", ignore=shutil.ignore_patterns("*.sock"))
        with EmbeddedStore(tmp_path / "è") as copy:
            assert copy.started
            assert run_id(copy) != run_id(store)
            copy_place, place = copy.socket.parent, store.socket.parent
    place.rmdir()
    copy_place.rmdir()


def test_an_older_engine_is_refused_before_anything_starts(directory: Path) -> None:
    EmbeddedStore(directory).__enter__().close()
    marker = directory / "store.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"version": "99.1.0"}))
    log = (directory / "store.log").read_bytes()
    with pytest.raises(DirectoryRefusedError, match=r"99\.1\.0, newer than"):
        EmbeddedStore(directory).ensure()
    assert (directory / "store.log").read_bytes() == log


def test_a_newer_engine_signs_before_it_writes(directory: Path) -> None:
    EmbeddedStore(directory).__enter__().close()
    marker = directory / "store.json"
    ours = marker.read_text()
    marker.write_text(json.dumps(json.loads(ours) | {"version": "8.0.1"}))
    with EmbeddedStore(directory):
        assert marker.read_text() == ours


@pytest.mark.parametrize(
    "marker",
    ['{"format":2,"engine":"valkey","version":"9.1.2"}', '{"format":1,"engine":"redis","version":"7.0.0"}', "{}", ""],
)
def test_a_foreign_marker_is_refused(directory: Path, marker: str) -> None:
    directory.mkdir()
    (directory / "store.json").write_text(marker)
    with pytest.raises(DirectoryRefusedError, match=str(directory)):
        EmbeddedStore(directory).ensure()


def test_a_foreign_directory_is_refused_untouched(directory: Path) -> None:
    (directory / "appendonlydir").mkdir(parents=True)
    with pytest.raises(DirectoryRefusedError, match="appendonlydir"):
        EmbeddedStore(directory).ensure()
    assert os.listdir(directory) == ["appendonlydir"]


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DirectoryRefusedError, match="cannot be used"):
        EmbeddedStore(tmp_path / "file" / "data").ensure()


def test_a_server_without_its_lock_file_is_not_doubled(store: EmbeddedStore) -> None:
    (store.directory / "store.lock").unlink()
    with pytest.raises(DirectoryRefusedError, match=r"store\.lock"):
        EmbeddedStore(store.directory).ensure()
    assert len(servers(store.directory)) == 1


def test_a_server_that_does_not_start_is_told_at_once_with_its_log(directory: Path) -> None:
    with EmbeddedStore(directory) as store, client_of(store) as client:
        client.set("a", 1)
    (tail,) = (directory / "appendonlydir").glob("*.incr.aof")
    tail.write_bytes(b"this is no append-only file" + tail.read_bytes())
    with pytest.raises(StoreNotReadyError, match="Bad file format"):
        EmbeddedStore(directory).ensure(timeout=30)


def test_a_server_that_does_not_answer_is_told_at_the_deadline(store: EmbeddedStore) -> None:
    os.kill(the_server(store.directory), signal.SIGSTOP)
    with pytest.raises(StoreNotReadyError, match=f"{store.directory} did not answer within"):
        EmbeddedStore(store.directory).ensure(timeout=0.2)
    os.kill(the_server(store.directory), signal.SIGCONT)


def test_loading_longer_than_the_timeout_is_waited_for(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedStore(directory) as store, client_of(store) as client, client.pipeline(transaction=False) as pipe:
        for number in range(20_000):
            pipe.set(f"key-{number}", number)
        pipe.execute()
    monkeypatch.setitem(embedded._SETTINGS, "key-load-delay", "20")  # microseconds; some 80 in effect
    begun = time.monotonic()
    store.ensure(timeout=1.2)
    assert time.monotonic() - begun > 1.2
    store.close()


def test_a_rewriting_child_that_outlives_its_server_is_waited_for_and_what_it_wrote_removed(
    store: EmbeddedStore,
) -> None:
    with client_of(store) as client:
        client.mset({f"key-{number}": number for number in range(100)})
        client.config_set("rdb-key-save-delay", 10_000)  # microseconds, so that the child takes a second
        server = the_server(store.directory)
        client.bgrewriteaof()
        until(lambda: len(servers(store.directory)) == 2)
        (child,) = servers(store.directory) - {server}
        os.kill(server, signal.SIGKILL)
    until(lambda: list(store.directory.glob("temp-*")))
    store.ensure()
    assert child not in servers(store.directory)
    assert not list(store.directory.glob("temp-*"))
    with client_of(store) as client:
        assert client.dbsize() == 100


def test_the_lock_is_not_held_by_other_children_of_ours(directory: Path) -> None:
    store = EmbeddedStore(directory)
    with store:
        other = subprocess.Popen(["/bin/sleep", "60"], close_fds=False)
    try:
        with store:
            assert store.started
    finally:
        other.kill()
        other.wait()


def test_attaching_with_another_durability_sets_it(store: EmbeddedStore) -> None:
    def policy() -> str:
        with client_of(store) as client:
            return str(client.config_get("appendfsync")["appendfsync"])

    with EmbeddedStore(store.directory, Durability.SECOND):
        assert policy() == "no"
        with EmbeddedStore(store.directory, None):
            assert policy() == "no"
    assert policy() == "always"  # nobody flushes for us any more


def test_a_large_log_is_set_aside(directory: Path) -> None:
    EmbeddedStore(directory).__enter__().close()
    log = directory / "store.log"
    log.write_bytes(b"x" * (2 << 20))
    with EmbeddedStore(directory):
        assert log.stat().st_size < 1 << 20


def test_closing_what_was_never_ensured_is_harmless(directory: Path) -> None:
    store = EmbeddedStore(directory)
    store.close()
    assert not store.started
    assert not directory.exists()


def test_killed_connections_do_not_hide_behind_retries(store: EmbeddedStore) -> None:
    with client_of(store) as client:
        client.ping()
        os.kill(the_server(store.directory), signal.SIGKILL)
        with pytest.raises((ConnectionError, TimeoutError)):
            client.ping()
