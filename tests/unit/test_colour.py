"""The status colours, row by row, and what may not matter."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapor_sync.domain.colour import (
    ROWS,
    City,
    Colour,
    Flag,
    Verdict,
    WaitingOn,
    canonical,
    colour,
    is_known,
    unread,
)
from lapor_sync.domain.report import ItemKind, Report, ThreadItem

LETTERS = {"d": ItemKind.DISPOSITION, "a": ItemKind.ANSWER, "r": ItemKind.REPORTER, "l": ItemKind.LOG}
CITY = City(institution_id="100", opd_ids=frozenset({"101", "102"}))
ANYWHERE = City(institution_id="100")
T0 = datetime(2026, 3, 2, tzinfo=UTC)

NAMES = (
    "Belum Terverifikasi",
    "Terverifikasi",
    "Dalam Proses",
    "Selesai",
    "Diarsipkan",
    "Ditolak",
    "Ditutup oleh Admin",
    "Ditutup oleh Sistem",
    "Tunda",
    "Ditindaklanjuti oleh Instansi",
    "Ditanggapi oleh Pelapor",
)


def thread(spelled: str | None) -> tuple[ThreadItem, ...] | None:
    if spelled is None:
        return None
    return tuple(
        ThreadItem(id=str(n), kind=LETTERS[letter], created_at=T0, content="kata")
        for n, letter in enumerate(spelled)
    )


def judged(
    status: str, spelled: str | None = "", to: str | None = "101", city: City = CITY, last: Verdict | None = None
) -> Verdict:
    report = Report(tracking_id="1234567", upstream_id="1", status_name=status, disposition_id=to)
    return colour(report, thread(spelled), city, last)


M, K, H, A = Colour.MERAH, Colour.KUNING, Colour.HIJAU, Colour.ABU


@pytest.mark.parametrize(
    ("status", "spelled", "to", "row", "shade", "waiting_on"),
    [
        # 1: out of the city's count
        ("Diarsipkan", "", "101", "1", A, None),
        ("Ditolak", "da", "101", "1", A, None),
        ("Diarsipkan", None, None, "1", A, None),
        ("Dalam Proses", "da", "999", "1", A, None),
        ("Selesai", "da", "999", "1", A, None),
        ("Belum Terverifikasi", "", "999", "1", A, None),
        # 2: finished or closed
        ("Selesai", "da", "101", "2", H, None),
        ("Selesai", "", None, "2", H, None),
        ("Ditutup oleh Admin", "d", "101", "2", H, None),
        ("Ditutup oleh Sistem", None, "100", "2", H, None),
        ("Ditutup oleh siapa pun", "d", "101", "2", H, None),
        # 3: postponed, even where there is an answer
        ("Tunda", "dar", "101", "3", M, "reporter"),
        ("Tunda", None, "100", "3", M, "reporter"),
        # 4 and 5: an answer since the last disposition
        ("Dalam Proses", "da", "101", "4", K, "reporter"),
        ("Dalam Proses", "a", "101", "4", K, "reporter"),
        ("Dalam Proses", "dral", "101", "4", K, "reporter"),
        ("Belum Terverifikasi", "a", None, "4", K, "reporter"),
        ("Terverifikasi", "da", "100", "4", K, "reporter"),
        ("Dalam Proses", "dar", "101", "5", K, "opd"),
        ("Dalam Proses", "darl", "101", "5", K, "opd"),
        ("Ditanggapi oleh Pelapor", "dar", "101", "5", K, "opd"),
        # 6 and 7: the thread is not known
        ("Dalam Proses", None, "101", "6", K, "reporter"),
        ("Ditindaklanjuti oleh Instansi", None, "101", "6", K, "reporter"),
        ("Dalam Proses", None, "100", "6", K, "reporter"),
        ("Ditanggapi oleh Pelapor", None, "101", "7", K, "opd"),
        # 8: not verified
        ("Belum Terverifikasi", "", None, "8", M, "verifier"),
        ("Belum Terverifikasi", None, "100", "8", M, "verifier"),
        # 9: with the city itself
        ("Terverifikasi", "d", "100", "9", M, "admin"),
        ("Terverifikasi", None, "100", "9", M, "admin"),
        ("Dalam Proses", "dad", "100", "9", M, "admin"),
        # 10: all else
        ("Terverifikasi", "d", "101", "10", M, "opd"),
        ("Terverifikasi", None, "101", "10", M, "opd"),
        ("Terverifikasi", "", None, "10", M, "opd"),
        ("Dalam Proses", "dad", "101", "10", M, "opd"),
        ("Dalam Proses", "dardr", "101", "10", M, "opd"),
        ("Ditanggapi oleh Pelapor", "dr", "101", "10", M, "opd"),
        ("Ditindaklanjuti oleh Instansi", "d", "101", "10", M, "opd"),
    ],
)
def test_the_first_row_that_fits(
    status: str, spelled: str | None, to: str | None, row: str, shade: Colour, waiting_on: str | None
) -> None:
    """Each row of the rules' table, and the order in which they are asked."""
    verdict = judged(status, spelled, to)
    assert (verdict.row, verdict.colour, verdict.waiting_on) == (row, shade, waiting_on)


