"""The board: fifty officers who each open a page every three seconds, over a mirror of 100,000 reports.

A real `lapor-sync board`, and real sign-ins over HTTP. The load is open: a page is due at its time whether the
one before has come or not, and what it waited for its turn counts. One officer in ten is an admin, who sees all reports.
"""

from __future__ import annotations

import gzip
import itertools
import os
import random
import re
import secrets
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles

import httpx

from benchmarks import databases
from benchmarks.contenders import OURS
from benchmarks.form import Goal, Line, Plan, Result
from benchmarks.mirror_of import AGENCY, FIRST_ID, OPDS, made
from benchmarks.processes import ROOT, Void
from lapor_sync.clock import SystemClock
from lapor_sync.domain.people import Role, of_shell
from lapor_sync.office import people
from lapor_sync.store.database import open_store

REPORTS = 100_000
OFFICERS, EVERY, SECONDS = 50, 3.0, 180.0
PASSWORD = secrets.token_urlsafe(24)
PAGES = ("/tugas", "/laporan", "/laporan?colour=merah", "/laporan?semua=1", "one", "one", "/opd")
GOAL, FIRST_PAGE, MEMORY = (
    Goal(sign="<", bound=100, unit="ms"),
    Goal(sign="<", bound=60, unit="kB"),
    Goal(sign="<", bound=120, unit="MB"),
)


def lines(plan: Plan) -> Iterator[Result]:
    """On each database."""
    count = plan.size(REPORTS)
    for kind in plan.databases:
        with databases.fresh(kind, plan.folder) as url:
            made(url, count)
            names = _people(url)
            yield from _measured(kind, count, url, names, SECONDS * min(plan.scale, 1))


def _people(url: str) -> list[str]:
    """Officers of all OPDs, one in ten of them an admin; each with a password."""
    store = open_store(url, AGENCY, SystemClock())
    names = [f"petugas{n}" for n in range(OFFICERS)]
    for n, name in enumerate(names):
        role, opd = (Role.ADMIN, None) if n % 10 == 0 else (Role.OFFICER, OPDS[n % len(OPDS)][0])
        link = people.invite(store, of_shell("root"), name=f"Petugas {n}", sign_in=name, role=role, opd=opd)
        people.accept(store, link, PASSWORD)
    store.close()
    return names


def _measured(kind: str, count: int, url: str, names: list[str], seconds: float) -> Iterator[Result]:
    env = {
        **os.environ,
        "LAPOR_SYNC_DATABASE_URL": url,
        "LAPOR_SYNC_AGENCY": AGENCY,
        "LAPOR_SYNC_OPD_IDS": ",".join(id_ for id_, _ in OPDS),
        "LAPOR_SYNC_SECOND_FACTOR": "none",
        "MALLOC_ARENA_MAX": "1",  # both as the systemd unit has them
        "MALLOC_MMAP_THRESHOLD_": "131072",
    }
    command = [*map(str, OURS), "board", "--listen", "127.0.0.1:0"]
    board = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert board.stdout is not None
        at = board.stdout.readline().removeprefix("Board at ").strip()
        if not at:
            raise Void("the board did not start")
        with ThreadPoolExecutor(8) as pool:
            cookies = list(pool.map(lambda name: _signed_in(at, name), names))
        took = _load(at, cookies, count, seconds)
        size = _first_page(at, cookies[1])
        told = dict(one.split(":", 1) for one in Path(f"/proc/{board.pid}/status").read_text().splitlines())
    finally:
        board.terminate()
        board.wait(60)
    for page, all_of_it in took.items():
        cuts = quantiles(all_of_it, n=100)
        yield Line(
            what=f"{page} over {count:,} reports, {kind}: p95",
            ours=f"{cuts[94]:.0f} ms (median {cuts[49]:.0f}, p99 {cuts[98]:.0f}; {len(all_of_it)} pages)",
            figure=cuts[94],
            goal=GOAL,
        )
    yield Line(what=f"first page with all assets, {kind}", ours=f"{size:.0f} kB", figure=size, goal=FIRST_PAGE)
    held, peak = (int(told[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    ours = f"{held:.0f} MB; {peak:.0f} at its peak, while passwords are hashed"
    yield Line(what=f"its memory at the end, {kind}", ours=ours, figure=held, goal=MEMORY)


def _signed_in(at: str, name: str) -> httpx.Cookies:
    with httpx.Client(base_url=at, timeout=120) as client:
        page = client.get("/masuk").text
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        if token is None:
            raise Void("no form to sign in with")
        said = {"csrf": token[1], "sign_in": name, "password": PASSWORD}
        if client.post("/masuk", data=said, headers={"Origin": at}).status_code != 303:
            raise Void(f"{name} was not let in")
        return client.cookies


def _load(at: str, cookies: list[httpx.Cookies], count: int, seconds: float) -> dict[str, list[float]]:
    """Milliseconds from the moment at which each page was due, by the kind of page."""
    dice, began = random.Random(16), time.monotonic() + 1
    plan = []
    for who, cookie in enumerate(cookies):
        pages = itertools.cycle(dice.sample(PAGES, len(PAGES)))
        first = dice.uniform(0, EVERY)
        for n in range(int(seconds / EVERY)):
            page = next(pages)
            # Of its own OPD: reports of an OPD are a fixed number apart.
            newest = count - 1 - dice.randrange(count // len(OPDS) // 2) * len(OPDS)
            number = newest - (newest - who) % len(OPDS)
            path = f"/laporan/{FIRST_ID + number}" if page == "one" else page
            plan.append((began + first + n * EVERY, cookie, "/laporan/ID" if page == "one" else page, path))
    plan.sort(key=lambda one: one[0])
    took: dict[str, list[float]] = {}

    def ask(one: tuple[float, httpx.Cookies, str, str]) -> None:
        due, cookie, page, path = one
        time.sleep(max(due - time.monotonic(), 0))
        header = "; ".join(f"{name}={value}" for name, value in cookie.items())
        answer = client.get(path, headers={"Cookie": header})
        if answer.status_code != 200 and not (page == "/opd" and answer.status_code == 403):
            raise Void(f"{path}: HTTP {answer.status_code}")
        if answer.status_code == 200:
            took.setdefault(page, []).append((time.monotonic() - due) * 1000)

    most = httpx.Limits(max_connections=OFFICERS, max_keepalive_connections=OFFICERS)
    with httpx.Client(base_url=at, timeout=60, limits=most) as client, ThreadPoolExecutor(OFFICERS) as pool:
        list(pool.map(ask, plan))
    return took


def _first_page(at: str, cookie: httpx.Cookies) -> float:
    """What an officer's first page takes with all that it brings, packed as a proxy packs it, in kB."""
    with httpx.Client(base_url=at, cookies=cookie, headers={"Accept-Encoding": "gzip"}) as client:
        page = client.get("/tugas")
        names = set(re.findall(r'(?:href|src)="(/aset/[^"]+)"', page.text))
        assets = sum(int(client.get(name).headers["Content-Length"]) for name in names)
        return (len(gzip.compress(page.content)) + assets) / 1000
