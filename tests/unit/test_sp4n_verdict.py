"""What an envelope says of its call: for a write an allow-list of success, for a read what says that it failed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.sp4n_v3.listing import listing
from connectors.sp4n_v3.verdict import Meant, Says, is_failed_read, is_of_another, of_write
from lapor_sync.domain.errors import UpstreamBroken
from tests.growth import is_linear

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
    {"status": True, "results": {"id": 5, "status": {"name": "Dalam Proses"}}},
    {"results": {"status": True}},
    {"Status": "OK", "IsSuccess": 1},
    {"status": True, "errno": 0},
    {"status": True, "results": {"id": 5, "data": None, "attachments": [], "template_content": ""}},
    {"status": True, "results": True},
    {"status": True, "results": "12"},
    {
        "status": True,
        "message": "Tindak lanjut berhasil ditambahkan.",
        "timestamp": 1764300000,
        "request_id": "a-1",
    },
    {"berhasil": True, "pesan": "Data has been saved successfully!", "rc": "00", "data": {"uuid": "9f1c2e6d"}},
    {
        # A row of a thread, whole.
        "status": True,
        "results": {
            "id": 500001,
            "complaint_id": 100001,
            "created_at": "2026-11-29 10:00:00",
            "updated_at": None,
            "deleted_at": None,
            "content": "Belum selesai, ditolak dan gagal: false",
            "template_code": "reply",
            "template_content": None,
            "institution_from_name": "Dinas PU",
            "institution_to_name": "Kota",
            "institution": {"id": 611, "code": "0611", "status": 0},
            "complaint": {"id": 100001, "status": "Dalam Proses", "status_name": "Belum Terverifikasi"},
            "data": '{"status_old":{"name":"Terverifikasi"},"status_new":{"name":"Dalam Proses"}}',
            "attachments": {"0": {"path": "a.jpg", "extension": "jpg"}, "docs": []},
            "is_secret": False,
            "is_anonymous": 0,
            "rating": 0,
            "user": {"id": 1, "name": "tidak", "message": "x", "data": "x"},
        },
        "message": "Success",
    },
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
    {"status": 202},
    {"code": 202},
    {"status": "202"},
    {"type": "error"},
    {"reason": "Laporan tidak ditemukan"},
    {"note": "Gagal disimpan"},
    {"message": "Tanggapan ini sudah dikirim"},
    {"status": []},
    {"status": {"code": 400}},
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
    {"rc": "05"},
    {"rc": 5},
    {"responseCode": "99"},
    {"errno": 1062},
    {"retCode": "E1"},
    {"kode": "05"},
    {"kode": 500},
    {"berhasil": False},
    {"sukses": "tidak"},
    {"hasil": "ditolak"},
    {"state": "rejected"},
    {"outcome": "pending"},
    {"saved": False},
    {"is_stored": 0},
    {"inserted": "0"},
    {"affected_rows": 0},
    {"affectedRows": -1},
    {"rowCount": 0},
    {"count": 0},
    {"total": 0},
    {"jumlah": "0"},
    {"inserted_id": None},
    {"id": None},
    {"id": 0},
    {"id": -1},
    {"id": "undefined"},
    {"id": "00000000-0000-0000-0000-000000000000"},
    {"status_code": 0},
    {"code": 0},
    {"rc": "0"},
    {"responseCode": 0.0},
    {"status": {}},
    {"deleted_at": "2026-11-29 10:00:00"},
    # A list that became an object, as PHP makes it.
    {"0": "Gagal"},
    {"results": {"0": "Gagal menyimpan"}},
    {"results": {"500": "Internal"}},
    {"results": {"0": ["content wajib diisi"]}},
    {"data": {"0": {"content": "wajib diisi"}}},
    {"results": {"data": {"0": {"content": "wajib diisi"}}}},
    {"user_id": {"0": "invalid"}},
    {"user_id": {"message": "invalid"}},
    # Sentences by field.
    {"results": {"attachment": ["terlalu besar"]}},
    {"results": {"attachments": {"0": "terlalu besar"}}},
    {"results": {"attachments": {"0": ["terlalu besar"]}}},
    {"results": {"user_id": ["invalid"]}},
    {"results": {"user_id": "invalid"}},
    {"results": {"rating": ["harus angka"]}},
    {"results": {"rating": "harus angka"}},
    {"results": {"is_secret": "wajib"}},
    {"results": {"category": "wajib dipilih"}},
    {"results": {"extension": "tidak diizinkan"}},
    {"results": {"institution": ["tidak ada"]}},
    {"results": {"complaint": {"title": ["wajib"]}}},
    {"results": {"name": "error"}},
    # Words that it is not done, or was another call.
    {"note": "wajib diisi"},
    {"note": "takberhasil"},
    {"type": "danger"},
    {"type": "warning"},
    {"results": {"status_name": "Draft"}},
    {"results": {"status_name": "Menunggu antrean"}},
    {"time": "Gagal"},
    {"time": "500 internal server error"},
    {"date": "0 rows affected"},
    {"created_at": 1},
    {"updated_at": "12 ms"},
    {"created_at": "menunggu"},
    {"path": "/error"},
    {"path": "/complaints/login"},
    {"url": "https://lapor.test/login"},
    {"method": "GET"},
    {"request_id": "error"},
    {"results": {"complaint_id": None}},
    # Signs that turn a word round.
    {"!success": True},
    {"success?": True},
    {"not 1 success": True},
    {"message": "\u274c Success"},
    {"message": "!Success"},
    {"message": "Success \u2717"},
    {"status_name": "Ditolak"},
    {"data": [{"id": 5}]},
    {"message": "0 data berhasil disimpan"},
    {"message": "Saved 0"},
    {"message": "Success?"},
    {"message": "Tanggapan laporan 999 berhasil disimpan"},
    {"followup_id": ""},
    {"last_insert_id": 0},
    {"created": []},
    {"processed": "later"},
    {"tersimpan": False},
    {"sudahDisimpan": "belum"},
    {"terkirim": 0},
    {"delivered": None},
    {"queued": True},
    {"is_pending": 1},
    {"menunggu_moderasi": True},
    {"duplicate": True},
    {"rejected": ["content"]},
    {"dry_run": True},
    {"warning": "x"},
    {"warnings": ["x"]},
    {"message": "Laporan sudah ditutup"},
    {"message": "Success, but nothing was stored"},
    {"message": "Berhasil diterima, menunggu persetujuan"},
    {"message": "Laporan 29999999 berhasil disimpan"},
    {"message": "Halo"},
    {"message": "ok " * 1000},
    {"data": 0},
    {"result": -1},
    {"output": '{"status":true,"status":false}'},
    {"payload": '{"message":"success"'},
    {"flagged": False, "x": False},
)
NOT_KNOWN = (
    {"foo": "bar"},
    {"foo": None},
    {"n": 5},
    {"info": False},
    {"saved": True},
    {"affected_rows": "1"},
    {"x" * 41: "y"},
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


@pytest.mark.parametrize("said", FAILURES)
def test_a_failure_is_heard_wherever_it_is_said(said: dict[str, Any]) -> None:
    """At the top, and inside of what the answer wraps, also beside `status: true`."""
    assert [envelope for where in WHERE if of_write(envelope := where(said)) is not Says.FAILURE] == []


@pytest.mark.parametrize("name", ["results", "data", "result", "payload"])
@pytest.mark.parametrize(
    "nothing",
    [
        None,
        [],
        {},
        "",
        "null",
        "[]",
        "{}",
        '{"data":null}',
        {"data": None},
        {"data": []},
        {"data": {"data": ""}},
        {"data": None, "message": "Success"},
        {"data": " ", "status": True},
        {"created_at": None, "content": None},
    ],
    ids=json.dumps,
)
def test_a_success_that_holds_nothing_is_none(name: str, nothing: object) -> None:
    """Where the thing that was stored should stand there is nothing, whatever stands beside it."""
    assert of_write({"status": True, "message": "Success", name: nothing}) is Says.NOTHING


@pytest.mark.parametrize("said", NOT_KNOWN)
def test_a_field_that_is_not_known_is_no_success(said: dict[str, Any]) -> None:
    """Whatever it claims: it is read back, which costs a read."""
    envelopes = [where({"message": "Success", **said}) for where in WHERE]
    assert [envelope for envelope in envelopes if of_write(envelope) is not Says.FAILURE] == []


@pytest.mark.parametrize(
    "part",
    [
        {"saved": False},
        {"success": False},
        {"rc": "05"},
        {"error": "x"},
        {"is_valid": False},
        {"remark": "gagal"},
    ],
)
def test_a_failure_is_heard_however_deep_it_lies(part: dict[str, Any]) -> None:
    """In what a report or an item holds, too."""
    for deep in (1, 3, 30):
        said: Any = part
        for _ in range(deep):
            said = {"user": [said]}
        assert of_write({"status": True, "results": {"id": 1, "user": said}}) is Says.FAILURE


def test_what_is_nested_too_deep_to_be_looked_at_is_no_success() -> None:
    """No answer of theirs is."""
    said: Any = {}
    for _ in range(60):
        said = {"user": said}
    assert of_write({"status": True, "results": said}) is Says.FAILURE


OURS = Meant(frozenset({"100001", "20000001"}), "Siap, sudah <b>kami</b> perbaiki.", "611")


@pytest.mark.parametrize(
    "said",
    [
        {"complaint_id": 999},
        {"complaint_id": 0},
        {"complaintId": "abc"},
        {"complaint_ids": [100001, 999]},
        {"tracking_id": "29999999"},
        {"nomor_laporan": "29999999"},
        {"id_pengaduan": 999.5},
        {"complaint": 999},
        {"complaint": {"id": 999}},
        {"complaint": {"data": {"tracking_id": 2999}}},
        {"complaint": [{"kode": "C-999"}]},
        {"laporan": {"nomor": True}},
        {"parentComplaintId": "https://x/complaints/999"},
        {"url": "https://x/api/complaints/999/followups"},
        {"complaints": {"999001": {"x": 1}}},
    ],
)
@pytest.mark.parametrize("where", WHERE)
def test_an_answer_about_another_report_is_known(said: dict[str, Any], where: Any) -> None:
    """By any id of another shape too, wherever it stands."""
    assert is_of_another(where(said), OURS)


@pytest.mark.parametrize(
    "said",
    [
        {"content": "Kata lain dari yang dikirim."},
        {"content": ""},
        {"content": None},
        {"content": ["Siap, sudah kami perbaiki."]},
        {"institution_from_id": 612},
    ],
)
def test_an_answer_about_another_response_is_known(said: dict[str, Any]) -> None:
    """By its text or its writer, where it gives them back."""
    assert all(is_of_another(where(said), OURS) for where in WHERE[:-1])


RESPONSE = OURS._replace(
    template="reply",
    known=frozenset({"77", "ab-1"}),
    began_at=datetime(2026, 11, 29, 3, tzinfo=UTC),
    zone=ZoneInfo("Asia/Jakarta"),
)


@pytest.mark.parametrize(
    "said",
    [
        {"template_code": "disposition"},
        {"template_code": 7},
        {"is_secret": 1},
        {"created_at": "01-01-2020 10:00:00"},
        {"createdAt": "2026-12-24T10:00:00+07:00"},
        {"id": 77},
        {"id": " 77 "},
        {"uuid": "ab-1"},
        {"followup_id": "77"},
    ],
)
def test_an_answer_that_shows_what_was_there_before_is_known(said: dict[str, Any]) -> None:
    """A proxy that turned the POST into a GET, or a cache, gives an item of the thread: of another kind, time or id.

    What a hand-over is answered with is the report, as a rule, which is older than it.
    """
    assert all(is_of_another(where(said), RESPONSE) for where in WHERE[:-1])
    assert not any(is_of_another(where(said), OURS) for where in WHERE)


def test_an_answer_that_shows_what_was_written_is_ours() -> None:
    """In whatever zone its time is, and where it cannot be read, or is not there."""
    for said in (
        {"id": 78, "template_code": "reply", "is_secret": 0, "created_at": "2026-11-29 10:00:05"},
        {"id": "78", "is_secret": "0", "created_at": "2026-11-29T03:00:05Z", "followup_id": None},
        {"template_code": None, "is_secret": None, "created_at": "tadi pagi", "user": {"id": 77, "is_secret": 1}},
    ):
        assert not any(is_of_another(where(said), RESPONSE) for where in WHERE)
    secret = RESPONSE._replace(is_secret=True)
    assert is_of_another({"is_secret": False}, secret)
    assert not is_of_another({"is_secret": True}, secret)


def test_an_answer_whose_address_leads_to_another_report_is_known() -> None:
    """By its `Location`."""
    assert is_of_another({"status": True}, OURS, "https://x/lapor/3.0.0/complaints/999/followups/5")
    assert not is_of_another({"status": True}, OURS, "/complaints/100001/followups/999")


def test_an_answer_about_our_own_report_is_ours() -> None:
    """Under either of its ids, as a number or a text; what is null names nothing, nor does another thing's id."""
    for said in (
        {"complaint_id": "100001", "tracking_id": 20000001},
        {"complaint": {"id": 100001.0, "tracking_id": " 20000001 ", "institution": {"id": 7}}},
        {"id": 5, "complaint_id": None, "institution_id": 611, "user": {"id": 9}},
        {"complaint_ids": ["100001"], "url": "/complaints/100001/followups", "complaint": {"0": {"id": 100001}}},
        {"content": "<p>Siap, sudah kami perbaiki.</p>", "institution_from_id": "611", "institution_to_id": 7},
        {"institution_from_id": None, "institution": {"content": "x"}},
    ):
        assert not any(is_of_another(where(said), OURS) for where in WHERE)