def test_every_row_can_be_told() -> None:
    """The codes for which both languages have a sentence."""
    assert set(ROWS) == {"-", "unread", *map(str, range(1, 11))}


@pytest.mark.parametrize("name", NAMES)
def test_case_space_and_punctuation_of_status_names_do_not_matter(name: str) -> None:
    """Upstream writes one status in many ways."""
    for written in (name.upper(), name.lower(), f"  {name} ", name.replace(" ", "_"), name.replace(" ", "") + "."):
        assert is_known(written)
        assert judged(written, "da") == judged(name, "da")


@pytest.mark.parametrize(
    ("name", "shade"),
    [
        *((f"Diarsipkan{by}", A) for by in ("", " oleh Admin", " oleh Sistem", " oleh Instansi", " (duplikat)")),
        *((f"Ditolak{by}", A) for by in ("", " oleh Admin", " oleh Verifikator")),
        *((f"Ditutup{by}", H) for by in ("", " oleh Admin", " oleh Sistem", " oleh Pelapor")),
        *((f"Selesai{by}", H) for by in ("", " oleh Pelapor")),
        *((f"Tunda{by}", M) for by in ("", " oleh Admin")),
    ],
)
def test_who_archived_rejected_or_closed_does_not_matter(name: str, shade: Colour) -> None:
    """LAPOR says so behind the name; the clocks read it alike."""
    assert judged(name, "da").colour is shade
    assert judged(name.upper(), "da").colour is shade


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Ditolak oleh Pelapor",
            "Ditolak Pelapor",
            "ditolak oleh Masyarakat",
            "Selesai Sebagian",
            "Belum Selesai",
        ),
        *("Ditutup sementara", "Diarsipkan (dibatalkan)", "Ditutup, dibuka kembali", "Diusulkan Diarsipkan"),
        *("Selesai oleh Instansi, menunggu Pelapor", "Selesai Dikerjakan", "Selesaikan", "Tundaan", "Ditunda"),
        *("", "Ditanggapi oleh Instansi", "Ditindaklanjuti", "Belum Diarsipkan", "Proses", "Terdisposisi"),
        *("3", "Closed by Admin", "Archived", "Ditolak " * 60),
    ],
)
def test_a_name_that_only_looks_like_one_is_not_known(name: str) -> None:
    """A reporter who rejects may mean the answer."""
    assert not is_known(name)


@pytest.mark.parametrize(
    ("name", "shade"),
    [
        (" diarsipkan  OLEH: admin. ", A),
        ("Diarsipkan\u00a0oleh\u00a0Admin", A),
        ("Diarsipkan&nbsp;oleh&nbsp;Admin", A),
        ("<b>Selesai</b>&nbsp;oleh <i>Sistem</i>", H),
        ("Sele\u00adsai\u200b", H),
        ("\uff24itutup oleh Sistem", H),
        ("Selesai.", H),
        ("TUNDA_OLEH_ADMIN", M),
    ],
)
def test_marks_and_space_around_a_status_name_do_not_matter(name: str, shade: Colour) -> None:
    """However a page or a spreadsheet wrapped it."""
    assert judged(name, "da").colour is shade


@given(st.text())
def test_canonical_is_canonical(name: str) -> None:
    """Applied twice it changes nothing more."""
    assert canonical(canonical(name)) == canonical(name)


@given(st.text().filter(lambda name: not is_known(name)), st.sampled_from([None, *Colour]))
def test_an_unknown_status_keeps_the_last_colour(name: str, before: Colour | None) -> None:
    """With the flag; at first sight there is no colour."""
    last = Verdict(colour=before, waiting_on=WaitingOn.OPD, row="10")
    kept = judged(name, "da", last=last)
    assert (kept.colour, kept.waiting_on) == (before, WaitingOn.OPD)
    assert judged(name, "da").colour is None
    assert judged(name, "da").waiting_on is None
    assert kept.flags == judged(name, "da").flags == frozenset({Flag.UNKNOWN_STATUS})


