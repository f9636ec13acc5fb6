"""The stand-in's API over real HTTP: what a client of LAPOR! meets on a good day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest

from connectors.simulator import CITY_ID, OPD_IDS, Options, Simulator
from connectors.simulator.pictures import content_of
from lapor_sync.domain.citizen_files import PDF, kind_of
from lapor_sync.domain.json_web_token import ends_at, unsigned
from lapor_sync.sync.pictures import drawn_anew

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # a Monday, 10:00 in Bengkulu
TOKEN = "{00000000-0000-0000-0000-000000000000}"
HEADERS = {"auth": "Bearer simulator", "token": TOKEN, "Accept": "application/json"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(Options(reports=30, start=START, speed=0, page_cap=10)) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.url, headers=HEADERS) as calls:
        yield calls


def answer_form(report: dict[str, Any], **fields: Any) -> dict[str, tuple[None, str]]:
    form = {
        "user_id": "9",
        "institution_from_id": report["disposition_id"],
        "institution_to_id": CITY_ID,
        "complaint_id": report["tracking_id"],
        "info_disposition": "",
        "template_code": "reply",
        "rating": "0",
        "is_secret": "0",
        "content": "Sudah kami tangani.",
    }
    return {name: (None, str(value)) for name, value in {**form, **fields}.items() if value is not None}


def post_answer(client: httpx.Client, report: dict[str, Any], **fields: Any) -> httpx.Response:
    return client.post("/complaints/followup/add", files=answer_form(report, **fields))


def results(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["status"] is True
    return body["results"]


def followups(client: httpx.Client, report: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = results(client.get(f"/complaints/{report['id']}/followups"))["data"]
    return rows


@pytest.mark.parametrize(
    ("more", "answer"),
    [({}, (401, "900902")), ({"apikey": "kunci lama"}, (401, "900901")), ({"APIKEY": "kunci"}, (200, None))],
)
def test_a_service_bus_in_front_wants_its_own_header(more: dict[str, str], answer: tuple[int, str | None]) -> None:
    with Simulator(Options(reports=1, speed=0, headers={"apikey": "kunci"})) as behind:
        response = httpx.get(f"{behind.url}/complaints", headers=HEADERS | more)
    assert (response.status_code, response.json().get("code")) == answer


def test_a_jwt_of_the_service_bus_ends_as_it_says() -> None:
    """By the stand-in's clock; `check` tells its end beforehand (tests/system/test_cli_check.py)."""
    ends = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
    headers = {"AuthorizationSPLP": f"Bearer {unsigned(ends)}"}
    assert ends_at(headers["AuthorizationSPLP"]) == ends
    options = Options(reports=1, speed=0, headers=headers, start=ends - timedelta(seconds=60))
    with Simulator(options) as behind:
        assert httpx.get(f"{behind.url}/complaints", headers=HEADERS | headers).status_code == 200
        behind.world.advance(61)
        late = httpx.get(f"{behind.url}/complaints", headers=HEADERS | headers)
    assert (late.status_code, late.json()["code"]) == (401, "900901")


def test_a_list_is_paged_like_laravel_with_a_foreign_next_link(client: httpx.Client) -> None:
    """The paginator's fields stand beside the rows, and the link names a host that is not ours."""
    first = results(client.get("/complaints", params={"page_size": 1000}))
    assert (first["current_page"], first["last_page"], first["per_page"], first["total"]) == (1, 3, 10, 30)
    assert httpx.URL(first["next_page_url"]).host == "api.lapor.invalid"
    assert results(client.get("/complaints", params={"page": 3}))["next_page_url"] is None


def test_all_pages_together_hold_every_report_once_newest_change_first(client: httpx.Client) -> None:
    """Walking the pages gives each report once, in descending order of change."""
    rows = [row for page in (1, 2, 3) for row in results(client.get("/complaints", params={"page": page}))["data"]]
    assert len({row["id"] for row in rows}) == 30
    changes = [row["updated_at"] for row in rows]
    assert changes == sorted(changes, reverse=True)
    assert results(client.get("/complaints", params={"page": 4}))["data"] == []


