"""What an envelope says of its call: for a write an allow-list of success, for a read what says that it failed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from connectors.sp4n_v3.listing import listing
from connectors.sp4n_v3.verdict import Says, is_failed_read, of_write
from lapor_sync.domain.errors import UpstreamBroken

SUCCESSES: tuple[dict[str, Any], ...] = (
    {"status": True},
    {
        "status": True,
        "results": {"id": 12, "content": "gagal total", "template_code": "reply"},
        "message": "Success",
    },
    {"status": 1},
    {"status": 200},
    {"status": "Success"},
    {"status": "BERHASIL."},
    {"status": "200 OK"},
    {"success": True, "data": {"id": 1}},
    {"code": 201, "message": "Data berhasil disimpan"},
    {"message": "Success"},
    {"status": True, "error": None, "errors": [], "error_code": 0, "code": "00", "trace": ""},
    {"status": True, "results": {"status_code": 3, "status": {"name": "Dalam Proses"}}},
    {"status": True, "results": None, "default": "x"},
    {"results": {"status": True}},
    {"Status": "OK", "IsSuccess": 1},
    {"status": True, "results": "[]"},
    {"status": True, "results": "12"},
)

FAILURES: tuple[dict[str, Any], ...] = (
    {"status": "failure"},
    {"status": "pending"},
    {"status": "queued"},
    {"status": None},
    {"status": ""},
    {"status": 0},
    {"status": 2},
    {"status": 422},
    {"status": []},
    {"success": False},
    {"success": "false"},
    {"ok": False},
    {"isSuccess": False},
    {"is_success": 0},
    {"error": True},
    {"error": "Blocked"},
    {"errors": {"content": ["Too long"]}},
    {"errorMessage": "x"},
    {"validation_errors": ["x"]},
    {"statusCode": 400},
    {"status_code": "500"},
    {"http-status": 503},
    {"code": None},
    {"code": "E_FAIL"},
    {"exception": "Illuminate\\Database\\QueryException", "trace": [{"file": "x"}]},
    {"trace": ["x"]},
    {"fault": {"code": 1}},
    {"failed": 1},
    {"message": "Gagal menyimpan data"},
    {"message": "Data tidak tersimpan"},
    {"message": {"content": ["Too long"]}},
    {"results": False},
    {"results": "Gagal"},
)
WHERE = (
    lambda said: {"status": True, **said} if "status" not in said else said,
    lambda said: {"status": True, "message": "Success", "results": said},
    lambda said: {"status": True, "data": said},
    lambda said: {"status": True, "results": {"id": 5, "data": said}},
    lambda said: {"status": True, "results": [said]},
    lambda said: {"status": True, "results": json.dumps(said)},
    lambda said: {"status": True, "meta": said},
)


@pytest.mark.parametrize("envelope", SUCCESSES)
def test_success_is_what_says_so_and_nothing_else(envelope: dict[str, Any]) -> None:
    """In the forms that such systems are known for."""
    assert of_write(envelope) is Says.SUCCESS


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("said", FAILURES)
def test_a_failure_is_heard_wherever_it_is_said(said: dict[str, Any], where: Any) -> None:
    """At the top, and inside of what the answer wraps, also beside `status: true`."""
    envelope = where(said)
    if said == {"code": None} and envelope.get("code", 0) is not None:
        pytest.skip("an inner code may be null")
    assert of_write(envelope) is Says.FAILURE


@pytest.mark.parametrize("envelope", [{}, {"id": 1}, {"results": {}}, {"data": {"id": 7}}, {"message": "Halo"}])
def test_what_says_nothing_is_no_success(envelope: dict[str, Any]) -> None:
    """An answer with an id alone may be the echo of what was asked."""
    assert of_write(envelope) is Says.NOTHING


READ_FAILURES: tuple[dict[str, Any], ...] = (
    {"status": False, "results": {"data": []}},
    {"status": "failure", "results": {"data": []}},
    {"status": "gagal", "results": {"data": [{"id": 1}]}},
    {"status": "pending", "results": {"data": []}},
    {"status": None, "results": {"data": []}},
    {"status": 500, "results": []},
    {"status": [], "results": {"data": []}},
    {"success": False, "results": {"data": []}},
    {"ok": False, "results": []},
    {"status": True, "error": True, "results": {"data": []}},
    {"status": True, "errors": {"page": ["x"]}, "results": {"data": []}},
    {"status": True, "statusCode": 400, "results": {"data": []}},
    {"status": True, "exception": "E", "trace": [], "results": {"data": []}},
    {"status": True, "results": {"success": False, "data": []}},
    {"status": True, "results": {"error": "x", "data": []}},
    {"status": True, "results": {"data": {"success": False}}},
    {"status": True, "results": {"data": []}, "message": "Terjadi kesalahan"},
    {"status": True, "results": {}, "message": "Gagal memuat"},
)


@pytest.mark.parametrize("envelope", READ_FAILURES)
def test_a_read_that_says_it_failed_is_never_an_empty_result(envelope: dict[str, Any]) -> None:
    """It is a failed call."""
    with pytest.raises(UpstreamBroken, match="failed"):
        listing(json.dumps(envelope).encode())


@pytest.mark.parametrize(
    "envelope",
    [
        {"results": {"data": []}},
        {"status": True, "results": {"data": [], "total": 0}, "message": "Success"},
        {"status": None, "results": {"data": [{"id": 1}]}},
        {"status": "found", "results": {"data": [{"id": 1}]}, "message": "not all fields"},
        {"status": 1, "results": [{"id": 1, "error": "x", "status": False}]},
        {"id": 1, "status": "Ditangani", "status_name": "Selesai", "status_code": 400},
        {"results": {"data": {"id": 1, "status_name": "Selesai", "status_code": 410}}},
        {"status": {"name": "Selesai"}, "id": 1},
    ],
)
def test_a_read_that_brought_something_is_taken(envelope: dict[str, Any]) -> None:
    """Rows that came are rows, in whatever words they are handed over."""
    assert not is_failed_read(envelope)


def test_a_million_characters_of_words_are_read_in_no_time() -> None:
    """Each pattern is linear, and reads a bounded piece."""
    began = time.process_time()
    for text in ("not " * 250_000, "a" * 1_000_000, " " * 1_000_000):
        of_write({"message": text, "status": text, "results": text, text: text})
        is_failed_read({"message": text, "status": text, "results": text, text: text})
    assert time.process_time() - began < 1
