"""What people do: one act, one transaction, one actor. Every face changes things by these and by nothing else.

Each act works beside a running daemon. It raises Refused, and then nothing was done.
"""

from lapor_sync.office.acting import acting
from lapor_sync.office.conflicts import Settled, settle
from lapor_sync.office.deliveries import Changed, OutboxAct, change, pause, resume
from lapor_sync.office.drafts import keep_draft, take_over_drafts
from lapor_sync.office.finding import institution_by_part, institution_id, known_report
from lapor_sync.office.handovers import forward
from lapor_sync.office.notes import instruct, write_note
from lapor_sync.office.responses import NewResponse, origin_of, respond, respond_all
from lapor_sync.office.wording import FileLimits

__all__ = [
    "Changed",
    "FileLimits",
    "NewResponse",
    "OutboxAct",
    "Settled",
    "acting",
    "change",
    "forward",
    "institution_by_part",
    "institution_id",
    "instruct",
    "keep_draft",
    "known_report",
    "origin_of",
    "pause",
    "respond",
    "respond_all",
    "resume",
    "settle",
    "take_over_drafts",
    "write_note",
]