def test_the_filter_by_time_of_change_takes_what_changed_then_or_later(client: httpx.Client) -> None:
    """`updated_from` is inclusive, with or without an offset; nonsense is refused."""
    third = results(client.get("/complaints"))["data"][2]["updated_at"]
    day, _, hour = third.partition(" ")
    for moment in (third, f"{day}T{hour}", f"{day}T{hour}+07:00"):
        assert results(client.get("/complaints", params={"updated_from": moment}))["total"] == 3
    assert client.get("/complaints", params={"updated_from": "kemarin"}).status_code == 422
    assert client.get("/complaints", params={"page": "satu"}).status_code == 422
    raw_plus = client.get(f"/complaints?updated_from={day}T{hour}+07:00")
    assert results(raw_plus)["total"] == 3


def test_a_sparse_list_has_only_what_is_certain() -> None:
    """With `list_fields="sparse"` a row has four fields."""
    options = Options(reports=3, list_fields="sparse")
    with Simulator(options) as simulator, httpx.Client(base_url=simulator.url, headers=HEADERS) as client:
        rows = results(client.get("/complaints"))["data"]
    assert all(set(row) == {"id", "tracking_id", "status_name", "updated_at"} for row in rows)


def test_a_detail_is_found_by_either_id(client: httpx.Client) -> None:
    """The path takes `id` or Tracking ID, and the two differ."""
    row = results(client.get("/complaints"))["data"][0]
    by_id = results(client.get(f"/complaints/{row['id']}/complaint"))
    by_number = results(client.get(f"/complaints/{row['tracking_id']}/complaint"))
    assert by_id == by_number
    assert row["id"] != int(row["tracking_id"])
    assert len(row["tracking_id"]) == 8


def test_types_and_dates_differ_between_list_detail_and_thread(simulator: Simulator, client: httpx.Client) -> None:
    """Ids are numbers here and text there, and each place writes dates in its own way, all in WIB."""
    view = simulator.world.file_report(opd="611")
    row = results(client.get("/complaints"))["data"][0]
    detail = results(client.get(f"/complaints/{view['id']}/complaint"))
    item = followups(client, view)[0]
    assert (row["id"], row["tracking_id"]) == (int(view["id"]), view["tracking_id"])
    assert (detail["data"]["id"], detail["data"]["tracking_id"]) == (view["id"], int(view["tracking_id"]))
    assert row["updated_at"] == "2026-03-02 10:00:00"
    assert detail["data"]["updated_at"] == "2026-03-02T10:00:00"
    assert item["created_at"] == detail["data_logs"][0]["date"] == "02-03-2026 10:00:00"


def test_a_disposition_has_placeholders_and_its_change_as_text(simulator: Simulator, client: httpx.Client) -> None:
    """The thread item of a disposition is a template, and `data` is JSON within a string."""
    view = simulator.world.file_report(opd="612")
    item = followups(client, view)[0]
    assert item["template_code"] == "disposition"
    assert "{{institution_from}}" in item["template_content"]
    assert "{{ institution_to }}" in item["template_content"]
    assert json.loads(item["data"])["status_new"] == {"name": "Terverifikasi"}


def test_an_answer_stands_in_the_thread_as_html_and_moves_the_report(
    simulator: Simulator, client: httpx.Client
) -> None:
    """The first answer makes the report `Dalam Proses`, and its text comes back escaped."""
    view = simulator.world.file_report(opd="611")
    simulator.world.advance(60)
    reply = post_answer(client, view, content="Air & jalan\r\nselesai <besok>")
    stored = followups(client, view)[0]
    assert results(reply)["id"] == stored["id"]
    assert stored["content"] == "Air &amp; jalan<br>selesai &lt;besok&gt;"
    assert stored["institution_from_name"].startswith("Dinas Pekerjaan Umum")
    data = results(client.get(f"/complaints/{view['id']}/complaint"))["data"]
    assert data["status_name"] == "Dalam Proses"
    assert data["updated_at"] == "2026-03-02T10:01:00"
    assert [log["note"] for log in data["status_logs"]][-1] == "Dalam Proses"


def test_an_answer_by_the_city_itself_is_taken(simulator: Simulator, client: httpx.Client) -> None:
    """The city may speak for its agency, and a second answer leaves the status alone."""
    view = simulator.world.file_report(opd="611")
    for _ in range(2):
        results(post_answer(client, view, institution_from_id=CITY_ID))
    assert simulator.world.thread(view["id"])["answers"] == 2


