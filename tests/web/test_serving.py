"""The board as a process: where it listens, its secret, its end."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
import structlog
from structlog.testing import capture_logs

from lapor_sync import demo
from lapor_sync.clock import SystemClock
from lapor_sync.commands.board import look, secret_in, take_short_turns
from lapor_sync.daemon import thinned
from lapor_sync.domain.errors import BadInput, SettingsWrong, StoreUnavailable
from lapor_sync.listening import Address
from lapor_sync.roster import Roster
from lapor_sync.store import work_queue
from lapor_sync.store.database import Store, open_store
from lapor_sync.web.board import Board
from lapor_sync.web.many import Boards
from lapor_sync.web.serving import serve
from lapor_sync.web.site import make_site
from tests.databases import little_disk
from tests.system.cli_runner import Cli, Ran
from tests.system.rig import fill
from tests.web.site import board_on

__all__ = ["little_disk"]

PUBLIC = "https://papan.kota.example"


@contextmanager
def process(tmp_path: Path, *args: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """`lapor-sync board` on the database of that folder, gone at the end."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LAPOR_SYNC_")}
    mine = {"DATABASE_URL": f"sqlite:///{tmp_path / 'lapor-sync.db'}", **settings}
    environ |= {f"LAPOR_SYNC_{name}": value for name, value in mine.items()}
    command = [sys.executable, "-m", "lapor_sync", "board", *args]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ, stdout=pipe, stderr=pipe, text=True, cwd=tmp_path) as made:
        try:
            yield made
        finally:
            made.kill()


def board_of(folder: Path, *args: str, **settings: str) -> Ran:
    """`lapor-sync board` in this process, for what ends at once."""
    mine = {"DATABASE_URL": f"sqlite:///{folder / 'lapor-sync.db'}", **settings}
    return Cli({f"LAPOR_SYNC_{name}": value for name, value in mine.items()})("board", *args)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    open_store(f"sqlite:///{tmp_path / 'lapor-sync.db'}", "kota", SystemClock()).close()
    return tmp_path


def test_it_says_where_it_is_serves_and_ends_softly(database: Path) -> None:
    with process(database, "--listen", "127.0.0.1:0") as board:
        assert board.stdout is not None
        said = board.stdout.readline()
        assert said.startswith("Board at http://127.0.0.1:")
        url = said.split()[-1]
        with urlopen(f"{url}/masuk", timeout=20) as answer:
            assert answer.status == 200
            assert "Server" not in answer.headers
        assert status_of(f"{url}/masuk", Host="evil.example") == 400
        assert (database / "board-secret").stat().st_mode & 0o777 == 0o600
        board.send_signal(signal.SIGTERM)
        assert board.wait(20) == 0
        assert board.stderr is not None
        assert board.stderr.read() == ""


@pytest.mark.parametrize(
    ("args", "settings", "words"),
    [
        (["--listen", "0.0.0.0:0"], {}, "BOARD_PUBLIC_URL"),
        ([], {"BOARD_LISTEN": "0.0.0.0:0", "BOARD_PUBLIC_URL": "http://papan.kota.example"}, "BOARD_PUBLIC_URL"),
        (["--listen", "nowhere"], {}, "HOST:PORT"),
        ([], {"BOARD_SECRET_FILE": "/nowhere/at/all"}, "/nowhere/at/all"),
    ],
)
def test_what_is_wrong_is_said_in_two_lines(
    database: Path, args: list[str], settings: dict[str, str], words: str
) -> None:
    ran = board_of(database, *args, **settings)
    assert (ran.code, ran.out) == (2, "")
    assert ran.says(words)


def agencies_in(folder: Path, **files: str) -> dict[str, str]:
    """The settings of a machine with a folder of agencies, these among them."""
    (folder / "agencies").mkdir(exist_ok=True)
    for key, text in files.items():
        (folder / "agencies" / f"{key}.toml").write_text(text, encoding="utf-8")
    return {"AGENCIES_DIR": str(folder / "agencies")}


