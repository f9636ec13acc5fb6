"""A post is asked again inside the transaction of every act: a page that was drawn before it ended does nothing."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path

import pytest
from sqlalchemy import func, select

from lapor_sync import office
from lapor_sync.domain.delivery import WhyPaused
from lapor_sync.domain.people import Actor, Role, in_post, of_shell
from lapor_sync.domain.personal import Withheld
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.mirror.mirror import Mirror
from lapor_sync.office import NewResponse, OutboxAct, citizens, factors, people
from lapor_sync.store import conflicts, drafts, outbox, pauses
from lapor_sync.store import people as kept
from lapor_sync.store.conflicts import How
from lapor_sync.store.database import Store, open_store
from lapor_sync.store.file_folder import FileFolder
from lapor_sync.store.schema import audit
from tests.databases import StillClock
from tests.store.samples import add, mirrored, new, report, save
from tests.web.site import OPD, board_on

SHELL = of_shell("budi")
TEXT = "Sudah kami perbaiki kemarin sore."


def answer(text: str = TEXT) -> NewResponse:
    return NewResponse(given_id="7001", text=text)


Act = Callable[[Mirror, Actor], object]
ACTS: dict[str, Act] = {
    "respond": lambda mirror, actor: office.respond(mirror, actor, answer()),
    "respond_all": lambda mirror, actor: office.respond_all(mirror, actor, [answer()]),
    "forward": lambda mirror, actor: office.forward(mirror, actor, "7001", "999", "Bukan kewenangan kami."),
    "change": lambda mirror, actor: office.change(mirror, actor, OutboxAct.HOLD, "LS-AAAAAA"),
    "change, now": lambda mirror, actor: office.change(mirror, actor, OutboxAct.RETRY, "LS-AAAAAA"),
    "change, off": lambda mirror, actor: office.change(mirror, actor, OutboxAct.CANCEL, "LS-AAAAAA"),
    "pause": office.pause,
    "resume": office.resume,
    "settle": lambda mirror, actor: office.settle(mirror, actor, "7001", How.KEEP_OURS),
    "write_note": lambda mirror, actor: office.write_note(mirror.store, actor, "7001", "Sudah ditelepon."),
    "invite": lambda mirror, actor: people.invite(
        mirror.store, actor, name="Rina", sign_in="rina", role=Role.INSPECTOR, opd=None
    ),
    "new_link": lambda mirror, actor: people.new_link(mirror.store, actor, "dewi"),
    "hand_over_post": lambda mirror, actor: people.hand_over_post(
        mirror.store, actor, role=Role.OFFICER, opd=OPD, from_="dewi", to="siti", on=mirror.store.clock.now()
    ),
    "end_tenures": lambda mirror, actor: people.end_tenures(mirror.store, actor, "dewi", mirror.store.clock.now()),
    "forget": lambda mirror, actor: people.forget(mirror.store, actor, "gone"),
    "find": lambda mirror, actor: citizens.find(mirror.store, actor, "Siti"),
    "here": lambda mirror, actor: citizens.here(mirror.store, actor, "7001"),
    "hold": lambda mirror, actor: citizens.hold(mirror.store, actor, "7001"),
    "let_go": lambda mirror, actor: citizens.let_go(mirror.store, actor, "7002"),
    "read_again": lambda mirror, actor: citizens.read_again(mirror.store, actor, "7001"),
    "erase": lambda mirror, actor: citizens.erase(mirror, actor, "7002", FileFolder(Path())),
    "remove_all": lambda mirror, actor: factors.remove_all(mirror.store, actor, "dewi"),
    "end_session": lambda mirror, actor: people.end_session(mirror.store, actor, "s1"),
}
"""Every act of a person in a post, by the name of its function."""


@pytest.fixture
def mirror(store: Store) -> Mirror:
    """A city with one report, two deliveries to it, a question about one of them, and people."""
    over = mirrored("7002", report("7002"), vanished_at=store.clock.now(), withheld=Withheld.HELD)
    save(store, mirrored("7001", report("7001", disposition_id=OPD)), over)
    add(store, new("LS-AAAAAA", text="Kami periksa."), new("LS-BBBBBB", text="Kami periksa lagi."))
    for sign_in in ("dewi", "siti"):
        people.invite(store, SHELL, name=sign_in, sign_in=sign_in, role=Role.OFFICER, opd=OPD)
    people.invite(store, SHELL, name="gone", sign_in="gone", role=Role.OFFICER, opd=OPD)
    people.end_tenures(store, SHELL, "gone", store.clock.now())
    with store.work() as work:
        conflicts.open_one(work, kind="closed_since", tracking_id="7001", ref="LS-BBBBBB")
        dewi = kept.by_sign_in(work, "dewi")
        assert dewi is not None
        kept.begin_session(work, id="s1", person_id=dewi.id, token_hash="h", origin="10.1.2.3")
    return board_on(store).mirror


@pytest.fixture
def admin(mirror: Mirror) -> Actor:
    """An admin as the page that they look at has them."""
    return actor_of(mirror.store, "ayu", Role.ADMIN, None)


@pytest.fixture
def beside(store: Store, clock: StillClock) -> Iterator[Store]:
    """The same agency in another process, as it were: with connections of its own."""
    opened = open_store(store.engine.url.render_as_string(hide_password=False), store.agency, clock)
    yield opened
    opened.close()


def actor_of(store: Store, sign_in: str, role: Role, opd: str | None) -> Actor:
    people.invite(store, SHELL, name=sign_in, sign_in=sign_in, role=role, opd=opd)
    with store.reading() as work:
        person = kept.by_sign_in(work, sign_in)
        assert person is not None
        (post,) = kept.posts_of(work, person.id)
    return in_post(person.id, post)


def rows(store: Store) -> int:
    """How many audit rows there are: whatever is done writes one."""
    with store.reading() as work:
        return int(work.conn.execute(select(func.count()).select_from(audit)).scalar_one())


def test_every_act_that_a_person_can_do_stands_here() -> None:
    """A new one without an entry fails here."""
    functions = (
        {name: getattr(office, name) for name in office.__all__} | vars(people) | vars(factors) | vars(citizens)
    )
    takes_actor = {
        name
        for name, one in functions.items()
        if inspect.isfunction(one)
        and not name.startswith("_")
        and one.__module__.startswith("lapor_sync.office")
        and {"actor", "by"} & set(inspect.signature(one).parameters)
    }
    assert takes_actor == {name.partition(",")[0] for name in ACTS} | OTHERS


OTHERS = {"acting", "managing", "keep_draft", "take_over_drafts", "instruct"}
"""How an act is begun; a draft, which is no act on the city; what no admin does. These are tried below."""


def test_a_draft_and_an_instruction_ask_for_the_post_too(mirror: Mirror) -> None:
    store = mirror.store
    officer, leader = (actor_of(store, role, role, OPD) for role in (Role.OFFICER, Role.LEADER))
    until = store.clock.now().date()
    office.keep_draft(store, officer, "7001", text="Belum selesai", is_secret=False, seen="")
    office.instruct(store, leader, "7001", "Selesaikan minggu ini.", until)
    for role in (Role.OFFICER, Role.LEADER):
        people.end_tenures(store, SHELL, role, store.clock.now())
    before = rows(store)

    with pytest.raises(Refused) as drafted:
        office.keep_draft(store, officer, "7001", text="Sudah selesai", is_secret=False, seen="")
    with pytest.raises(Refused) as instructed:
        office.instruct(store, leader, "7001", "Segera.", until)
    office.take_over_drafts(store, officer)  # there is nothing that came to anybody

    assert [one.value.code for one in (drafted, instructed)] == [Code.NO_POST, Code.NO_POST]
    assert rows(store) == before
    with store.reading() as work:
        kept_draft = drafts.get(work, officer.person_id or "", "7001")
    assert kept_draft is not None
    assert kept_draft.text == "Belum selesai"


@pytest.mark.parametrize("name", ACTS)
def test_an_act_by_a_post_that_ended_meanwhile_does_nothing(name: str, mirror: Mirror, admin: Actor) -> None:
    store = mirror.store
    with store.work() as work:
        pauses.begin(work, WhyPaused.PERSON)
    people.end_tenures(store, SHELL, "ayu", store.clock.now())
    before = rows(store)
    with pytest.raises(Refused) as caught:
        ACTS[name](mirror, admin)
    assert caught.value.code is Code.NO_POST
    assert rows(store) == before


@pytest.mark.parametrize("name", ACTS)
def test_the_same_act_is_done_while_the_post_is_held(name: str, mirror: Mirror, admin: Actor) -> None:
    if name == "resume":
        office.pause(mirror, admin)
    before = rows(mirror.store)
    ACTS[name](mirror, admin)
    assert rows(mirror.store) > before


def test_another_post_of_the_same_person_does_not_stand_in(mirror: Mirror) -> None:
    """The act was to be done by the one that ended."""
    store = mirror.store
    officer = actor_of(store, "rina", Role.OFFICER, OPD)
    people.invite(store, SHELL, name="rina", sign_in="rina", role=Role.ADMIN, opd=None)
    people.hand_over_post(store, SHELL, role=Role.OFFICER, opd=OPD, from_="rina", to="siti", on=store.clock.now())
    with pytest.raises(Refused) as caught:
        office.respond(mirror, officer, answer())
    assert caught.value.code is Code.NO_POST


def test_a_tenure_that_runs_out_between_page_and_act_is_over(mirror: Mirror, clock: StillClock) -> None:
    store = mirror.store
    actor = actor_of(store, "rina", Role.OFFICER, OPD)
    people.end_tenures(store, SHELL, "rina", clock.now().replace(hour=23))
    office.respond(mirror, actor, answer())
    clock.at = clock.at.replace(hour=23)
    with pytest.raises(Refused) as caught:
        office.respond(mirror, actor, answer("Dan masih ada yang lain."))
    assert caught.value.code is Code.NO_POST


def test_an_act_waits_for_the_end_of_the_tenure_that_is_being_written(
    mirror: Mirror, admin: Actor, beside: Store
) -> None:
    """Two transactions at once: the act's comes second, and sees what the first one did."""
    store, told = mirror.store, board_on(beside).mirror
    with ThreadPoolExecutor(1) as pool:
        with store.work(SHELL) as work:
            (tenure,) = kept.tenures(work, person_id=admin.person_id)
            kept.end_tenure(work, tenure, store.clock.now())
            act = pool.submit(office.respond, told, admin, answer())
            with pytest.raises(NotYet):
                act.result(timeout=0.3)
        with pytest.raises(Refused) as caught:
            act.result(timeout=20)
    assert caught.value.code is Code.NO_POST
    with store.reading() as work:
        assert len(outbox.listing(work)) == 2


def test_the_end_of_a_tenure_waits_for_the_act_that_is_being_written(
    mirror: Mirror, admin: Actor, beside: Store
) -> None:
    """And the other way round: what was done in time stays done."""
    ended = threading.Event()

    def end() -> None:
        people.end_tenures(beside, SHELL, "ayu", beside.clock.now())
        ended.set()

    with ThreadPoolExecutor(1) as pool:
        with office.acting(mirror.store, admin) as work:
            ending = pool.submit(end)
            assert not ended.wait(0.3)
            outbox.add(work, new("LS-CCCCCC", text=TEXT))
        ending.result(timeout=20)
    with mirror.store.reading() as work:
        assert [one.ref for one in outbox.listing(work)] == ["LS-AAAAAA", "LS-BBBBBB", "LS-CCCCCC"]
