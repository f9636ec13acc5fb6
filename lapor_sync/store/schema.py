"""The tables. Every one has an agency column, so that one database can mirror many cities.

Times are ISO 8601 text in UTC with microseconds (`2026-11-24T03:49:18.000000Z`): fixed width, so they sort, and
the same on both databases. Lists and sets are JSON text. The migrations make these tables; a test compares.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    case,
    func,
    text,
)

from lapor_sync.domain.citizen_files import FileState
from lapor_sync.domain.colour import Colour, WaitingOn
from lapor_sync.domain.delivery import BLOCKING, Kind, State
from lapor_sync.domain.notices import NoticeKind, NoticeState
from lapor_sync.domain.people import FactorKind, Role

HEAD = "0024"
"""The migration that this program needs; a test holds it against the scripts."""

metadata = MetaData()

_BigSerial = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts up by itself on SQLite


def _one_of(column: str, values: type[StrEnum]) -> str:
    """In words that SQLite need not make a table of, for each row that is written, as it does of a list."""
    return " OR ".join(f"{column} = {value.value!r}" for value in values)


def _partial(
    name: str, *columns: Column[Any], where: ColumnElement[bool] | TextClause, unique: bool = False
) -> None:
    """An index over the rows for which `where` holds. A query must say it in the same words, without parameters.

    `where` is kept as `info`: `sqlite_where` and `postgresql_where` load both dialects, 2.5 MB of each daemon. A test
    holds it against what the migrations made.
    """
    Index(name, *columns, info={"where": where}, unique=unique)


report = Table(
    "report",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("tracking_id", Text, primary_key=True),
    Column("upstream_id", Text),
    Column("named", SmallInteger),  # whether the Tracking ID was said, or the id stands for it; null: not known
    Column("status_name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("content_text", Text),  # as a citizen reads it, for the views; null: as `content`
    Column("channel", Text),
    Column("disposition_id", Text),
    Column("disposition_name", Text),
    Column("classification", Text),
    Column("category", Text),
    Column("category_id", Text),
    Column("location", Text),
    Column("kecamatan", Text),
    Column("kelurahan", Text),
    Column("date_of_incident", Text),
    Column("is_anonymous", SmallInteger, nullable=False),
    Column("is_secret", SmallInteger, nullable=False),
    Column("is_priority", SmallInteger, nullable=False),
    Column("tags", Text),
    Column("rating", Text),
    Column("reporter_name", Text),
    Column("created_at", Text),
    Column("updated_at", Text),
    Column("updated_at_is_day", SmallInteger, nullable=False),
    Column("attachments", Text, nullable=False),
    # How and when it was read. `row_hash` is the list row's; a report is `settled` once that hash may be
    # trusted; until then it is read again each cycle. `read_at`, `thread_read_at`, `written_at` are in
    # upstream's time, `next_read_at` in ours.
    Column("row_hash", Text),
    Column("read_at", Text),
    Column("exported_at", Text),
    Column("thread_read_at", Text),
    Column("written_at", Text),
    Column("settled", SmallInteger, nullable=False),
    Column("next_read_at", Text),
    Column("first_seen_at", Text, nullable=False),
    # What the rules say of it.
    Column("colour", Text),
    Column("waiting_on", Text),
    Column("flags", Text, nullable=False),
    Column("colour_row", Text, nullable=False),
    Column("colour_rules", Text, nullable=False),
    Column("agreed", Text),
    Column("answers", Integer, nullable=False),
    Column("closed_at", Text),
    Column("deadline_clock", Text),
    Column("due_at", Text),
    Column("auto_close_at", Text),
    Column("missing_since", Text),
    Column("vanished_at", Text),
    Column("forwarded_from", Text),
    Column("other_since", Text),  # since when LAPOR answers with another report where this one was asked for
    Column("other_id", Text),  # the id that such an answer gave, where a person may say that it is this one
    Column("thread_doubt", Text),  # why the thread may not be whole: nothing that is not in it is absent
    Column("thread_error", Text),  # the call that did not bring the thread, and what it brought
    Column("withheld", Text),  # what whoever wrote it asked for: held, erased; see domain/personal.py
    CheckConstraint(_one_of("colour", Colour), name="report_colour"),
    CheckConstraint(_one_of("agreed", Colour), name="report_agreed"),
    CheckConstraint(_one_of("waiting_on", WaitingOn), name="report_waiting_on"),
)

UNSETTLED = text("settled = 0")
NOT_AGREED = report.c.agreed.is_distinct_from(
    case((report.c.vanished_at.is_(None), func.coalesce(report.c.colour, report.c.agreed)))
)
"""What is agreed is not what LAPOR shows: nothing once it has vanished. One without a colour takes no decision."""

# Each index costs every write: so each says what needs it. Full ones first, then those over few reports.
Index("report_upstream_id", report.c.agency, report.c.upstream_id)  # rows of a listing; an id that a person gives
Index("report_colour", report.c.agency, report.c.colour, report.c.tracking_id)  # `status`, `reports`, sweeps
Index("report_received", report.c.agency, report.c.created_at, report.c.tracking_id)  # lists, the newest first
Index(  # an OPD's list, `reports --opd`, and which institutions there are
    "report_opd", report.c.agency, report.c.disposition_id, report.c.created_at, report.c.tracking_id
)
_partial("report_closed", report.c.agency, report.c.closed_at, where=report.c.closed_at.is_not(None))  # sweeps
_partial(  # names that are to be forgotten
    "report_named",
    report.c.agency,
    report.c.closed_at,
    where=report.c.closed_at.is_not(None) & report.c.reporter_name.is_not(None),
)
_partial("report_unsettled", report.c.agency, report.c.tracking_id, where=UNSETTLED)  # read again each cycle
_partial(  # read by id on schedule
    "report_next_read", report.c.agency, report.c.next_read_at, where=report.c.next_read_at.is_not(None)
)
_partial("report_missing", report.c.agency, report.c.tracking_id, where=report.c.missing_since.is_not(None))
_partial("report_not_agreed", report.c.agency, report.c.tracking_id, where=NOT_AGREED)  # `plan`

OPEN = text("(colour IS NULL OR colour = 'merah' OR colour = 'kuning')")
"""What people work with."""
AGAIN = text("answers > 0 AND (waiting_on = 'opd' OR waiting_on = 'admin' OR waiting_on = 'verifier')")
"""What somebody must look at who answered it before."""

for _name, _columns, _where in (  # what is open in each order that people look at it in, of all and of an OPD
    ("open", (report.c.created_at, report.c.tracking_id), OPEN),
    ("due", (report.c.due_at, report.c.tracking_id, report.c.waiting_on), report.c.due_at.is_not(None)),
    ("again", (report.c.updated_at, report.c.tracking_id), AGAIN),
    ("closing", (report.c.auto_close_at, report.c.tracking_id), report.c.auto_close_at.is_not(None)),
):
    _partial(f"report_{_name}", report.c.agency, *_columns, where=_where)
    _partial(f"report_{_name}_opd", report.c.agency, report.c.disposition_id, *_columns, where=_where)

COUNTED_BY = (
    *(report.c.disposition_id, report.c.category, report.c.kecamatan, report.c.channel),
    *(report.c.waiting_on, report.c.colour, report.c.classification, report.c.is_secret),
)
"""By what the board counts what is open, what differs most first."""
# On SQLite, where a look at a row costs ten times one at an index. PostgreSQL takes no text of any length into an index.
Index("report_counted", report.c.agency, *COUNTED_BY, info={"where": OPEN}).ddl_if(dialect="sqlite")

opd_number = Table(  # how many reports of each colour an OPD has; kept by triggers
    "opd_number",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("opd", Text, primary_key=True),  # "" without one
    Column("colour", Text, primary_key=True),  # "" without one
    Column("number", BigInteger, nullable=False),
)

thread_item = Table(
    "thread_item",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("tracking_id", Text, primary_key=True),
    Column("item_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("author", Text),
    Column("institution_to", Text),
    Column("template_code", Text),
    Column("content", Text, nullable=False),
    Column("content_text", Text),  # as a citizen reads it, for the views; null: as `content`
    Column("created_at", Text),
    Column("status_old", Text),
    Column("status_new", Text),
    Column("attachments", Text, nullable=False),
    Column("first_seen_at", Text, nullable=False),
    Column("gone_at", Text),  # no longer in the thread upstream; kept here
    Column("position", Integer),  # its place in reading order; null where an older program wrote it
)

citizen_file = Table(  # what became of a file that a citizen attached
    "citizen_file",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("tracking_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),  # see domain/citizen_files.py
    Column("address", Text, nullable=False),  # a hash of the one that it was last seen at
    Column("state", Text, nullable=False),
    Column("why", Text),  # why it is not kept
    Column("tries", Integer, nullable=False),
    Column("seen_at", Text, nullable=False),
    Column("next_try_at", Text),
    Column("kept_at", Text),
    Column("kind", Text),  # its media type, by its content
    Column("stored", Text),  # the name of its bytes in the folder: their hash
    Column("small", Text),  # the same of a picture's small copy
    Column("size", BigInteger, nullable=False),  # of both
    CheckConstraint(_one_of("state", FileState), name="citizen_file_state"),
)
_partial(
    "citizen_file_wanted",
    *(citizen_file.c.agency, citizen_file.c.next_try_at),
    where=text("state = 'wanted'"),
)
_partial(
    "citizen_file_kept",
    *(citizen_file.c.agency, citizen_file.c.stored, citizen_file.c.small, citizen_file.c.size),
    where=text("state = 'kept'"),
)

status_change = Table(
    "status_change",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("tracking_id", Text, primary_key=True),
    Column("at", Text, primary_key=True),  # "" where upstream gave no date
    Column("status_new", Text, primary_key=True),
    Column("status_old", Text),
    Column("note", Text, nullable=False),
)

raw_payload = Table(
    "raw_payload",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("tracking_id", Text, primary_key=True),
    Column("what", Text, primary_key=True),  # row, detail, thread
    Column("payload", Text, nullable=False),
    Column("read_at", Text, nullable=False),
)
Index("raw_payload_read_at", raw_payload.c.agency, raw_payload.c.read_at)

quarantine = Table(
    "quarantine",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("source", Text, primary_key=True),  # list, detail, thread, export
    Column("key", Text, primary_key=True),
    Column("report_id", Text),
    Column("reason", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("seen_at", Text, nullable=False),
)

ailing = Table(  # reports whose last read took all its time or brought too much: they are read apart
    "ailing",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("report_id", Text, primary_key=True),  # the id that is called
    Column("why", Text, nullable=False),
    Column("times", Integer, nullable=False),  # in a row; the next pause is longer
    Column("until", Text, nullable=False),
)

institution = Table(
    "institution",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("seq", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("tracking_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("opd", Text, nullable=False),
    Column("target", Text),  # the institution a hand-over asks for
    Column("text", Text, nullable=False),
    Column("is_secret", SmallInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("written_at", Text, nullable=False),
    Column("origin", Text),  # the sheet row it came from: the same row twice is one response
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("tries", Integer, nullable=False),
    Column("waits", Integer, nullable=False),  # how often it had to wait in a row; the next wait is longer
    Column("next_try_at", Text),
    Column("ended_at", Text),  # upstream's time when the last attempt ended; null: not known yet
    Column("ended_uptime", Text),  # how long this machine had run then, and since which start
    Column("baseline", Text),  # JSON ids of the items known when written; null: thread not known
    Column("scene", Text),  # JSON: the report as it stood when a try first left; null: none that may have arrived
    Column("accepted_closed", SmallInteger, nullable=False),
    Column("accepted_disposition", Text),
    Column("accepted_status", Text),  # the unknown status name under which a person lets it go all the same
    Column("sent_at", Text),
    Column("seen_at", Text),  # first time its reference stood in the mirrored thread
    Column("seen_count", Integer, nullable=False),
    UniqueConstraint("agency", "ref", name="delivery_ref"),
    UniqueConstraint("agency", "origin", name="delivery_origin"),
    CheckConstraint(_one_of("kind", Kind), name="delivery_kind"),
    CheckConstraint(_one_of("state", State), name="delivery_state"),
)

WRITTEN_HERE = text("(reason IS NULL OR reason <> 'recovered')")
"""What a person wrote here, and was not only found in a thread."""

WAITING = text(f"state IN ({', '.join(repr(state.value) for state in sorted(BLOCKING))})")
"""What blocks the later deliveries of its report."""

Index("delivery_report", delivery.c.agency, delivery.c.tracking_id, delivery.c.seq)
Index("delivery_state", delivery.c.agency, delivery.c.state, delivery.c.seq)  # `status`, `outbox --state`
_partial(
    "delivery_written", delivery.c.ref, where=WRITTEN_HERE, unique=True
)  # no two in the database, whoever writes
_partial("delivery_waiting", delivery.c.agency, delivery.c.tracking_id, delivery.c.seq, where=WAITING)

delivery_file = Table(
    "delivery_file",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("agency", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

attempt = Table(
    "attempt",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("agency", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("outcome", Text),  # null while it is in the air
    Column("http_status", Integer),
    Column("ms", Integer),
    Column("why", Text),  # what upstream said, where it refused
)

conflict = Table(
    "conflict",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("tracking_id", Text),
    Column("kind", Text, nullable=False),
    Column("ref", Text),
    Column("opened_at", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("settled_at", Text),
    Column("settled_by", Text),
    Column("how", Text),
)
_partial("conflict_open", conflict.c.agency, conflict.c.tracking_id, where=conflict.c.settled_at.is_(None))

outage = Table(
    "outage",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("since", Text, nullable=False),
    Column("until", Text),
    Column("what", Text, nullable=False),
)
Index("outage_until", outage.c.agency, outage.c.until)

mark = Table(
    "mark",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("name", Text, primary_key=True),  # cursor, last_success_at, swept_at, ...
    Column("value", Text, nullable=False),
)

# People: who has an account, which posts there are, who holds them, and who is signed in.

person = Table(
    "person",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("sign_in", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("password", Text),  # its Argon2id hash; null until one is chosen
    Column("made_at", Text, nullable=False),
    Column("last_sign_in_at", Text),
    Column("ended_at", Text),  # when their time here ends as a whole
    Column("sign_on", Text),  # who they are to the city's single sign-on: issuer and subject
)
Index("person_sign_in", person.c.agency, person.c.sign_in, unique=True)
Index("person_sign_on", person.c.agency, person.c.sign_on, unique=True)

post = Table(
    "post",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("opd", Text, nullable=False),  # "" for the whole city: two nulls would be two posts
    Column("made_at", Text, nullable=False),
    CheckConstraint(_one_of("role", Role), name="post_role"),
)
Index("post_of", post.c.agency, post.c.role, post.c.opd, unique=True)

tenure = Table(  # never deleted
    "tenure",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("person_id", BigInteger, nullable=False),
    Column("post_id", BigInteger, nullable=False),
    Column("since", Text, nullable=False),
    Column("until", Text),  # the moment from which it is held no more
    Column("is_over", SmallInteger, nullable=False),  # it was seen to be over
)
Index("tenure_person", tenure.c.agency, tenure.c.person_id)
Index("tenure_post", tenure.c.agency, tenure.c.post_id)

session = Table(
    "session",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("person_id", BigInteger, nullable=False),
    Column("token_hash", Text, nullable=False),  # the token itself is with the person alone
    Column("origin", Text, nullable=False),  # the address that it was begun from
    Column("begun_at", Text, nullable=False),
    Column("seen_at", Text, nullable=False),
    Column("ended_at", Text),
    Column("proved_at", Text),  # when password or factor was given last in it
)
Index("session_token", session.c.agency, session.c.token_hash, unique=True)
Index("session_person", session.c.agency, session.c.person_id, session.c.begun_at)

link = Table(
    "link",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("token_hash", Text, primary_key=True),
    Column("person_id", BigInteger, nullable=False),
    Column("made_at", Text, nullable=False),
    Column("ended_at", Text),  # used, replaced by another, or seen to be too old
    Column("over_at", Text),  # of one that was sent by mail, which lasts less long
)
Index("link_person", link.c.agency, link.c.person_id)

factor = Table(
    "factor",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("person_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("secret", Text, nullable=False),  # of a TOTP, sealed; of a passkey its public key, which is none
    Column("credential_id", Text),  # a passkey's
    Column("counter", BigInteger, nullable=False),  # the last one that was used: none is taken twice
    Column("made_at", Text, nullable=False),
    Column("last_used_at", Text),
    CheckConstraint(_one_of("kind", FactorKind), name="factor_kind"),
)
Index("factor_person", factor.c.agency, factor.c.person_id)
Index("factor_credential", factor.c.agency, factor.c.credential_id, unique=True)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("code_hash", Text, primary_key=True),
    Column("person_id", BigInteger, nullable=False),
    Column("made_at", Text, nullable=False),
    Column("used_at", Text),
)
Index("recovery_code_person", recovery_code.c.agency, recovery_code.c.person_id)

half_sign_in = Table(  # the password was right, or the single sign-on is under way: what comes next is awaited
    "half_sign_in",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("token_hash", Text, primary_key=True),
    Column("person_id", BigInteger),  # null until the single sign-on has said who it is
    Column("origin", Text, nullable=False),
    Column("begun_at", Text, nullable=False),
    Column("ended_at", Text),
    Column("challenge", Text),  # a passkey's, or the nonce of the single sign-on
    Column("verifier", Text),  # PKCE's
)
Index("half_sign_in_begun", half_sign_in.c.agency, half_sign_in.c.begun_at)

sign_in_try = Table(  # a try is noted before its password is looked at, and forgotten where it is right
    "sign_in_try",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("account", Text, nullable=False),  # a hash: now and then somebody types the password there
    Column("origin", Text, nullable=False),
    Column("at", Text, nullable=False),
)
Index("sign_in_try_account", sign_in_try.c.agency, sign_in_try.c.account)
Index("sign_in_try_origin", sign_in_try.c.agency, sign_in_try.c.origin)
Index("sign_in_try_at", sign_in_try.c.agency, sign_in_try.c.at)

# What people write to each other here; none of it goes to LAPOR.

draft = Table(  # an answer that is not sent yet: one for each person and report
    "draft",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("person_id", BigInteger, primary_key=True, autoincrement=False),
    Column("tracking_id", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("is_secret", SmallInteger, nullable=False),
    Column("seen", Text, nullable=False),  # what its writer had seen of the report, see `domain.seen`
    Column("saved_at", Text, nullable=False),
)

draft_heir = Table(  # to whom drafts go on a day that is to come, with the post
    "draft_heir",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("from_id", BigInteger, nullable=False),
    Column("to_id", BigInteger, nullable=False),
    Column("opd", Text, nullable=False),  # "" for those of every OPD
    Column("at", Text, nullable=False),
)
Index("draft_heir_to", draft_heir.c.agency, draft_heir.c.to_id)

note = Table(  # never changed, never deleted but with its report
    "note",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("tracking_id", Text, nullable=False),
    Column("by", Text, nullable=False),  # as in the audit
    Column("text", Text, nullable=False),
    Column("is_instruction", SmallInteger, nullable=False),
    Column("day", Text),  # until when, as 2026-11-30; of an instruction only
    Column("written_at", Text, nullable=False),
)
INSTRUCTION = text("is_instruction = 1")
Index("note_report", note.c.agency, note.c.tracking_id, note.c.id)
_partial("note_instruction", note.c.agency, note.c.id, where=INSTRUCTION)

reply_template = Table(  # LAPOR's templates for answers, as its master list has them
    "reply_template",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("type", Text, nullable=False, server_default=""),
)

own_text = Table(  # a text for answers that an OPD, or the city for all ("" as OPD), wrote itself
    "own_text",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("opd", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("made_at", Text, nullable=False),
)
Index("own_text_opd", own_text.c.agency, own_text.c.opd, own_text.c.title, unique=True)

saved_filter = Table(  # a filter of the list of reports that a person gave a name
    "saved_filter",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("person_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("made_at", Text, nullable=False),
)
Index("saved_filter_person", saved_filter.c.agency, saved_filter.c.person_id, saved_filter.c.name, unique=True)

# Notices: where people are told things, what is told them and what became of it.

channel = Table(
    "channel",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("person_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),  # email, or another one that the file of channels has a template for
    Column("address", Text, nullable=False),
    Column("wants", Text, nullable=False),  # JSON: the kinds of notices that go there
    Column("made_at", Text, nullable=False),
    Column("verified_at", Text),  # when a code that was sent there came back
    Column("code_hash", Text),
    Column("code_at", Text),
    Column("tries", Integer, nullable=False),  # wrong ones of this code
)
Index("channel_person", channel.c.agency, channel.c.person_id)

notice = Table(  # no citizen's name or word: counts, numbers, days
    "notice",
    metadata,
    Column("id", _BigSerial, primary_key=True, autoincrement=True),
    Column("agency", Text, nullable=False),
    Column("channel", Text, nullable=False),  # a channel's number, or which technical one
    Column("person_id", BigInteger),  # null of a technical channel
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("facts", Text, nullable=False),  # JSON
    Column("made_at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", Text),
    Column("ended_at", Text),
    Column("why", Text),  # a code
    CheckConstraint(_one_of("kind", NoticeKind), name="notice_kind"),
    CheckConstraint(_one_of("state", NoticeState), name="notice_state"),
)
Index("notice_key", notice.c.agency, notice.c.channel, notice.c.key, unique=True)
Index("notice_made", notice.c.agency, notice.c.made_at)
_partial("notice_open", notice.c.agency, notice.c.id, where=text("state IN ('waiting', 'sending')"))

audit = Table(
    "audit",
    metadata,
    Column("seq", _BigSerial, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    # Whose chain it is in. Not always the agency that it tells of: before schema 0010 all were in one.
    Column("chain", Text),
    PrimaryKeyConstraint("chain", "seq"),
)
Index("audit_subject", audit.c.agency, audit.c.subject, audit.c.seq)
