"""Every page and form of the board, for every role, at its own OPD and at another one.

The walk is over the site's own map: a page that nobody entered here fails.
"""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert

from lapor_sync.domain.people import Post
from lapor_sync.store import conflicts, people
from lapor_sync.store.database import Store
from lapor_sync.store.schema import person
from lapor_sync.web.board import Board
from tests.store.samples import add, mirrored, new, report, save
from tests.web.site import (
    ADMIN,
    INSPECTOR,
    LEADER,
    OFFICER,
    OPD,
    OTHER_OFFICER,
    OTHER_OPD,
    board_on,
    client_of,
    enter_as,
    token_in,
)

OTHER_LEADER = Post("6", LEADER.role, OTHER_OPD)
CITY_LEADER = Post("8", LEADER.role, None)
WHO: tuple[tuple[Post, ...] | None, ...] = (
    *((post,) for post in (OFFICER, OTHER_OFFICER, LEADER, OTHER_LEADER, CITY_LEADER, INSPECTOR, ADMIN)),
    (OTHER_OFFICER, LEADER),  # several posts: what one of them may, at its own OPD alone
    (),
    None,  # not signed in
)

CELLS = {
    # officer, of another OPD, leader, of another OPD, of the city, inspector, admin, two posts, no post, a guest
    "signed in": "y y y y y y y y y in",
    "in a post": "y y y y y y y y 403 in",
    "see": "y 404 y 404 y y y y 403 in",
    "answer": "y 404 403 404 403 403 y 403 403 in",
    "answers": "y y 403 403 403 403 y y 403 in",
    "note": "y 404 y 404 y 403 y y 403 in",
    "figures": "y y y y y y y y 403 in",
    "system": "403 403 403 403 403 y y 403 403 in",
    "admin": "403 403 403 403 403 403 y 403 403 in",
    "another's": "404 404 404 404 404 404 404 404 404 in",  # a session of somebody else
    "proven": "403 403 403 403 403 403 403 403 403 in",  # password or code must have been given of late
    "a file": "404 404 404 404 404 404 404 404 403 in",  # the report has none; what it has is tested with it
}

PAGES = {
    "anybody": "assets.asset health.alive health.ready sign_in.page sign_in.enter sign_in.leave sign_in.lost_page "
    "sign_in.ask_for_link sign_in.invitation "
    "sign_in.accept sign_on.begin sign_on.begin_by_link sign_on.back factors.door factors.enter tasks.home",
    "signed in": "channels.page channels.add "
    "account.page account.change_password factors.page factors.prove sign_on.begin_to_bind tasks.page",
    "another's": "account.end_session channels.verify channels.choose",
    "proven": "channels.remove factors.remove factors.new_codes factors.add_passkey factors.add_totp",
    "in a post": "deliveries.page reports.page reports.as_csv reports.as_workbook reports.keep_filter "
    "reports.remove_filter",
    "see": "report.page report.print_sheet report.state report.hand_over_page",
    "answer": "report.answer report.preview report.hand_over report.keep_draft "
    "report.insert_template deliveries.change",
    "answers": "own_texts.page own_texts.keep own_texts.remove",
    "note": "report.write_note",
    "figures": "opds.page recap.page recap.as_pdf recap.as_workbook",
    "system": "system.page history.page history.as_csv",
    "admin": "decisions.page decisions.choose people.page people.one people.end people.remove_factors recap.fix "
    "people.end_session people.new_link people.posts people.handover people.hand_over people.invitation people.invite",
    "a file": "files.file files.small",
}
COLUMN = {name: key for key, names in PAGES.items() for name in names.split()}
ARGUMENTS = {
    "channel_id": "70",
    "report_id": "7001",
    "number": 1,
    "person_id": "70",
    "session_id": "s70",
    "factor_id": "1",
    "text_id": "1",
    "filter_id": "1",
    "token": "x",
    "ref": "LS-AAAAAA",
    "act": "hold",
    "digest": "x",
    "name": "x",
}
NOT_ITS_OWN = {403, 404}


@pytest.fixture
def city(store: Store) -> Board:
    """One open report of an OPD, a delivery to it, a question, and somebody who is managed."""
    save(store, mirrored("7001", report("7001", disposition_id=OPD)))
    add(store, new("LS-AAAAAA"))
    with store.work() as work:
        conflicts.open_one(work, kind="closed_since", tracking_id="7001", ref="LS-AAAAAA")
        row = {"agency": work.agency, "sign_in": "rina", "name": "Rina", "made_at": work.at}
        work.conn.execute(insert(person).values(id=70, **row))
        people.begin_session(work, id="s70", person_id="70", token_hash="h", origin="10.1.2.3")
    return board_on(store)


def met(client: FlaskClient, method: str, path: str, csrf: str) -> str:
    """What a request met with, as the table says it."""
    answer = client.open(
        path, method=method, data={"csrf": csrf, "choice": "keep_ours"} if method == "POST" else None
    )
    answer.get_data()
    if (answer.status_code == 401 and 'action="/masuk"' in answer.text) or (
        answer.status_code == 303 and "/masuk?" in (answer.location or "")
    ):
        return "in"
    return str(answer.status_code) if answer.status_code in NOT_ITS_OWN | {500} else "y"


def test_every_page_and_form_for_every_role(city: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    site = client_of(city).application
    rules = [one for one in site.url_map.iter_rules() if one.endpoint != "static"]
    assert {one.endpoint for one in rules} == set(COLUMN)
    with site.test_request_context(base_url="http://127.0.0.1"):
        adapter = site.create_url_adapter(None) or site.url_map.bind("127.0.0.1")
        asked = [
            (method, one.endpoint, adapter.build(one.endpoint, {**ARGUMENTS, "conflict_id": "1"}, method=method))
            for one in rules
            for method in sorted((one.methods or set()) & {"GET", "POST"})
        ]
    asked.sort(key=lambda one: one[1] not in {"people.end_session", "decisions.choose"})  # before others end it
    wrong, cells = [], 0
    for at, posts in sorted(enumerate(WHO), key=lambda one: one[1] != (ADMIN,)):  # while all is still to be done
        client = client_of(city)
        if posts is not None:
            enter_as(monkeypatch, client, *posts)
        csrf = token_in(client.get("/masuk" if posts is None else "/akun"))
        for method, endpoint, path in asked:
            if COLUMN[endpoint] == "anybody":  # what is in an address or form decides: tested with it
                continue
            may = CELLS[COLUMN[endpoint]].split()[at]
            found = met(client, method, path.partition("?")[0], csrf)
            cells += 1
            if found != may:
                wrong.append(f"{endpoint} {method} {posts}: {found}, not {may}")
    assert "\n".join(wrong) == ""
    assert cells >= 480
