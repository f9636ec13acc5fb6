"""What every connector must hold to, whatever stands upstream: `ports.Connector`, one sentence a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest

from lapor_sync.domain import delivery
from lapor_sync.domain.delivery import NotSent, Outcome, Refused, Sent, Unknown
from lapor_sync.domain.errors import (
    BadRecord,
    Denied,
    Missing,
    RateLimited,
    Unreachable,
    UpstreamBroken,
    UpstreamError,
)
from lapor_sync.domain.ports import ListPage
from lapor_sync.domain.report import ItemKind, Outgoing, OutgoingFile, Report
from tests.contract.stages import Stage, recorded, simulated

REF = "LS-ABCDEF"
SECOND = timedelta(seconds=1)


@pytest.fixture(params=[recorded, simulated], ids=["recorded", "simulator"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Each test runs before each upstream."""
    opened: Callable[[], AbstractContextManager[Stage]] = request.param
    with opened() as upstream:
        yield upstream


def listed(stage: Stage, since: datetime | None = None) -> list[ListPage]:
    return list(stage.connector.list_reports(updated_from=since))


def response(stage: Stage, text: str = "Sudah kami perbaiki.", **changes: object) -> Outgoing:
    given: dict[str, object] = {
        "ref": REF,
        "report_id": stage.report_id,
        "tracking_id": stage.tracking_id,
        "text": delivery.with_reference(text, REF),
        "institution_from_id": stage.institution_from_id,
        "institution_to_id": stage.institution_to_id,
        "user_id": "77",
    }
    return Outgoing(**(given | changes))  # type: ignore[arg-type]  # each change has its field's own type


# Listing.


def test_a_listing_brings_every_report_once_and_says_at_its_end_that_it_is_complete(stage: Stage) -> None:
    """Page by page, whatever upstream's page size."""
    pages = listed(stage)
    keys = [row.key for page in pages for row in page.rows]
    assert len(keys) == len(set(keys)) == stage.reports
    assert [page.complete for page in pages] == [None] * (len(pages) - 1) + [True]
    assert len(pages) > 1
    assert stage.tracking_id in keys


def test_a_listing_began_when_its_first_page_was_asked_for(stage: Stage) -> None:
    """One time for all pages, in the upstream's clock, never later than the truth."""
    times = {page.began_at for page in listed(stage)}
    assert len(times) == 1
    began = times.pop()
    assert began.tzinfo is not None
    assert began < stage.connector.upstream_now()


def test_every_row_is_a_report_with_the_ids_that_calls_take(stage: Stage) -> None:
    """Both ids are strings; what the row lacks is named."""
    rows = {row.key: row for page in listed(stage) for row in page.rows}
    row = rows[stage.tracking_id]
    assert row.report_id == stage.report_id
    for each in rows.values():
        report = stage.connector.parse_row(each)
        assert report.tracking_id == each.key
        assert report.upstream_id == each.report_id
        assert report.status_name
        assert report.missing <= set(Report._fields)
        assert report.updated_at is not None
        assert report.updated_at.tzinfo is not None


def test_a_row_that_did_not_change_has_the_same_hash(stage: Stage) -> None:
    """So it costs no further call."""
    first, second = ({row.key: row.hash for page in listed(stage) for row in page.rows} for _ in range(2))
    assert first == second


def test_a_listing_of_what_changed_since_tomorrow_is_empty_and_complete(stage: Stage) -> None:
    """The filter reaches upstream, offset and all."""
    pages = listed(stage, datetime.now(UTC) + timedelta(days=400))
    assert [row for page in pages for row in page.rows] == []
    assert pages[-1].complete is True


def test_a_listing_can_be_left_in_the_middle(stage: Stage) -> None:
    """What was fetched ahead is dropped, the connector goes on working."""
    pages = stage.connector.list_reports(updated_from=None)
    assert next(pages).complete is None
    pages.close()  # type: ignore[attr-defined]  # it is a generator
    assert stage.connector.read_report(stage.report_id)


# Reading one report.


def test_a_detail_is_the_report_of_the_row(stage: Stage) -> None:
    """With its history and the texts of its logs."""
    detail = stage.connector.read_report(stage.report_id)
    assert (detail.report.tracking_id, detail.report.upstream_id) == (stage.tracking_id, stage.report_id)
    assert detail.report.disposition_id == stage.institution_from_id
    assert detail.report.status_name
    assert detail.log_texts
    assert [move.at for move in detail.history if move.at] == sorted(move.at for move in detail.history if move.at)
    assert detail.began_at <= stage.connector.upstream_now()


