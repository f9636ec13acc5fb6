"""What is known of how LAPOR keeps texts: after a few in a row that came back cut or empty nothing leaves.

Source: rules, "Reading back".

Until LAPOR was seen to keep an emoji, what has one leaves one at a time.
"""

from __future__ import annotations

from datetime import timedelta

from lapor_sync.domain.delivery import MAX_CUT, State, WhyPaused, has_wide_letters
from lapor_sync.store import marks, outbox, pauses
from lapor_sync.store.database import Work
from lapor_sync.store.marks import Mark
from lapor_sync.store.outbox import Queued


def one_with_wide_letters(work: Work, due: list[Queued], grace: timedelta) -> list[Queued]:
    """Return what may leave in a pass: until LAPOR was seen to keep an emoji, of the responses with one only the first,
    and none while another may have arrived, or was accepted within the grace and is not shown yet.

    Else a database that cuts there would empty the answers to all citizens at once.
    """
    able = [one for one in due if one.state is State.QUEUED and has_wide_letters(one.delivery.text)]
    if not able or marks.get(work, Mark.WHOLE) is not None:
        return due
    out = (*outbox.listing(work, State.UNKNOWN), *outbox.unseen_since(work, work.now - grace))
    is_one_out = any(has_wide_letters(one.delivery.text) for one in out)
    waiting = {one.ref for one in (able if is_one_out else able[1:])}
    return [one for one in due if one.ref not in waiting]


def note_kept(work: Work, text: str) -> None:
    """A text stands upstream with all that it has: with its emoji, where it has one."""
    if has_wide_letters(text):
        marks.put(work, Mark.WHOLE, "")


def count(work: Work) -> None:
    """One more came back cut or empty, or may have: after a few in a row nothing leaves until a person resumes."""
    cuts = int(marks.get(work, Mark.CUT) or 0) + 1
    if cuts >= MAX_CUT and pauses.current(work) is None:
        pauses.begin(work, WhyPaused.CUT)
        marks.clear(work, Mark.CUT)
    else:
        marks.put(work, Mark.CUT, str(cuts))
