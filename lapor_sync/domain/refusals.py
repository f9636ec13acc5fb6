"""Why an act is refused: a code with its facts. The sentences stand in `words`, once for each language."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lapor_sync.domain.codes import Coded, noted
from lapor_sync.domain.errors import Defect, WrongUse


class Code(Coded):
    """Every reason for a refusal, and the names of the facts that its sentences need."""

    # Who acts.
    NOT_THE_POSTS = "not_the_posts", "act", "role"
    OTHER_OPD = "other_opd", "tracking_id", "opd"
    NO_POST = "no_post"
    # What is meant.
    REPORT_UNKNOWN = "report_unknown", "given"
    OPD_UNKNOWN = "opd_unknown", "given"
    OPD_MEANT_TWICE = "opd_meant_twice", "given", "names"
    INSTITUTION_UNKNOWN = "institution_unknown", "given"
    INSTITUTION_MEANT_TWICE = "institution_meant_twice", "given"
    INSTITUTION_NOT_LISTED = "institution_not_listed", "given"
    PERIOD_UNKNOWN = "period_unknown", "given"
    DELIVERY_UNKNOWN = "delivery_unknown", "given"
    CONFLICT_UNKNOWN = "conflict_unknown", "given"
    # The report.
    REPORT_CLOSED = "report_closed", "tracking_id", "colour", "status_name"
    REPORT_VANISHED = "report_vanished", "tracking_id"
    STATUS_UNKNOWN = "status_unknown", "tracking_id", "status_name"
    NOT_DISPOSED = "not_disposed", "tracking_id"
    WITH_OTHER_OPD = "with_other_opd", "tracking_id", "name", "given"
    NOT_OF_THE_CITY = "not_of_the_city", "given"
    CHANGED_SINCE = "changed_since", "tracking_id", "news"
    DRAFT_CHANGED = "draft_changed"
    # The words and files.
    SAME_WORDS = "same_words", "tracking_id", "ref", "state"
    TEXT_EMPTY = "text_empty"
    TEXT_UNSENDABLE = "text_unsendable", "characters"
    TEXT_HIDES = "text_hides", "found"
    TEXT_HAS_REFERENCE = "text_has_reference"
    TEXT_TOO_LONG = "text_too_long", "length", "most"
    TOO_MANY_FILES = "too_many_files", "count", "most"
    FILE_OF_OTHER_TYPE = "file_of_other_type", "file_name", "types"
    FILE_EMPTY = "file_empty", "file_name"
    FILE_NOT_AS_NAMED = "file_not_as_named", "file_name"
    FILE_TOO_LARGE = "file_too_large", "file_name", "most"
    NOTE_EMPTY = "note_empty"
    WORDS_TOO_LONG = "words_too_long", "length", "most"
    ROWS_WRONG = "rows_wrong", "problems", "count"
    # Hand-overs, deliveries, conflicts.
    WITH_IT_ALREADY = "with_it_already", "tracking_id", "given"
    HANDOVER_UNDER_WAY = "handover_under_way", "tracking_id"
    DELIVERY_ON_ITS_WAY = "delivery_on_its_way", "ref", "state", "act"
    DELIVERY_OVER = "delivery_over", "ref", "state", "act"
    RESTORED_JUST_NOW = "restored_just_now", "seconds"
    SETTLED_BY_CHOICE = "settled_by_choice", "id"
    SETTLED_BY_ACCEPTING = "settled_by_accepting", "id"
    # People: their accounts, posts and sessions.
    SIGN_IN_WRONG = "sign_in_wrong"
    SLOW_DOWN = "slow_down", "seconds"
    SIGN_IN_BUSY = "sign_in_busy", "seconds"
    LINK_OVER = "link_over"
    CODE_WRONG = "code_wrong"
    HALF_OVER = "half_over"
    PASSKEY_WRONG = "passkey_wrong"
    PROVE_AGAIN = "prove_again"
    FACTOR_UNKNOWN = "factor_unknown"
    FACTOR_NEEDED = "factor_needed"
    SIGN_ON_FAILED = "sign_on_failed"
    SIGN_ON_UNKNOWN = "sign_on_unknown"
    SIGN_ON_TAKEN = "sign_on_taken"
    SIGN_ON_AWAY = "sign_on_away"
    PASSWORD_TOO_SHORT = "password_too_short", "least"
    PASSWORD_TOO_LONG = "password_too_long", "most"
    PASSWORD_COMMON = "password_common"
    PASSWORD_HAS_SIGN_IN = "password_has_sign_in"
    NAME_UNUSABLE = "name_unusable", "most"
    SIGN_IN_UNUSABLE = "sign_in_unusable", "most"
    SIGN_IN_TAKEN = "sign_in_taken", "sign_in"
    PERSON_UNKNOWN = "person_unknown", "given"
    SESSION_UNKNOWN = "session_unknown"
    POST_NOT_CHOSEN = "post_not_chosen"
    POST_UNKNOWN = "post_unknown", "role", "opd"
    POST_NEEDS_OPD = "post_needs_opd", "role"
    POST_TAKES_NO_OPD = "post_takes_no_opd", "role"
    POST_HELD_ALREADY = "post_held_already", "sign_in"
    POST_NOT_HELD = "post_not_held", "sign_in"
    SAME_PERSON = "same_person", "sign_in"
    DAY_IS_OVER = "day_is_over", "day"
    DAY_UNREADABLE = "day_unreadable", "given"
    SPAN_ENDS_FIRST = "span_ends_first"
    LAST_ADMIN = "last_admin"
    # Their channels.
    ADDRESS_UNUSABLE = "address_unusable"
    TOO_MANY_CHANNELS = "too_many_channels", "most"
    CODE_NOT_SENT = "code_not_sent"
    CHANNEL_CODE_WRONG = "channel_code_wrong"
    CHANNEL_UNKNOWN = "channel_unknown"
    # What is kept at hand.
    TITLE_UNUSABLE = "title_unusable", "most"
    TOO_MANY_KEPT = "too_many_kept", "most"
    TEMPLATE_UNKNOWN = "template_unknown"
    # Personal data.
    NOT_ENDED = "not_ended", "sign_in"
    NOT_OVER = "not_over", "tracking_id"
    NOT_HELD_BACK = "not_held_back", "tracking_id"


class Refused(WrongUse):
    """An act was refused, and nothing was done. A face says it in its own language (`words`)."""

    def __init__(self, code: Code, **facts: object) -> None:
        if facts.keys() != code.facts:
            raise Defect(f"The refusal {code} has the facts {', '.join(sorted(facts)) or 'none'}.")
        super().__init__(noted(code, facts))
        self.code = code
        self.facts: Mapping[str, object] = MappingProxyType(facts)