def test_one_process_serves_a_board_of_each_agency(database: Path) -> None:
    settings = agencies_in(
        database, curup="ref_prefix = 'CU'", lebong="ref_prefix = 'LB'", manna="ref_prefix = 'x'"
    )
    with process(database, "--listen", "127.0.0.1:0", BOARD_METRICS_LISTEN="127.0.0.1:0", **settings) as board:
        assert board.stdout is not None
        url = board.stdout.readline().removeprefix("Board at ").strip()
        assert url.startswith("http://KEY.localhost:")
        here = url.replace("KEY.localhost", "127.0.0.1")
        hosts = ("curup.localhost", "lebong.localhost", "manna.localhost", "localhost")
        assert [status_of(f"{here}/masuk", Host=host) for host in hosts] == [200, 200, 400, 400]
        assert [status_of(f"{here}/readyz", Host=host) for host in ("curup.localhost", "papan")] == [503, 503]
        board.send_signal(signal.SIGTERM)
        assert board.wait(20) == 0


def test_an_address_that_tells_no_agencies_apart_is_refused(database: Path) -> None:
    files = agencies_in(database, curup="ref_prefix = 'CU'", lebong="ref_prefix = 'LB'")
    ran = board_of(database, BOARD_PUBLIC_URL=PUBLIC, **files)
    assert (ran.code, ran.out) == (2, "")
    assert ran.says("it must hold {agency}", "--agency")


def test_while_the_files_cannot_be_looked_at_the_boards_stay(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = agencies_in(database, curup="ref_prefix = 'CU'")
    environ = {"HOME": "/"} | {f"LAPOR_SYNC_{name}": value for name, value in files.items()}
    store, log = (
        open_store(f"sqlite:///{database / 'lapor-sync.db'}", "curup", SystemClock()),
        structlog.get_logger(),
    )
    roster = Roster(None, environ, store.engine, log, thinned(log))
    boards = Boards(lambda _one: board_on(store), lambda: None, log)
    with capture_logs() as logs:
        look(roster, boards)
        assert boards.of("curup.localhost") is boards.of("127.0.0.1") is not None
        agencies_in(database, lebong="ref_prefix = 'LB'")
        with monkeypatch.context() as patch:
            away = StoreUnavailable("The database cannot be asked.")
            patch.setattr(work_queue, "prefixes", Mock(side_effect=away))
            look(roster, boards)
        assert boards.of("curup.localhost") is not None
        look(roster, boards)
        assert boards.of("lebong.localhost") is not None
        assert boards.of("127.0.0.1") is None
    assert [one["event"] for one in logs] == [
        *("agency_added", "agencies_unreadable", "agency_added", "agencies_readable")
    ]
    store.close()


def test_it_makes_no_database(tmp_path: Path) -> None:
    ran = board_of(tmp_path, "--listen", "127.0.0.1:0")
    assert ran.code == 2
    assert ran.says("There is no database")
    assert not (tmp_path / "lapor-sync.db").exists()


def status_of(url: str, **headers: str) -> int:
    """The status of a page that is asked for with these headers."""
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.netloc, timeout=20)) as connection:
        connection.request("GET", parts.path, headers=headers)
        return connection.getresponse().status


# In this process.


@contextmanager
def served(board: Board, **options: str) -> Iterator[str]:
    """The board's address, served by another thread until the end."""
    heard: list[Address] = []
    is_heard = threading.Event()

    def listening(address: Address) -> None:
        heard.append(address)
        is_heard.set()

    def work() -> None:
        free = Address("127.0.0.1", 0)
        serve(
            make_site(board),
            free,
            most_bytes=board.most_bytes,
            trusted_proxy=options.get("trusted_proxy"),
            listening=listening,
        )

    threading.Thread(target=work, daemon=True).start()
    assert is_heard.wait(20)
    yield heard[0].url


def test_a_slow_sender_holds_up_nobody(board: Board) -> None:
    with served(board) as url:
        port = int(url.rpartition(":")[2])
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        for one in slow:
            one.sendall(b"POST /masuk HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\ncsrf=")
        assert status_of(f"{url}/healthz") == 200
        assert select.select(slow, [], [], 0)[0] == []  # they are all still waited for
        for one in slow:
            one.close()


def test_a_hundred_connections_that_say_nothing_keep_nobody_out(board: Board) -> None:
    with served(board) as url:
        at = ("127.0.0.1", int(url.rpartition(":")[2]))
        with ExitStack() as stack:
            silent = [stack.enter_context(socket.create_connection(at)) for _ in range(150)]
            for one in silent:
                one.sendall(b"GET /masuk HTTP/1.1\r\nHost: loc")
            assert status_of(f"{url}/healthz") == 200
            assert select.select(silent, [], [], 0)[0] == []  # they are all still waited for