def test_a_secret_answer_is_stored_and_not_shown(simulator: Simulator, client: httpx.Client) -> None:
    """The API does not give back what was said in secret, the stored truth has it."""
    view = simulator.world.file_report(opd="611")
    post_answer(client, view, is_secret=1, content="Rahasia")
    assert all(item["content"] != "Rahasia" for item in followups(client, view))
    assert simulator.world.thread(view["id"])["items"][-1]["content"] == "Rahasia"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content", "x" * 1001),
        ("content", None),
        ("user_id", ""),
        ("institution_from_id", "612"),
        ("institution_to_id", "99999"),
        ("template_code", "salam"),
    ],
)
def test_a_wrong_answer_is_refused_field_by_field(
    simulator: Simulator, client: httpx.Client, field: str, value: Any
) -> None:
    """Each mistake is named under `errors`, and nothing is stored."""
    view = simulator.world.file_report(opd="611")
    refused = post_answer(client, view, **{field: value})
    assert refused.status_code == 422
    assert list(refused.json()["errors"]) == [field]
    assert refused.json()["status"] is False
    assert simulator.world.thread(view["id"])["answers"] == 0


def test_a_form_that_is_not_multipart_lacks_everything(client: httpx.Client) -> None:
    """Fields sent in another encoding are not seen."""
    assert "content" in client.post("/complaints/followup/add", data={"content": "x"}).json()["errors"]


def test_without_accept_json_a_mistake_becomes_a_redirect(simulator: Simulator) -> None:
    """As a Laravel server does when the caller does not ask for JSON."""
    view = simulator.world.file_report(opd="611")
    headers = {**HEADERS, "Accept": "*/*"}
    with httpx.Client(base_url=simulator.url, headers=headers) as client:
        refused = post_answer(client, view, content=None)
    assert refused.status_code == 302
    assert httpx.URL(refused.headers["Location"]).host != "127.0.0.1"


@pytest.mark.parametrize("wrong", [{"auth": "Bearer x"}, {"token": "{x}"}, {"auth": "simulator"}])
def test_wrong_credentials_are_refused_in_the_envelope(client: httpx.Client, wrong: dict[str, str]) -> None:
    """Both headers must be right."""
    refused = client.get("/complaints", headers=wrong)
    assert refused.status_code == 401
    assert refused.json() == {"status": False, "message": "Unauthenticated.", "errors": {}}


def test_the_name_of_the_auth_header_and_a_stored_bearer_word_are_settings() -> None:
    """`Authorization` works as well, and the word Bearer may be part of the stored value."""
    options = Options(reports=1, bearer="Bearer a$b/c.", auth_header="Authorization", token="{t}")
    headers = {"Authorization": "Bearer a$b/c.", "token": "{t}", "Accept": "application/json"}
    with Simulator(options) as simulator, httpx.Client(base_url=simulator.url, headers=headers) as client:
        assert results(client.get("/complaints"))["total"] == 1


def test_what_does_not_exist_is_404_in_the_envelope(client: httpx.Client) -> None:
    """Unknown reports and unknown calls; outside the API there is only a page."""
    assert client.get("/complaints/99999999/complaint").json()["status"] is False
    assert client.get("/complaints/abc/followups").status_code == 404
    assert client.get("/nothing").json()["message"] == "Not Found"
    assert post_answer(client, {"tracking_id": 1, "disposition_id": "611"}).status_code == 404
    outside = client.get(str(client.base_url).replace("/lapor/3.0.0/", "/x"))
    assert outside.headers["Content-Type"].startswith("text/html")


def test_files_of_an_answer_are_kept_and_served_without_credentials(
    simulator: Simulator, client: httpx.Client
) -> None:
    """An attachment comes back under another host name, and that host refuses our credentials."""
    view = simulator.world.file_report(opd="611")
    files: list[Any] = [
        *answer_form(view).items(),
        ("attachment[0]", ("bukti.pdf", b"%PDF\r\n--x", "application/pdf")),
        ("attachment[1]", ("foto.JPG", b"\xff\xd8", "image/jpeg")),
    ]
    results(client.post("/complaints/followup/add", files=files))
    stored = followups(client, view)[0]["attachments"]
    rows = stored if isinstance(stored, list) else [stored["0"], stored["1"]]
    assert [(row["file_name"], row["extension"]) for row in rows] == [("bukti.pdf", "pdf"), ("foto.JPG", "jpg")]
    assert httpx.URL(rows[0]["path"]).host == "localhost"
    assert httpx.get(rows[0]["path"]).content == b"%PDF\r\n--x"
    assert httpx.get(rows[0]["path"], headers={"token": TOKEN}).status_code == 400


