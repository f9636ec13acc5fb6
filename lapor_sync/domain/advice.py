"""What to do about an error: a code with its facts. The sentences stand in `words`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lapor_sync.domain.codes import Coded, noted


class Todo(Coded):
    """Every advice that an error may carry, and the names of the facts that its sentence needs."""

    # The kinds of errors, where nothing more is known.
    LOOK_WITH_CHECK = "look_with_check"
    SEE_HELP = "see_help"
    CORRECT_SETTINGS = "correct_settings"
    NAME_AGENCY = "name_agency"
    CHECK_WHICH_DATABASE = "check_which_database"
    CHECK_NETWORK = "check_network"
    LAPOR_TRIES_LATER = "lapor_tries_later"
    NOTHING_READ_LATER = "nothing_read_later"
    RENEW_CREDENTIALS = "renew_credentials"
    CHECK_WHICH_CALLS = "check_which_calls"
    LOWER_RATE = "lower_rate"
    LIST_AGAIN = "list_again"
    CHECK_DATABASE = "check_database"
    LET_IT_END = "let_it_end"
    PUT_RIGHT_FILE = "put_right_file"
    LEAVE_LOG = "leave_log", "path"
    REPORT_VALUE = "report_value"
    INSTALL_NEWER = "install_newer"
    RESTORE_LAST = "restore_last"
    KEEP_AS_EVIDENCE = "keep_as_evidence"
    STOP_OTHER = "stop_other"
    CHECK_CHANNEL = "check_channel"
    REPORT_FAULT = "report_fault"
    # The database.
    OTHER_WORKS_ON = "other_works_on"
    LEAVE_LOCK_FILE = "leave_lock_file"
    CHECK_SPACE = "check_space"
    NAME_A_FILE = "name_a_file"
    FIND_LINK = "find_link", "path"
    COPY_DISK = "copy_disk"
    RUN_AS_OWNER = "run_as_owner", "owner"
    LOOK_BEFORE_AGAIN = "look_before_again"
    MAKE_UTF8 = "make_utf8"
    CHECK_FILE_THEN_RESTORE = "check_file_then_restore"
    TURN_ON = "turn_on", "name"
    SET_LOGGED = "set_logged"
    SYNCHRONOUS = "synchronous"
    LET_MAKE_QUEUE = "let_make_queue"
    NO_POOLER = "no_pooler"
    CHOOSE_OTHER_KEY = "choose_other_key"
    # Backups.
    NAME_A_BACKUP = "name_a_backup"
    INSTALL_NEWER_AGAIN = "install_newer_again"
    TAKE_ANOTHER_BACKUP = "take_another_backup"
    TAKE_THIS_CITYS = "take_this_citys"
    # Exports and the folder of exports.
    IMPORT_INSTEAD = "import_instead"
    FOLDER_ALONE = "folder_alone"
    LET_READ_FOLDER = "let_read_folder"
    LET_WRITE_FOLDER = "let_write_folder"
    REPORT_FILE = "report_file"
    RESUME = "resume"
    KEEP_MORE_FILES = "keep_more_files"
    SET_MISSING = "set_missing"
    SAY_AGE = "say_age"
    # Workbooks.
    DOWNLOAD_AGAIN = "download_again"
    ONE_HEADER_ROW = "one_header_row", "row", "otherwise"
    GIVE_SHEET_AGAIN = "give_sheet_again"
    SHOW_SHEET = "show_sheet"
    NAME_COLUMNS = "name_columns"
    ONE_SHEET = "one_sheet"
    SPLIT = "split", "most"
    SAVE_AS = "save_as"
    UNPACK = "unpack"
    NO_PASSWORD = "no_password"
    DIVIDE = "divide"
    CHECK_FILE_NAME = "check_file_name"
    REPAIR = "repair", "otherwise"
    SAVE_TABLE = "save_table", "otherwise"
    GIVE_XLSX = "give_xlsx"
    # The way to LAPOR.
    OWN_CA = "own_ca"
    OTHER_NAME = "other_name"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    CHECK_TLS = "check_tls"
    ASK_PROXY = "ask_proxy"
    OTHER_PROCESS_SENDS = "other_process_sends"
    CHECK_ADDRESS = "check_address"
    LOGIN_PAGE = "login_page", "host"
    SET_ADDRESS = "set_address", "address"
    ASK_NEW_HOST = "ask_new_host", "host"
    CHECK_PATH = "check_path"
    # The gateway.
    CHECK_AUTH_HEADER = "check_auth_header"
    CHECK_UPSTREAM_URL = "check_upstream_url"
    ASK_TO_OPEN = "ask_to_open"
    ASK_TO_SUBSCRIBE = "ask_to_subscribe"
    ASK_TO_RENEW = "ask_to_renew"
    ASK_FOR_SCOPE = "ask_for_scope"
    WAIT_OR_LOWER_RATE = "wait_or_lower_rate"
    NOTHING_TRIED_AGAIN = "nothing_tried_again"
    ASK_UNTIL_WHEN = "ask_until_when"
    # Attached files.
    IN_A_BROWSER = "in_a_browser"
    LOGIN_IN_A_BROWSER = "login_in_a_browser", "host"
    SENT_ON_IN_A_BROWSER = "sent_on_in_a_browser", "host"
    CREDENTIALS_OR_BROWSER = "credentials_or_browser"
    EXPIRED_OR_GONE = "expired_or_gone"
    FETCH_LATER = "fetch_later"
    NETWORK_THEN_FETCH = "network_then_fetch"
    FETCH_AGAIN = "fetch_again"
    NOTHING_KEPT = "nothing_kept"
    COPY_AGENCY_ANEW = "copy_agency_anew"


@dataclass(frozen=True, slots=True)
class Advice:
    """A code with its facts."""

    code: Todo
    facts: Mapping[str, object]

    def __str__(self) -> str:
        return noted(self.code, self.facts)


def advise(code: Todo, **facts: object) -> Advice:
    """Return the advice; its facts are those that the code names."""
    if facts.keys() != code.facts:
        raise TypeError(f"the advice {code} has the facts {', '.join(sorted(facts)) or 'none'}")
    return Advice(code, MappingProxyType(facts))
