"""`lapor-sync people`: the shell makes the first admin, posts pass on, and what is vacant cannot be overlooked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.simulator import Options, Simulator
from lapor_sync.clock import SystemClock
from lapor_sync.layout import width
from lapor_sync.office import people
from lapor_sync.store.database import open_store
from tests.system.cli_runner import Cli, Ran
from tests.system.test_cli_looking import change

PASSWORD = "kucing terbang di atap"
BASE = "http://127.0.0.1:8080/undangan/"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(Options(seed=3, reports=20)) as running:
        yield running


def invite(cli: Cli, sign_in: str, *more: str, name: str | None = None) -> Ran:
    place = more or ("--role", "officer", "--opd", "611")
    return cli("people", "invite", name or sign_in.title(), "--sign-in", sign_in, *place, "--by", "budi")


def listed(cli: Cli, sign_in: str) -> Any:
    return next(one for one in cli("people", "--json").lines if one["sign_in"] == sign_in)


def post(cli: Cli, opd: str | None = "611") -> Any:
    return next(one for one in cli("people", "posts", "--json").lines if one["opd"] == opd)


def signs_in(cli: Cli, ran: Ran, sign_in: str) -> list[str | None]:
    """Use the link that was printed, sign in; the OPDs of the posts that are held."""
    store = open_store(cli.env["LAPOR_SYNC_DATABASE_URL"], "kota", SystemClock())
    people.accept(store, ran.out.strip().removeprefix(BASE), PASSWORD)
    signed_in = people.session(store, people.enter(store, sign_in, PASSWORD, address="10.1.2.3"))
    store.close()
    assert signed_in is not None
    return [one.opd for one in signed_in.posts]


def test_the_shell_makes_the_first_admin(cli):
    """There is no default account and no default password."""
    assert cli("people", "--json").out == cli("people", "posts", "--json").out == ""
    assert "Nobody has an account. The first is `lapor-sync people invite" in cli("people").out
    ran = invite(cli, "ayu@kota.example", "--role", "admin", name="Ayu Lestari")
    assert (ran.code, len(ran.out.splitlines())) == (0, 1)
    assert ran.out.startswith(BASE)
    assert signs_in(cli, ran, "ayu@kota.example") == [None]


def test_a_link_begins_with_the_board_s_address(cli):
    ran = cli(
        *("people", "invite", "Ayu", "--sign-in", "ayu", "--role", "admin"),
        env={"LAPOR_SYNC_BOARD_PUBLIC_URL": "https://papan.kota.example"},
    )
    assert ran.out.startswith("https://papan.kota.example/undangan/")


def test_people_and_posts_have_the_keys_of_the_interface(cli):
    invite(cli, "siti", "--role", "officer", "--opd", "611", "--since", "2026-01-05", "--until", "2099-12-31")
    one = listed(cli, "siti")
    assert one.keys() == {"id", "name", "sign_in", "state", "last_sign_in_at", "posts"}
    assert (one["name"], one["state"], one["last_sign_in_at"]) == ("Siti", "invited", None)
    assert one["posts"] == [
        {
            "role": "officer",
            "opd": "611",
            "opd_name": post(cli)["opd_name"],
            "from": "2026-01-04T17:00:00.000000Z",
            "until": "2099-12-31T17:00:00.000000Z",
            "is_to_come": False,
        }
    ]
    assert post(cli)["opd_name"]
    assert post(cli).keys() == {"role", "opd", "opd_name", "holders", "to_come", "vacant_since"}
    assert [one.keys() for one in post(cli)["holders"]] == [{"name", "sign_in", "is_invited", "from", "until"}]


def test_a_post_counts_as_kosong_until_its_holder_has_accepted_the_invitation(cli):
    link = invite(cli, "siti")
    assert post(cli)["vacant_since"]
    assert post(cli)["holders"][0]["is_invited"] is True
    assert "kosong since" in cli("people", "posts").out
    assert "invited: Siti (siti)" in cli("people", "posts").out
    (found,) = vacant(cli)
    assert found["opd"] == "611"
    signs_in(cli, link, "siti")
    assert post(cli)["vacant_since"] is None
    assert post(cli)["holders"][0]["is_invited"] is False
    assert vacant(cli) == []
    invite(cli, "dewi", "--role", "officer", "--opd", "612")
    ran = cli("people", "handover", "--role", "officer", "--opd", "611", "--from", "siti", "--to", "dewi")
    assert ran.out == "handed over\n"
    assert "dewi has not accepted the invitation yet" in ran.err
    assert post(cli)["vacant_since"]


def test_a_hand_over_and_an_end(cli):
    """Siti is transferred, Dewi comes; then Dewi leaves too."""
    assert signs_in(cli, invite(cli, "siti"), "siti") == ["611"]
    assert signs_in(cli, invite(cli, "dewi", "--role", "officer", "--opd", "612"), "dewi") == ["612"]
    name = post(cli)["opd_name"]
    ran = cli("people", "handover", "--role", "officer", "--opd", name, "--from", "siti", "--to", "dewi")
    assert (ran.code, ran.out) == (0, "handed over\n")
    assert "LAPOR's own site" in ran.err
    assert listed(cli, "siti")["state"] == "no_post"
    assert [one["sign_in"] for one in post(cli)["holders"]] == ["dewi"]
    assert cli("people", "end", "dewi", "--on", "2099-01-31").out == "to end on 2099-01-31\n"
    assert listed(cli, "dewi")["state"] == "active"
    assert cli("people", "end", "dewi").out == "ended\n"
    assert (listed(cli, "dewi")["state"], listed(cli, "dewi")["posts"]) == ("ended", [])
    assert post(cli)["vacant_since"]
    said = cli("audit", "export")
    rows = [one for one in said.lines if one["what"] in {"post_handed_over", "tenures_ended"}]
    assert len(rows) == 3
    assert "siti" not in json.dumps(rows)
    assert cli("audit", "verify").code == 0


def test_a_hand_over_on_a_day_to_come(cli):
    invite(cli, "siti")
    invite(cli, "dewi", "--role", "officer", "--opd", "612")
    ran = cli(
        *("people", "handover", "--role", "officer", "--opd", "611", "--from", "siti", "--to", "dewi"),
        *("--on", "2099-01-31", "--leave-work"),
    )
    assert ran.out == "to be handed over on 2099-01-31\n"
    assert [one["sign_in"] for one in post(cli)["holders"]] == ["siti"]
    assert [one["sign_in"] for one in post(cli)["to_come"]] == ["dewi"]
    assert "611 from 2099-01-31" in cli("people").out.replace(post(cli)["opd_name"], "611")
    assert "to 2099-01-30" in cli("people").out


def test_a_new_link_for_who_lost_the_password(cli):
    first = invite(cli, "siti")
    ran = cli("people", "link", "SITI", "--by", "budi")
    assert ran.out.startswith(BASE)
    assert ran.out != first.out
    assert signs_in(cli, ran, "siti") == ["611"]


def test_each_refusal_is_two_lines(cli):
    invite(cli, "siti")
    handover = ("people", "handover", "--role", "officer", "--opd", "611")
    for args, words in (
        (("people", "link", "nobody"), ("'nobody'", "lapor-sync people")),
        (("people", "end", "nobody"), ("'nobody'",)),
        (("people", "end", "siti", "--on", "2026-01-01"), ("2026-01-01 is over",)),
        (("people", "end", "siti", "--on", "besok"), ("'besok' is no day",)),
        (("people", "invite", "Rina", "--sign-in", "rina", "--role", "officer"), ("--opd",)),
        (("people", "invite", "Rina", "--sign-in", "rina", "--role", "admin", "--opd", "611"), ("--opd",)),
        (("people", "invite", "Rina", "--sign-in", "rina", "--role", "officer", "--opd", "none"), ("'none'",)),
        (("people", "invite", "Rina", "--sign-in", "rina", "--role", "mayor"), ("mayor",)),
        (("people", "invite", "Rina", "--sign-in", "rina"), ("--role", "officer, admin, leader, inspector")),
        (("people", "invite", "", "--sign-in", "rina", "--role", "admin"), ("name",)),
        (("people", "invite", "Rina", "--sign-in", "siti", "--role", "admin"), ("another person's",)),
        (("people", "invite", "Siti", "--sign-in", "siti", "--role", "officer", "--opd", "611"), ("already",)),
        ((*handover, "--from", "siti", "--to", "siti"), ("themself",)),
        ((*handover, "--from", "siti", "--to", "nobody"), ("'nobody'",)),
        (("people", "--json", "link", "siti"), ("--json",)),
    ):
        ran = cli(*args)
        assert ran.code == 2, (args, ran)
        assert ran.says(*words), (args, ran.err)
        assert len(ran.err.splitlines()) == 2
    assert [one["sign_in"] for one in cli("people", "--json").lines] == ["siti"]


def vacant(cli: Any) -> Any:
    """What `status` has of posts that were made."""
    return [one for one in cli("status", "--json").json["vacant"] if one["vacant_since"]]


def test_a_vacant_post_stands_in_status(cli):
    """A kosong OPD must be impossible to overlook, whether its reports are late yet or not."""
    change(
        cli,
        "UPDATE report SET due_at = '2020-01-01T00:00:00.000000Z', colour = 'merah' WHERE disposition_id = '611'",
    )
    change(cli, "UPDATE report SET due_at = NULL WHERE disposition_id = '612'")
    for sign_in, opd in (("siti", "611"), ("dewi", "612")):
        signs_in(cli, invite(cli, sign_in, "--role", "officer", "--opd", opd), sign_in)
    assert vacant(cli) == []
    for sign_in in ("siti", "dewi"):
        cli("people", "end", sign_in)
    found, other = vacant(cli)
    assert (other["opd"], other["overdue"]) == ("612", 0)
    assert found.keys() == {"role", "opd", "opd_name", "vacant_since", "overdue"}
    assert (found["role"], found["opd"]) == ("officer", "611")
    late = len([one for one in cli("reports", "--overdue", "--json").lines if one["opd"] == "611"])
    assert found["overdue"] == late > 0
    shown = cli("status").out
    assert "Kosong        officer, " in shown
    assert f": {late} overdue" in shown
    never = [one["opd"] for one in cli("status", "--json").json["vacant"] if one["vacant_since"] is None]
    assert never
    assert "611" not in never
    assert "never held" in shown
    assert shown.count("`lapor-sync people invite`") == 1
    assert "kosong since" in cli("people", "posts").out


def test_a_post_whose_holder_stays_away_stands_in_status_too(cli):
    change(
        cli,
        "UPDATE report SET due_at = '2020-01-01T00:00:00.000000Z', colour = 'merah' WHERE disposition_id = '611'",
    )
    signs_in(cli, invite(cli, "siti", "--role", "officer", "--opd", "611", "--since", "2026-01-05"), "siti")
    change(cli, "UPDATE person SET last_sign_in_at = NULL")
    found = cli("status", "--json").json
    assert vacant(cli) == []
    (quiet,) = found["quiet"]
    assert quiet.keys() == {"role", "opd", "opd_name", "quiet_since", "overdue"}
    assert quiet["quiet_since"] == "2026-01-04T17:00:00.000000Z"
    assert "Not seen      officer, " in cli("status").out
    signs_in(cli, cli("people", "link", "siti"), "siti")
    assert cli("status", "--json").json["quiet"] == []


def test_a_restore_says_that_posts_are_the_backup_s(cli, tmp_path):
    """A hand-over since then is lost with the rest, and the predecessor would come in again."""
    files = [tmp_path / name for name in ("before.db", "after.db")]
    cli("backup", files[0])
    invite(cli, "siti")
    cli("backup", files[1])
    told = [" ".join(cli("restore", file).out.split()) for file in files]
    assert ["Look at `lapor-sync people posts`" in one for one in told] == [False, True]
    assert listed(cli, "siti")["state"] == "invited"


@pytest.mark.parametrize("room", [80, 60])
def test_the_screens_of_people_fit_the_terminal(cli, room):
    """Long names, several posts, spans."""
    long = "Raden Mas Haji Bambang Sutrisno Kusumawardhana Adiningrat bin Abdurrahman"
    invite(cli, "bambang.sutrisno.kusumawardhana@dinas-pekerjaan-umum.kota.example", name=long)
    for opd in ("612", "613"):
        sign_in = "bambang.sutrisno.kusumawardhana@dinas-pekerjaan-umum.kota.example"
        invite(cli, sign_in, "--role", "leader", "--opd", opd, "--until", "2099-12-31", name=long)
    for args in (("people",), ("people", "posts"), ("people", "--help"), ("people", "invite", "--help")):
        shown = cli("--no-pager", *args, terminal=True, env={"COLUMNS": str(room), "NO_COLOR": "1"})
        wide = [line for line in shown.out.splitlines() if width(line) > room]
        assert not wide, wide