def test_a_thread_is_whole_and_in_reading_order(stage: Stage) -> None:
    """Whatever the pages and the order upstream."""
    thread = stage.connector.read_thread(stage.report_id)
    spoken = [item.kind for item in thread.items if item.kind is not ItemKind.LOG]
    assert spoken[0] is ItemKind.DISPOSITION
    assert spoken[-2:] == [ItemKind.REPORTER, ItemKind.ANSWER]
    assert thread.items[-1].content.startswith("Sedang kami")
    assert thread.items[-1].status_new == "Dalam Proses"
    assert all("{{" not in item.content for item in thread.items)
    assert thread.bad == ()
    assert thread.began_at <= stage.connector.upstream_now()


@pytest.mark.parametrize("read", ["read_report", "read_thread"])
def test_a_report_that_is_not_there_is_missing(stage: Stage, read: str) -> None:
    """Neither broken nor denied."""
    with pytest.raises(Missing):
        getattr(stage.connector, read)("99999999")


def test_the_tracking_id_is_taken_as_well(stage: Stage) -> None:
    """A report that is known from an export has no other."""
    assert stage.connector.read_report(stage.tracking_id).report.tracking_id == stage.tracking_id


def test_an_attached_file_is_fetched_without_credentials(stage: Stage) -> None:
    """Both upstreams refuse a call to their file host that carries any."""
    file = stage.connector.read_thread(stage.report_id).items[-1].attachments[0]
    assert file.file_name.lower() == "foto.jpg"
    assert file.extension == "jpg"
    assert stage.connector.fetch_attachment(file) == b"\xff\xd8 foto"


def test_the_institutions_are_all_there(stage: Stage) -> None:
    """By id and name."""
    found = stage.connector.institutions()
    assert len(found) == stage.institutions
    assert stage.institution_from_id in {institution.id for institution in found}
    assert all(institution.name for institution in found)


# Writing.


def test_a_response_is_sent_once_and_reads_back(stage: Stage) -> None:
    """Its reference stands in the thread, in an answer."""
    before = stage.calls("POST")
    assert stage.connector.send_response(response(stage)) == Sent(http_status=200)
    assert stage.calls("POST") - before == 1
    items = stage.connector.read_thread(stage.report_id).items
    assert sum(delivery.carries(item.content, REF) for item in items) == 1
    assert items[-1].kind is ItemKind.ANSWER
    assert delivery.same_words(items[-1].content, "Sudah kami perbaiki.", REF)


def test_a_response_takes_files_along(stage: Stage) -> None:
    """Names with quotes and letters of any script, too."""
    files = (
        OutgoingFile(file_name='surat "a" é.pdf', content=b"%PDF\r\n--x"),
        OutgoingFile(file_name="foto.png", content=b"\x89PNG"),
    )
    assert stage.connector.send_response(response(stage, files=files)) == Sent(http_status=200)


def test_a_response_of_any_letters_arrives(stage: Stage) -> None:
    """Line breaks, ampersands, quotes, emoji."""
    text = 'Baris satu\nbaris dua & "tiga" <empat> \U0001f600 ñ'
    assert stage.connector.send_response(response(stage, text)) == Sent(http_status=200)
    assert any("\U0001f600" in text for text in stage.thread_texts())


def test_what_upstream_refuses_is_refused_with_its_words(stage: Stage) -> None:
    """Too long a text."""
    outcome = stage.connector.send_response(response(stage, "x" * 1001))
    assert isinstance(outcome, Refused)
    assert outcome.http_status == 422
    assert outcome.why == "HTTP 422: The given data was invalid."


def test_text_that_cannot_be_sent_is_refused_and_never_leaves(stage: Stage) -> None:
    """A lone surrogate, such as a broken command line gives."""
    before = stage.calls("POST")
    assert isinstance(stage.connector.send_response(response(stage, "\ud800")), Refused)
    assert stage.calls("POST") == before