def test_invented_attachments_can_be_fetched_too(simulator: Simulator, client: httpx.Client) -> None:
    """Every third report has a photo; what is not a file is 404."""
    shapes = [
        results(client.get(f"/complaints/{report['id']}/complaint"))["data"]["attachments"]
        for report in simulator.world.summary()["reports"]
    ]
    with_files = [shape for shape in shapes if shape and shape != "[]" and shape != {"docs": []}]
    assert len(with_files) == 10
    assert {type(shape) for shape in shapes} == {dict, list, str, type(None)}
    photo = next(shape for shape in with_files if isinstance(shape, dict))["docs"][0]
    assert httpx.get(photo["path"]).status_code == 200
    assert httpx.get(simulator.origin + "/files/x").status_code == 404


def test_invented_files_are_pictures_and_letters_where_people_look() -> None:
    """A photo that is drawn anew as a citizen's is, and a letter; another stand-in of that city has the very same."""
    assert drawn_anew(content_of(7, "foto-7.jpg")) is not None
    assert kind_of(content_of(7, "surat-7.pdf")) == PDF
    with Simulator(Options(reports=0, pictures=True)) as simulator:
        assert httpx.get(simulator.origin + "/files/7/foto-7.jpg").content == content_of(7, "foto-7.jpg")


def test_signed_addresses_of_files_expire_and_each_read_gives_another() -> None:
    with (
        Simulator(Options(reports=30, start=START, speed=0, file_seconds=900)) as simulator,
        httpx.Client(base_url=simulator.url, headers=HEADERS) as client,
    ):
        paths = [f"/complaints/{one['id']}/complaint" for one in simulator.world.summary()["reports"]]
        path = next(one for one in paths if "Expires=" in client.get(one).text)

        def address() -> str:
            found: dict[str, Any] | list[Any] = results(client.get(path))["data"]["attachments"]
            return str((found["docs"] if isinstance(found, dict) else found)[0]["path"])

        first = address()
        assert httpx.get(first).status_code == 200
        for wrong in (first.partition("?")[0], f"{first}0", f"{first.partition('?')[0]}?Expires=x&Signature=y"):
            assert httpx.get(wrong).status_code == 403
        simulator.world.clock.advance(900)
        assert httpx.get(first).status_code == 403
        assert address() != first
        assert httpx.get(address()).status_code == 200


@pytest.mark.parametrize(
    "files",
    [
        [("attachment[0]", ("virus.exe", b"x"))],
        [("attachment[0]", ("besar.pdf", b"x" * (5 * 1024 * 1024 + 1)))],
        [(f"attachment[{n}]", (f"{n}.png", b"x")) for n in range(6)],
    ],
)
def test_files_beyond_the_limits_are_refused(simulator: Simulator, client: httpx.Client, files: list[Any]) -> None:
    """Kind, size and number."""
    view = simulator.world.file_report(opd="611")
    refused = client.post("/complaints/followup/add", files=[*answer_form(view).items(), *files])
    assert list(refused.json()["errors"]) == ["attachment"]


def test_a_report_is_created_with_uploaded_files(simulator: Simulator, client: httpx.Client) -> None:
    """Upload gives ids, create names them in a text and answers with the id at the root."""
    upload = client.post(
        "/complaints/complaint/file",
        files=[("attachments[]", ("a.png", b"1")), ("attachments[]", ("b.pdf", b"2"))],
    )
    numbers = [row["id"] for row in results(upload)["docs"]]
    body = {
        "title": "Lampu mati",
        "content": "Gelap",
        "category_id": 110,
        "classification_id": 2,
        "disposition_id": 618,
        "is_anonymous": 1,
        "attachments": f"[{numbers[0]},{numbers[1]}].",
    }
    created = client.post("/complaints/complaint", json=body)
    assert results(created)["tracking_id"]
    view = simulator.world.thread(created.json()["complaint_id"])
    assert (view["category"], view["disposition_id"], view["is_anonymous"]) == (
        "LAMPU PENERANGAN JALAN UMUM",
        "618",
        True,
    )
    detail = results(client.get(f"/complaints/{view['id']}/complaint"))["data"]
    assert detail["reporter_name"] == "Anonim"
    assert detail["attachments"].get("docs") if isinstance(detail["attachments"], dict) else detail["attachments"]


