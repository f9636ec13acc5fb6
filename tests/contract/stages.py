"""The two upstreams that the connector contract runs against: recorded shapes through respx, and the simulator.

A stage gives the connector, one report that has a conversation and a file, a way to spoil the next calls, and
what upstream received. Faults have the simulator's names, see `connectors.simulator.mishaps`. All is invented.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any, Protocol

import httpcore
import httpx
import respx

from connectors.simulator import CITY_ID, INSTITUTIONS, OPD_IDS, Options, Simulator
from connectors.sp4n_v3 import Sp4nSettings, Sp4nV3
from connectors.transport import Transport, TransportSettings
from lapor_sync.domain.ports import Connector, Uptime

RECORDED = Path(__file__).parent / "recorded"
TOKEN = "{00000000-0000-0000-0000-000000000000}"


class HastyClock:
    """Real time in which nobody sleeps."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def uptime(self) -> Uptime:
        return Uptime("stage", self.monotonic())

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        return None


class Stage(Protocol):
    """One upstream; `report_id` has a disposition, an answer with a file, and a word of the reporter."""

    connector: Connector
    report_id: str
    tracking_id: str
    institution_from_id: str
    institution_to_id: str
    reports: int
    institutions: int

    def spoil(self, do: str, method: str, times: int | None = 1) -> None:
        """The next calls of that method go wrong; `times` None: all from now on."""

    def calls(self, method: str) -> int:
        """How many calls of that method came in."""

    def thread_texts(self) -> list[str]:
        """What stands in the report's thread upstream."""


def _connector(url: str, transport: list[Transport]) -> Sp4nV3:
    settings = TransportSettings(
        base_url=url, bearer="simulator", token=TOKEN, rate_per_second=0, read_timeout=5, pause=lambda tries: 0.0
    )
    transport.append(Transport(settings, clock=HastyClock()))
    return Sp4nV3(transport[0], Sp4nSettings(page_size=2))


class SimulatorStage:
    """The stateful stand-in over HTTP."""

    def __init__(self, simulator: Simulator, connector: Connector) -> None:
        self._world = simulator.world
        self.connector = connector
        self.institution_from_id, self.institution_to_id = OPD_IDS[0], CITY_ID
        self.institutions = len(INSTITUTIONS)
        report = self._world.file_report(title="Lampu padam", content="Lampu padam.", opd=OPD_IDS[0])
        self.report_id, self.tracking_id = str(report["id"]), str(report["tracking_id"])
        self.reports = 31
        # Simulated time has whole seconds: the acts need an order.
        for act in (self._dispose, self._reply, self._answer):
            self._world.advance(60)
            act()

    def _dispose(self) -> None:
        self._world.dispose(self.report_id, to=OPD_IDS[0])

    def _reply(self) -> None:
        self._world.reply(self.report_id, content="Kapan dikerjakan?")

    def _answer(self) -> None:
        file = self._world.keep_file("foto.jpg", b"\xff\xd8 foto")
        self._world.store_answer(
            int(self.report_id),
            "Sedang kami kerjakan.",
            opd=OPD_IDS[0],
            to=CITY_ID,
            template_code="reply",
            attachments=[file],
        )

    def spoil(self, do: str, method: str, times: int | None = 1) -> None:
        self._world.add_faults({"match": {"method": method}, "times": times, "do": do})

    def calls(self, method: str) -> int:
        return sum(row["method"] == method for row in self._world.requests()["recent"])

    def thread_texts(self) -> list[str]:
        return [item["content"] or "" for item in self._world.thread(self.report_id)["items"]]


