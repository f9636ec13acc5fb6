"""`lapor-sync citizen`: what a citizen may ask of the city, from the server's shell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.simulator import Options, Simulator
from tests.system.cli_runner import Cli
from tests.system.test_cli_looking import change

NAME = "Zulkarnaen"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(Options(seed=3, reports=5)) as running:
        running.world.file_report(title=f"Lampu {NAME}", content="Padam", opd="611", secret=False)
        yield running


def only(cli: Cli) -> str:
    """The Tracking ID of the report in which the name stands."""
    (found,) = cli("citizen", "find", NAME.lower(), "--json").lines
    assert found["places"] == ["title"]
    return str(found["tracking_id"])


def audited(cli: Cli) -> list[tuple[Any, ...]]:
    return [
        (row["what"], row["who"])
        for row in cli("audit", "export").lines
        if row["what"].startswith(("citizen", "exported"))
    ]


def test_a_citizens_wishes_are_carried_out_from_the_shell(cli: Cli) -> None:
    """Found by name, shown whole, held back, let go, read again, erased once it is over; each is one audit row."""
    one = only(cli)
    assert "Another citizen may have the same name" in cli("citizen", "find", NAME).out
    shown = cli("citizen", "show", one, "--json", "--by", "sari").json
    assert (shown["title"], shown["withheld"], shown["beside"]["payloads"] > 0) == (f"Lampu {NAME}", None, True)
    assert shown["reporter_name"]
    page = cli("citizen", "show", one)
    assert f"reporter's name: {shown['reporter_name']}\n" in page.out, "what is kept is not for programs alone"
    assert "Who looked at it" in page.out
    assert "sari" in page.out

    assert cli("citizen", "hold", one, "--by", "sari").out == "held\n"
    assert next(row for row in cli("reports", "--json").lines if row["tracking_id"] == one)["title"] is None
    assert cli("citizen", "let-go", one).out == "let go\n"
    assert cli("citizen", "let-go", one).says("is not held back", "citizen show")
    assert cli("citizen", "read-again", one).out == "to be read again\n"
    assert cli("citizen", "erase", one).says("is not closed", f"citizen hold {one}")
    change(cli, "UPDATE report SET colour = 'hijau' WHERE tracking_id = ?", one)
    erased = cli("citizen", "erase", one, "--by", "sari")
    assert (erased.out, "docs/privacy.md" in erased.err) == ("erased\n", True)
    assert cli("citizen", "find", NAME).out == "The name stands in no report.\n"
    assert cli("citizen", "find", " ").code == 2
    assert cli("audit", "verify").code == 0
    assert ("citizen_erased", "sari") in audited(cli)


def test_who_takes_what_rahasia_reports_say_is_audited(cli: Cli) -> None:
    """A list with their words is a look at all of them."""
    cli("reports", "--json", "--by", "sari")
    cli("reports", "--json", "--include-rahasia", "--by", "sari")
    assert audited(cli) == [("exported", "sari")]


def test_the_shell_forgets_a_person(cli: Cli) -> None:
    """By the name with which they signed in; it prints by which number they stay known."""
    cli("people", "invite", "Siti", "--sign-in", "siti@kota.example", "--role", "admin")
    assert cli("people", "forget", "siti@kota.example").says("is not ended", "people end siti@kota.example")
    cli("people", "end", "siti@kota.example")
    assert cli("people", "forget", "siti@kota.example").out.startswith("forgotten: person ")
    assert cli("people", "--json").lines[0]["name"] == "(nama dihapus)"
