"""Whether LAPOR keeps what it took: a response may come back cut or empty, or without its files. Source: rules,
"Reading back".

Where that happens a person is asked, and after a few in a row that were cut nothing leaves. Until LAPOR was seen to
keep an emoji, what has one leaves one at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lapor_sync.domain.delivery import (
    MAX_CUT,
    Kind,
    Reason,
    State,
    WhyPaused,
    came_back_cut,
    carries,
    has_wide_letters,
    tells_of_failure,
)
from lapor_sync.domain.report import ThreadItem
from lapor_sync.mirror.mirror import Log
from lapor_sync.mirror.write import hold
from lapor_sync.store import conflicts, marks, outbox, pauses
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.outbox import Queued


@dataclass
class Cuts:
    """What one push learns of it."""

    log: Log
    may_be_cut: bool = True  # some may be counted as cut: no response was seen whole in this push since

    def one_with_wide_letters(self, work: Work, due: list[Queued]) -> list[Queued]:
        """Return what may leave in a pass: until LAPOR was seen to keep an emoji, of the responses with one only the
        first, and none while another may have arrived.

        Else a database that cuts there would empty the answers to all citizens at once.
        """
        able = [one for one in due if one.state is State.QUEUED and has_wide_letters(one.delivery.text)]
        if not able or marks.get(work, Mark.WHOLE) is not None:
            return due
        is_one_out = any(has_wide_letters(one.delivery.text) for one in outbox.listing(work, State.UNKNOWN))
        waiting = {one.ref for one in (able if is_one_out else able[1:])}
        return [one for one in due if one.ref not in waiting]

    def look(
        self, work: Work, one: Queued, new: Sequence[ThreadItem], files: int, unshown: frozenset[str]
    ) -> None:
        """Look how what was accepted with so many files stands in its thread, of which some items are `new` since.

        Where it came back cut or empty its report's later ones are held; after three in a row nothing leaves.
        `unshown` as `Thread` has it: what is not shown yet is shown later, and the question has answered itself.
        """
        if one.state is not State.SENT or one.delivery.kind is not Kind.RESPONSE:
            return
        mine = [item for item in new if carries(item.content, one.ref)]
        if mine and all(item.id in unshown or tells_of_failure(item.content, one.delivery.text) for item in mine):
            self.log.error("not_shown", ref=one.ref, tracking_id=one.tracking_id)
            conflicts.open_one(work, kind=Reason.NOT_SHOWN.value, tracking_id=one.tracking_id, ref=one.ref)
        elif one.seen_at is not None:
            self._note_whole(work, one.delivery.text)
            self.look_at_files(work, one, mine, files)
        elif came_back_cut(one.delivery.text, one.ref, new):
            self.log.error("text_cut", ref=one.ref, tracking_id=one.tracking_id)
            conflicts.open_one(work, kind=Reason.TEXT_CUT.value, tracking_id=one.tracking_id, ref=one.ref)
            for later in outbox.of_reports(work, [one.tracking_id])[one.tracking_id]:
                if later.state is State.QUEUED:
                    hold(work, later, Reason.TEXT_CUT)
            self.count(work)

    def look_at_files(self, work: Work, one: Queued, mine: Iterable[ThreadItem], files: int) -> None:
        """Look whether so many files of a response are shown with one of the items that carry its reference (`mine`)."""
        shown = max((len(item.attachments) for item in mine), default=files)
        if shown < files:
            self.log.error("files_lost", ref=one.ref, tracking_id=one.tracking_id, files=files, seen=shown)
            conflicts.open_one(work, kind=Reason.FILES_LOST.value, tracking_id=one.tracking_id, ref=one.ref)

    def _note_whole(self, work: Work, text: str) -> None:
        """A response came back whole: what was cut before was not all that LAPOR takes."""
        if self.may_be_cut:
            marks.clear(work, Mark.CUT)
        self.may_be_cut = False
        self.note_kept(work, text)

    def note_kept(self, work: Work, text: str) -> None:
        """A text stands upstream with all that it has: with its emoji, where it has one."""
        if has_wide_letters(text):
            marks.put(work, Mark.WHOLE, "")

    def count(self, work: Work) -> None:
        """One more came back cut or empty, or may have: after a few in a row nothing leaves until a person resumes."""
        cuts = int(marks.get(work, Mark.CUT) or 0) + 1
        self.may_be_cut = True
        if cuts >= MAX_CUT and pauses.current(work) is None:
            pauses.begin(work, WhyPaused.CUT)
            marks.clear(work, Mark.CUT)
        else:
            marks.put(work, Mark.CUT, str(cuts))