def test_a_hand_over_is_sent_and_reads_back_in_the_logs(stage: Stage) -> None:
    """Where its reference is looked for."""
    outgoing = response(stage, "Bukan kewenangan kami.", institution_to_id=stage.institution_to_id)
    assert stage.connector.send_forward(outgoing) == Sent(http_status=200)
    detail = stage.connector.read_report(stage.report_id)
    assert any(delivery.carries(text, REF) for text in detail.log_texts)


WRITES = {
    "status:401": NotSent,
    "status:403": Refused,
    "status:404": Refused,
    "status:408": Unknown,
    "status:429": NotSent,
    "status:500": Unknown,
    "status:503": Unknown,
    "gateway:400": Unknown,
    "gateway:401": Unknown,
    "gateway:403": Unknown,
    "gateway:404": Unknown,
    "gateway:413": Unknown,
    "gateway:429": Unknown,
    "gateway:502": Unknown,
    "gateway:504": Unknown,
    "html-200": Unknown,
    "empty-200": Unknown,
    "status-false-200": Unknown,
    "garbage": Unknown,
    "redirect": Unknown,
    "close-before": Unknown,
    "close-after": Unknown,
    "truncate": Unknown,
    "no-id": Sent,
}


@pytest.mark.parametrize("send", ["send_response", "send_forward"])
@pytest.mark.parametrize(("do", "kind"), WRITES.items())
def test_a_write_that_goes_wrong_returns_what_is_known_and_is_never_tried_again(
    stage: Stage, send: str, do: str, kind: type[Outcome]
) -> None:
    """By the rules' table of outcomes."""
    before = stage.calls("POST")
    stage.spoil(do, "POST")
    outcome: Outcome = getattr(stage.connector, send)(response(stage))
    assert type(outcome) is kind
    assert stage.calls("POST") - before == 1


def test_a_write_with_credentials_that_are_not_accepted_is_denied(stage: Stage) -> None:
    """So that all of the agency's calls stop."""
    stage.spoil("status:401", "POST")
    assert stage.connector.send_response(response(stage)) == NotSent(why="HTTP 401", http_status=401, denied=True)


# Reads that go wrong.

READS = {
    "status:401": Denied,
    "status:403": Denied,
    "status:404": Missing,
    "status:422": UpstreamBroken,
    "status:429": RateLimited,
    "status:500": UpstreamBroken,
    "gateway:503": UpstreamBroken,
    "html-200": UpstreamBroken,
    "empty-200": UpstreamBroken,
    "status-false-200": UpstreamBroken,
    "garbage": UpstreamBroken,
    "redirect": UpstreamBroken,
    "close-before": Unreachable,
    "truncate": Unreachable,
}
CALLS: dict[str, Callable[[Stage], object]] = {
    "list": listed,
    "detail": lambda stage: stage.connector.read_report(stage.report_id),
    "thread": lambda stage: stage.connector.read_thread(stage.report_id),
    "institutions": lambda stage: stage.connector.institutions(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(("do", "kind"), READS.items())
def test_a_read_that_goes_wrong_for_good_says_how(
    stage: Stage, call: Callable[[Stage], object], do: str, kind: type[UpstreamError]
) -> None:
    """And never brings an empty list instead."""
    stage.spoil(do, "GET", times=None)
    with pytest.raises(kind) as caught:
        call(stage)
    assert type(caught.value) is kind
    assert stage.report_id not in caught.value.what
    assert "://" not in caught.value.what


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("do", ["status:500", "gateway:502", "html-200", "empty-200", "close-before", "truncate"])
def test_a_read_that_goes_wrong_once_is_tried_again(
    stage: Stage, call: Callable[[Stage], object], do: str
) -> None:
    """The caller does not notice."""
    stage.spoil(do, "GET")
    assert call(stage)


def test_a_success_without_results_is_no_report(stage: Stage) -> None:
    """Nothing that could be taken for one."""
    stage.spoil("no-id", "GET", times=None)
    with pytest.raises(BadRecord):
        stage.connector.read_report(stage.report_id)
    with pytest.raises(UpstreamBroken):
        stage.connector.read_thread(stage.report_id)


def test_upstreams_time_comes_from_its_answers(stage: Stage) -> None:
    """And goes on from there."""
    stage.connector.institutions()
    first = stage.connector.upstream_now()
    assert first.tzinfo is not None
    assert timedelta() <= stage.connector.upstream_now() - first < 5 * SECOND
