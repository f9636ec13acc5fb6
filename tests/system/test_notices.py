"""Notices of a real process: `--once` tells people, and one that is killed while it does tells nobody twice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from lapor_sync.domain.notices import NoticeKind
from lapor_sync.domain.people import Role
from lapor_sync.domain.report import Thread
from lapor_sync.mirror.merge import Read
from lapor_sync.mirror.write import write
from lapor_sync.store import channels, notices, people
from lapor_sync.store.database import Store, open_store
from tests.databases import StillClock, fresh
from tests.store.samples import report
from tests.system.cli_runner import Cli
from tests.unit.test_notifying import free_port
from tests.web.site import board_on

PUPR = "611"


@dataclass
class Mails:
    """A mail server that, while it is `held`, has taken a text and does not say so."""

    got: int = 0
    held: bool = False
    has_it: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802
        self.got += 1
        self.has_it.set()
        if self.held:
            self.let_go.wait(60)
        return "250 ok"


@pytest.fixture
def mails() -> Iterator[tuple[Mails, int]]:
    server, port = Mails(), free_port()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    yield server, port
    server.let_go.set()
    controller.stop()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_process_that_is_killed_while_it_tells_somebody_tells_them_once(
    kind: str, tmp_path: Path, mails: tuple[Mails, int]
) -> None:
    """SIGKILL when the mail server has the text and its answer is not there yet: in doubt, and never again by itself."""
    server, port = mails
    with fresh(kind, tmp_path) as url:
        env = _city(tmp_path, url, port)
        once = Cli(env)
        assert once("--once").code == 0  # what was before is known
        store = open_store(url, "kota", StillClock())
        _add_sari(store)
        _dispose(store, "7001")
        server.held = True
        killed = subprocess.Popen(
            [sys.executable, "-m", "lapor_sync", "--once"],
            env={**_plain_environment(), **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert server.has_it.wait(100)
        killed.kill()
        killed.wait()
        server.held = False
        server.let_go.set()
        _dispose(store, "7002")
        assert once("--once").code == 0
        assert once("--once").code == 0
        assert (server.got, sorted(_states(store))) == (1, [("in_doubt", "killed"), ("waiting", None)])
        store.close()


def _city(folder: Path, url: str, port: int) -> dict[str, str]:
    """A city without an API account, so that a cycle is short; with a mail server."""
    (folder / "import").mkdir()
    named = f'[person]\nemail = "mailto://127.0.0.1:{port}/{{to}}?from={{from}}&mode=insecure"\n'
    (folder / "notify.toml").write_text(named, encoding="utf-8")
    (folder / "notify.toml").chmod(0o600)
    given = {"DATABASE_URL": url, "IMPORT_DIR": str(folder / "import"), "AGENCY": "kota"}
    given |= {"NOTIFY_FROM": "papan@kota.go.id", "NOTIFY_URLS_FILE": str(folder / "notify.toml")}
    return {f"LAPOR_SYNC_{name}": value for name, value in given.items()}


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("LAPOR_SYNC_")}


def _add_sari(store: Store) -> None:
    with store.work() as work:
        sari = people.add(work, name="Sari", sign_in="sari")
        post = people.add_post(work, Role.OFFICER, PUPR)
        people.begin_tenure(work, sari, post.id, store.clock.now())
        channels.verify(work, channels.add(work, sari, "email", "sari@kota.go.id", {NoticeKind.NEW_REPORT}))


def _dispose(store: Store, tracking_id: str) -> None:
    mirror, at = board_on(store).mirror, store.clock.now()
    one = report(tracking_id, disposition_id=PUPR, disposition_name="Dinas PUPR")
    with store.work() as work:
        write(work, mirror, [Read(tracking_id, at, one, Thread(items=(), began_at=at))])


def _states(store: Store) -> list[tuple[str, str | None]]:
    with store.reading() as work:
        return [(one.state, one.why) for one in notices.listing(work)]