def test_a_wrong_creation_or_upload_is_refused(client: httpx.Client) -> None:
    """No title, an unknown institution, a body that is no JSON, no files."""
    assert set(client.post("/complaints/complaint", content=b"{").json()["errors"]) == {"title", "content"}
    wrong = client.post("/complaints/complaint", json={"title": "a", "content": "b", "disposition_id": 5})
    assert list(wrong.json()["errors"]) == ["disposition_id"]
    assert client.post("/complaints/complaint/file", files={"x": b""}).status_code == 422
    assert client.post("/complaints/complaint", json={"title": "a", "content": "b"}).json()["complaint_id"]


def test_a_hand_over_is_a_log_row_until_an_admin_disposes(simulator: Simulator, client: httpx.Client) -> None:
    """The reason stands in `data_logs`; the disposition changes only when confirmed."""
    view = simulator.world.file_report(opd="611")
    body = {"is_request": 1, "reason": 702, "reason_description": "Milik PLN [Ref LS-AAAAAA]", "not_authority": 1}
    results(client.post(f"/complaints/process/{view['id']}/reject", json=body))
    logs = results(client.get(f"/complaints/{view['id']}/complaint"))["data_logs"]
    assert any("[Ref LS-AAAAAA]" in log["content"] for log in logs)
    assert simulator.world.thread(view["id"])["forward_to"] == "702"
    confirmed = simulator.world.dispose(view["id"], to="702")
    assert (confirmed["disposition_id"], confirmed["forward_to"]) == ("702", None)
    unknown = client.post(f"/complaints/process/{view['id']}/reject", json={**body, "reason": 5})
    assert list(unknown.json()["errors"]) == ["reason"]


def test_masters_are_paged(client: httpx.Client) -> None:
    """All institutions come in pages, with the city and its agencies among them; templates name their code."""
    first = results(client.get("/masters/institutions/external", params={"page_size": 1000}))
    rows = [
        row
        for page in range(1, first["last_page"] + 1)
        for row in results(client.get("/masters/institutions/external", params={"page": page}))["data"]
    ]
    assert {CITY_ID, *OPD_IDS} < {str(row["id"]) for row in rows}
    assert "reply" in {row["template_code"] for row in results(client.get("/masters/templates"))["data"]}


def test_a_long_thread_comes_in_pages_of_twenty(simulator: Simulator, client: httpx.Client) -> None:
    """Newest first, and the second page has the rest."""
    view = simulator.world.file_report(opd="611")
    for number in range(21):
        simulator.world.reply(view["id"], content=f"Pesan {number}")
    first = results(client.get(f"/complaints/{view['id']}/followups"))
    second = results(client.get(f"/complaints/{view['id']}/followups", params={"page": 2}))
    assert (len(first["data"]), first["last_page"], len(second["data"])) == (20, 2, 3)
    assert first["data"][0]["content"] == "Pesan 20"
    assert first["data"][0]["institution_from_name"] is None
    assert first["data"][0]["data"] is None


def test_the_date_header_is_simulated_time(simulator: Simulator, client: httpx.Client) -> None:
    """A client learns upstream's clock from it."""
    simulator.world.advance(86_400)
    assert (parsedate_to_datetime(client.get("/complaints").headers["Date"]) - START).days == 1


def test_one_connection_serves_many_calls(simulator: Simulator, client: httpx.Client) -> None:
    """Connections are kept, chunked bodies are read, and HEAD has no body."""
    view = simulator.world.file_report(opd="611")
    whole = httpx.Request("POST", simulator.url + "/complaints/followup/add", files=answer_form(view))
    body = whole.read()
    chunked = client.post(
        "/complaints/followup/add",
        content=iter([body[:10], body[10:]]),
        headers={"Content-Type": whole.headers["Content-Type"]},
    )
    assert results(chunked)["complaint_id"] == int(view["id"])
    assert client.head("/complaints").content == b""
    assert client.put("/complaints").status_code == 404


@pytest.mark.parametrize("length", ["99999999999", "-1", "sepuluh"])
def test_a_body_of_impossible_length_is_refused(simulator: Simulator, length: str) -> None:
    """No caller fills the memory."""
    port = httpx.URL(simulator.url).port or 0
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.putrequest("POST", "/lapor/3.0.0/complaints/complaint")
        connection.putheader("Content-Length", length)
        connection.endheaders()
        assert connection.getresponse().status == 400