@pytest.mark.parametrize(
    "envelope", [{}, {"id": 1}, {"results": {}}, {"data": {"id": 7}}, {"message": ""}, {"user": {"ok": True}}]
)
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
    {"status": True, "rc": "05", "results": {"data": []}},
    {"status": True, "berhasil": False, "results": {"data": []}},
    {"status": True, "results": {"data": []}, "message": {"page": ["x"]}},
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
        {"status": True, "rc": "00", "results": {"data": []}},
        {"status": True, "results": {"data": {"id": 1, "kode": 611, "hasil": "tidak layak", "state": "belum"}}},
    ],
)
def test_a_read_that_brought_something_is_taken(envelope: dict[str, Any]) -> None:
    """Rows that came are rows, in whatever words they are handed over."""
    assert not is_failed_read(envelope)


def test_a_million_characters_of_words_are_read_in_no_time() -> None:
    """Each pattern is linear, and reads a bounded piece."""

    def read(text: str) -> None:
        of_write({"message": text, "status": text, "results": text, text: text})
        is_of_another({"message": text, "complaint": text, text: text}, OURS)
        is_failed_read({"message": text, "status": text, "results": text, text: text})

    for part in ("not ", "aaaa", "    "):
        assert is_linear(read, part.__mul__, 2_000)