def test_a_request_that_is_far_too_large_is_not_read(board: Board) -> None:
    with served(board) as url, socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as one:
        size = board.most_bytes + 1
        one.sendall(f"POST /masuk HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode())
        one.settimeout(20)
        assert b" 413 " in one.recv(4096)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # waitress forgets that file
def test_a_request_that_finds_no_room_on_the_disk_is_told_so(
    board: Board, little_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos lie in a file until they have come: a closed connection would tell nobody what to do."""
    fill(little_disk)
    monkeypatch.setattr(tempfile, "tempdir", str(little_disk))
    with served(board) as url, socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as one:
        one.settimeout(20)
        with capture_logs() as said:
            one.sendall(
                b"POST /masuk HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000
            )
            answer = one.makefile("rb").read().decode()
        assert status_of(f"{url}/healthz") == 200
    assert answer.startswith("HTTP/1.1 503 ")
    assert answer.endswith("kepada admin induk.\n")
    assert [each["event"] for each in said] == ["board_no_room"]


@pytest.mark.parametrize("framing", [b"", b"1;", b"0\r\nX: "], ids=["size", "extension", "trailer"])
def test_a_chunk_that_says_too_much_of_itself_is_refused(board: Board, framing: bytes) -> None:
    """All connections wait while it is looked through."""
    with served(board) as url, socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as one:
        one.sendall(b"POST /masuk HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + framing)
        one.sendall(b"0" * 5000)
        one.settimeout(20)
        assert b" 400 " in one.recv(4096)


@pytest.mark.parametrize(("trusted", "status"), [("127.0.0.1", 200), (None, 400)])
def test_only_a_proxy_that_is_trusted_is_believed(store: Store, trusted: str | None, status: int) -> None:
    board = board_on(store, public_url=PUBLIC)
    options = {"trusted_proxy": trusted} if trusted else {}
    with served(board, **options) as url:
        headers = {"X-Forwarded-Host": "papan.kota.example", "X-Forwarded-For": "10.0.0.9"}
        assert status_of(f"{url}/masuk", **headers) == status


def test_a_port_that_is_taken_is_said_so(board: Board) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = Address("127.0.0.1", other.getsockname()[1])
        with pytest.raises(SettingsWrong, match="cannot listen"):
            serve(
                make_site(board),
                address,
                most_bytes=board.most_bytes,
                trusted_proxy=None,
                listening=lambda _at: None,
            )


# Its secret.


def test_a_page_that_has_its_answer_waits_for_no_other_s_long_turn() -> None:
    before = sys.getswitchinterval()
    try:
        take_short_turns()
        assert sys.getswitchinterval() < before / 5
    finally:
        sys.setswitchinterval(before)


def test_a_secret_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "board-secret"
    made = secret_in(path)
    assert len(made) == 64
    assert secret_in(path) == made
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_secret_that_is_none_is_refused(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("too short\n")
    with pytest.raises(SettingsWrong, match="32 bytes"):
        secret_in(short)
    with pytest.raises(SettingsWrong, match="cannot be read"):
        secret_in(tmp_path)
    with pytest.raises(BadInput):
        secret_in(tmp_path / "nowhere" / "secret")


def test_of_two_boards_that_begin_at_once_one_makes_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "board-secret"
    path.write_text("x" * 64)
    monkeypatch.setattr("os.path.lexists", lambda _path: False)
    assert secret_in(path) == b"x" * 64


def test_what_few_need_is_loaded_when_they_ask_for_it() -> None:
    """Workbooks, paper, passkeys and pictures of codes are a quarter of the memory of a board that makes none."""
    code = (
        "import sys, lapor_sync.web.serving, lapor_sync.web.site\n"
        "print([name for name in ('openpyxl', 'typst', 'webauthn', 'segno', 'PIL') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "[]\n"


def test_a_demo_whose_board_cannot_listen_says_so_before_its_week() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SettingsWrong, match="cannot listen"):
        demo.run(board=f"127.0.0.1:{taken.getsockname()[1]}")