class RecordedStage:
    """Answers in the recorded shapes, with just enough memory for a written item to be read back."""

    report_id, tracking_id = "100", "20001234"
    institution_from_id, institution_to_id = "611", "601"
    reports, institutions = 3, 3
    base = "https://lapor.test/lapor/3.0.0"

    def __init__(self, router: respx.MockRouter, connector: Connector) -> None:
        self._router = router
        self.connector = connector
        self._rows: list[Any] = _recorded("complaints")
        self._detail: Any = _recorded("detail")
        self._followups: list[Any] = _recorded("followups")
        self._faults: list[tuple[str, str, int | None]] = []
        router.route(host="berkas.test").mock(side_effect=_file)
        for method, path, answer in (
            ("GET", r"/complaints", self._list),
            ("GET", rf"/complaints/({self.report_id}|{self.tracking_id})/complaint", self._read),
            ("GET", rf"/complaints/({self.report_id}|{self.tracking_id})/followups", self._thread),
            ("GET", r"/masters/institutions/external", self._institutions),
            ("GET", r"/masters/templates", self._templates),
            ("POST", r"/complaints/followup/add", self._add),
            ("POST", rf"/complaints/process/{self.report_id}/reject", self._reject),
        ):
            self._route(method, path, answer)
        router.route(host="lapor.test").mock(side_effect=lambda request: _failure(404, "Laporan tidak ditemukan"))

    def _route(self, method: str, path: str, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        def spoilt_or_sound(request: httpx.Request) -> httpx.Response:
            return self._spoilt(method) or answer(request)

        self._router.route(method=method, url__regex=rf"^{self.base}{path}(\?.*)?$").mock(
            side_effect=spoilt_or_sound
        )

    def spoil(self, do: str, method: str, times: int | None = 1) -> None:
        self._faults.append((method, do, times))

    def calls(self, method: str) -> int:
        return sum(call.request.method == method for call in self._router.calls)

    def thread_texts(self) -> list[str]:
        return [item["content"] or "" for item in self._followups]

    def _spoilt(self, method: str) -> httpx.Response | None:
        for fault in self._faults:
            if fault[0] == method:
                self._faults.remove(fault)
                if fault[2] is None:
                    self._faults.append(fault)
                return _bad_answer(fault[1])
        return None

    def _list(self, request: httpx.Request) -> httpx.Response:
        since = request.url.params.get("updated_from", "")
        rows = [] if since > "2027" else self._rows
        return _page(request, rows, int(request.url.params["page_size"]))

    def _read(self, request: httpx.Request) -> httpx.Response:
        return _json(self._detail)

    def _thread(self, request: httpx.Request) -> httpx.Response:
        return _page(request, self._followups, 2)

    def _institutions(self, request: httpx.Request) -> httpx.Response:
        rows = [{"id": 601, "name": "Pemerintah Kota Contoh"}, {"id": "611", "name": "Dinas Contoh Satu"}]
        return _page(request, [*rows, {"id": 612.0, "name": "Dinas Contoh Dua"}], 2)

    def _templates(self, request: httpx.Request) -> httpx.Response:
        return _page(request, [{"id": 1, "template_code": "reply"}], 1000)

    def _add(self, request: httpx.Request) -> httpx.Response:
        form = _form(request)
        if len(form["content"]) > 1000:
            return _failure(422, "The given data was invalid.")
        row = {
            "id": 34 + len(self._followups),
            "created_at": "06-01-2026 10:00:00",
            "content": form["content"].replace("\n", "<br>"),
            "template_code": form["template_code"],
            "institution_from_name": "Dinas Contoh Satu",
        }
        self._followups.insert(0, row)
        return _json({"status": True, "results": {"id": row["id"]}, "message": "Success"})

    def _reject(self, request: httpx.Request) -> httpx.Response:
        said = json.loads(request.content)
        self._detail["results"]["data_logs"].append({"content": said["reason_description"]})
        return _json({"status": True, "message": "Success"})


def _recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


def _json(body: object, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers={"Date": "Tue, 06 Jan 2026 03:00:00 GMT", **headers})


def _failure(status: int, message: str) -> httpx.Response:
    return _json({"status": False, "message": message, "errors": {}}, status)


def _page(request: httpx.Request, rows: list[Any], size: int) -> httpx.Response:
    page = int(request.url.params["page"])
    shown = rows[(page - 1) * size : page * size]
    more = f"https://dalam.lapor.test/?page={page + 1}" if page * size < len(rows) else None
    return _json({"status": True, "results": {"data": shown, "next_page_url": more, "total": len(rows)}})


def _form(request: httpx.Request) -> dict[str, str]:
    head = b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + request.content)
    parts = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
    return {
        str(name): bytes(part.get_payload(decode=True)).decode()
        for name, part in parts.items()
        if not part.get_filename()
    }


def _file(request: httpx.Request) -> httpx.Response:
    if "auth" in request.headers or "token" in request.headers:
        return httpx.Response(400)
    return httpx.Response(200, content=b"\xff\xd8 foto")


def _bad_answer(do: str) -> httpx.Response:
    kind, _, number = do.partition(":")
    if kind in {"close-before", "close-after", "truncate"}:
        raise httpcore.RemoteProtocolError("Server disconnected")
    html = b"<html><body>Pemeliharaan</body></html>"
    answers: dict[str, Callable[[], httpx.Response]] = {
        "status": lambda: _failure(int(number), "Server Error"),
        "gateway": lambda: httpx.Response(int(number), content=html),
        "html-200": lambda: httpx.Response(200, content=html),
        "empty-200": lambda: httpx.Response(200),
        "status-false-200": lambda: _failure(200, "Terjadi kesalahan"),
        "garbage": lambda: httpx.Response(200, content=b'\x1f\x8b\x00{"status": tru\xff'),
        "redirect": lambda: httpx.Response(302, headers={"Location": "https://masuk.lapor.invalid/login"}),
        "no-id": lambda: _json({"status": True, "message": "Success"}),
    }
    return answers[kind]()


@contextmanager
def recorded() -> Iterator[Stage]:
    """Recorded shapes through respx."""
    transports: list[Transport] = []
    with respx.mock(assert_all_called=False) as router:
        yield RecordedStage(router, _connector(RecordedStage.base, transports))
        transports[0].close()


@contextmanager
def simulated() -> Iterator[Stage]:
    """The simulator over HTTP."""
    transports: list[Transport] = []
    with Simulator(Options(seed=1, reports=30)) as simulator:
        yield SimulatorStage(simulator, _connector(simulator.url, transports))
        transports[0].close()