def test_an_unknown_status_elsewhere_is_out_of_the_count_all_the_same() -> None:
    """Row 1 asks for the institution, and comes first."""
    assert judged("Status Baru", "da", to="999").colour is A


def test_without_opd_ids_every_institution_is_the_city_s() -> None:
    """Out-of-city cannot be told then."""
    assert judged("Terverifikasi", "d", to="999", city=ANYWHERE).row == "10"
    assert judged("Terverifikasi", "d", to="100", city=ANYWHERE).row == "9"
    assert judged("Terverifikasi", "d", to="100", city=City()).row == "10"


@pytest.mark.parametrize(
    ("status", "spelled", "flagged"),
    [
        ("Dalam Proses", "d", True),
        ("Dalam Proses", "", True),
        ("dalam proses", "drl", True),
        ("Dalam Proses", "da", False),
        ("Dalam Proses", "dad", False),
        ("Dalam Proses", None, False),
        ("Terverifikasi", "d", False),
    ],
)
def test_in_process_without_an_answer_is_shown_not_healed(status: str, spelled: str | None, flagged: bool) -> None:
    """The flag stands for a known thread without an answer, and for nothing else."""
    verdict = judged(status, spelled)
    assert (Flag.STATUS_WITHOUT_ANSWER in verdict.flags) is flagged
    assert verdict.colour is (M if flagged else verdict.colour)


def test_the_version_of_the_rules_tells_cities_apart() -> None:
    """A stored colour can be derived again: the ids that it came from are part of the version."""
    same = City(institution_id="100", opd_ids=frozenset({"102", "101"}))
    assert CITY.rules == same.rules
    others = [
        City(),
        ANYWHERE,
        City(opd_ids=frozenset({"100"})),
        City(institution_id="100", opd_ids=frozenset({"101"})),
    ]
    assert len({CITY.rules, *(city.rules for city in others)}) == 5


@given(
    st.sampled_from(NAMES),
    st.none() | st.text("darl", max_size=6),
    st.sampled_from([None, "100", "101", "999"]),
    st.sampled_from([CITY, ANYWHERE, City()]),
)
def test_every_known_report_has_a_colour_and_closed_ones_wait_for_nobody(
    status: str, spelled: str | None, to: str | None, city: City
) -> None:
    """The table is total, and an open report always waits for somebody."""
    verdict = judged(status, spelled, to, city)
    assert verdict.colour is not None
    assert (verdict.waiting_on is None) == (verdict.colour in {H, A})


@given(st.sampled_from(NAMES), st.text("rl", max_size=6))
def test_no_thread_without_an_answer_is_kuning(status: str, spelled: str) -> None:
    """Only words of the agency that the citizen can read make a known thread kuning."""
    assert judged(status, spelled).colour is not K


def not_read(status: str, last: Verdict | None = None) -> Verdict:
    report = Report(tracking_id="1234567", upstream_id="1", status_name=status, disposition_id="101")
    return unread(report, CITY, last)


def test_a_thread_that_could_not_be_read_moves_no_colour() -> None:
    """The last verdict stays; at first sight there is none, and what is said of it is the thread's, not the status's."""
    last = judged("Dalam Proses", "d")
    assert last.flags == {Flag.STATUS_WITHOUT_ANSWER}
    assert not_read("Dalam Proses", last._replace(flags=last.flags | {Flag.SEEN_TWICE})) == last
    for before in (None, Verdict(colour=None, waiting_on=None)):
        assert not_read("Dalam Proses", before) == Verdict(colour=None, waiting_on=None, row="unread")


@pytest.mark.parametrize(
    ("status", "row"), [("Diarsipkan", "1"), ("Selesai", "2"), ("Tunda", "3"), ("Menunggu", "-")]
)
def test_what_asks_nothing_of_the_thread_holds_though_it_could_not_be_read(status: str, row: str) -> None:
    """A report that LAPOR finished is not late for ever because its thread cannot be read."""
    last = judged("Terverifikasi", "d")
    assert not_read(status, last) == judged(status, None, last=last)
    assert not_read(status).row == row


def test_a_status_that_is_known_again_is_not_blamed_any_more() -> None:
    """The colour stays that it had under the unknown name, until the thread can be read."""
    unknown = judged("Menunggu", "d", last=judged("Terverifikasi", "d"))
    assert unknown.flags == {Flag.UNKNOWN_STATUS}
    assert not_read("Dalam Proses", unknown) == Verdict(colour=M, waiting_on=WaitingOn.OPD, row="unread")
