"""The settings: what may be said where, which place wins, and that all problems come at once."""

from __future__ import annotations

import contextlib
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from sqlalchemy.engine import make_url

from lapor_sync import config
from lapor_sync.config import Settings, load_settings, read_secrets, setting_name
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.limits import packaged

HIDDEN = "s3cr3t-value"


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "DEFAULT_CONFIG", tmp_path / "etc" / "config.toml")
    monkeypatch.setattr(config, "SYSTEM_STATE", tmp_path / "var")


def load(toml: str | None = None, **settings: str) -> Settings:
    """Settings from the text of a file and from `LAPOR_SYNC_*` variables given by their lower-case names."""
    return load_environ(toml, {setting_name(name): value for name, value in settings.items()})


def load_environ(toml: str | None, environ: Mapping[str, str]) -> Settings:
    if toml is not None:
        config.DEFAULT_CONFIG.parent.mkdir(exist_ok=True)
        config.DEFAULT_CONFIG.write_text(toml, encoding="utf-8")
    return load_settings(None, {"HOME": "/home/sari", **environ})


def problems(toml: str | None = None, **settings: str) -> tuple[str, ...]:
    with pytest.raises(SettingsWrong) as caught:
        load(toml, **settings)
    return caught.value.problems


# --- defaults and precedence -------------------------------------------------------------------------------


def test_defaults_are_those_of_the_interface() -> None:
    """With nothing set, every setting has the default that the interface lists."""
    settings = load()
    assert settings.model_dump() == {
        "database_url": "sqlite:////home/sari/.local/state/lapor-sync/lapor-sync.db",
        "agency": "kota",
        "upstream_url": None,
        "report_url": "https://www.lapor.go.id/",
        "auth_header": "auth",
        "bearer": None,
        "bearer_file": None,
        "token": None,
        "token_file": None,
        "extra_headers_file": None,
        "institution_id": None,
        "user_id": None,
        "opd_ids": (),
        "observe": False,
        "ref_prefix": "LS",
        "reply_template": "reply",
        "readback_grace_seconds": 120,
        "poll_seconds": 300,
        "concurrency": 8,
        "rate_per_second": 10,
        "gateway_per_second": 10,
        "connect_timeout": 30,
        "read_timeout": 90,
        "list_path": "/complaints",
        "list_updated_param": "updated_from",
        "list_page_size": 100,
        "attach_types": ("jpg", "jpeg", "png", "pdf", "doc", "docx"),
        "attach_max_mb": 5,
        "attach_max": 5,
        "attachments": "keep",
        "attachments_max_gb": 20.0,
        "attachments_hosts": (),
        "notify_from": None,
        "notify_urls_file": None,
        "digest_at": time(7, 30),
        "upstream_timezone": ZoneInfo("Asia/Jakarta"),
        "timezone": ZoneInfo("Asia/Jakarta"),
        "import_dir": None,
        "deadlines_file": None,
        "holidays_file": None,
        "raw_days": 90,
        "reporter_name_days": 365,
        "board_listen": "127.0.0.1:8080",
        "board_public_url": None,
        "board_secret_file": None,
        "agencies_dir": None,
        "board_trusted_proxy": None,
        "metrics_listen": None,
        "board_metrics_listen": None,
        "second_factor": "admin",
        "oidc_issuer": None,
        "oidc_client_id": None,
        "oidc_client_secret_file": None,
    }


def test_every_setting_says_what_would_be_right() -> None:
    """No setting lacks the words that complete "it must be"."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_environment_wins_over_the_file_and_the_file_over_the_default() -> None:
    """Each layer hides the one below it, setting by setting."""
    settings = load("poll_seconds = 60\nconcurrency = 2\n", poll_seconds="30")
    assert (settings.poll_seconds, settings.concurrency, settings.list_page_size) == (30, 2, 100)


def test_toml_keys_may_be_upper_case() -> None:
    """Who copies a name from the documentation's table is not wrong."""
    assert load("POLL_SECONDS = 60").poll_seconds == 60


def test_a_named_file_is_read_instead_of_the_default_one(tmp_path: Path) -> None:
    """`--config` replaces the default file, it does not add to it."""
    config.DEFAULT_CONFIG.parent.mkdir()
    config.DEFAULT_CONFIG.write_text("concurrency = 3")
    (tmp_path / "mine.toml").write_text("poll_seconds = 60")
    settings = load_settings(tmp_path / "mine.toml", {"HOME": "/home/sari"})
    assert (settings.poll_seconds, settings.concurrency) == (60, 8)


def test_the_process_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the mapping that was passed in counts."""
    monkeypatch.setenv("LAPOR_SYNC_POLL_SECONDS", "7")
    assert load().poll_seconds == 300


def test_an_empty_value_is_as_if_it_were_not_there() -> None:
    """`NAME=` in an environment file leaves the setting alone."""
    settings = load('user_id = ""\ntimezone = "Asia/Jayapura"', poll_seconds="", upstream_url=" ", timezone="")
    assert (settings.poll_seconds, settings.upstream_url, settings.user_id) == (300, None, None)
    assert settings.timezone == ZoneInfo("Asia/Jayapura")


def test_an_empty_filter_parameter_means_that_there_is_no_filter() -> None:
    """Emptiness is a value for the name of the list filter, and for the list of OPDs."""
    settings = load('opd_ids = ["1"]', list_updated_param="", opd_ids="")
    assert (settings.list_updated_param, settings.opd_ids) == ("", ())


# --- values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given_", ["11, 12,,11 ,", "11 12"])
def test_opd_ids_come_as_text_from_the_environment(given_: str) -> None:
    """Commas and space part the ids; repeats and surplus commas do no harm."""
    assert load(opd_ids=given_).opd_ids == ("11", "12")


def test_ids_may_be_numbers_in_toml() -> None:
    """LAPOR's ids look like numbers, so people write them as numbers."""
    settings = load('opd_ids = [11, "12"]\ninstitution_id = 7\nuser_id = "8"')
    assert (settings.opd_ids, settings.institution_id, settings.user_id) == (("11", "12"), "7", "8")


def test_attachment_types_are_taken_however_people_write_extensions() -> None:
    """Dots and capital letters do not matter."""
    assert load(attach_types=".JPG, pdf").attach_types == ("jpg", "pdf")


def test_the_slash_at_the_end_of_the_upstream_url_does_not_matter() -> None:
    """Paths are appended to it, so it ends without one."""
    assert load(upstream_url="https://lapor.test/v3/").upstream_url == "https://lapor.test/v3"


@pytest.mark.parametrize(
    "given_",
    ["postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"],
)
def test_postgresql_always_means_psycopg_3(given_: str) -> None:
    """The driver that is installed is named, whatever SQLAlchemy's default may be."""
    assert load(database_url=given_).database_url == "postgresql+psycopg://u@h/d"


@pytest.mark.parametrize("given_", ["AUTHORIZATION", "authorization", "Authorization"])
def test_the_auth_header_has_no_case(given_: str) -> None:
    """Header names have no case on the wire either."""
    assert load(auth_header=given_).auth_header == "Authorization"


WRONG = [
    ("database_url", "mysql://u:s3cr3t-value@h/d"),
    ("database_url", "postgresql+psycopg2://u:s3cr3t-value@h/d"),
    ("database_url", "postgresql:s3cr3t-value"),
    ("database_url", "postgresql://u:s3cr3t-value@h:port/d"),
    ("database_url", "sqlite://"),
    ("database_url", "sqlite:///"),
    ("database_url", "sqlite:///:memory:"),
    ("database_url", "/var/lib/lapor.db"),
    ("agency", "Kota Bengkulu"),
    ("upstream_url", "ftp://lapor.test"),
    ("upstream_url", "lapor.test/v3"),
    ("upstream_url", "https://"),
    ("upstream_url", "https://lapor.test:0"),
    ("upstream_url", "https://lapor.test:99999"),
    ("upstream_url", "https://[::1"),
    ("upstream_url", "https://user:s3cr3t-value@lapor.test"),
    ("upstream_url", "https://lapor.test/?key=s3cr3t-value"),
    ("upstream_url", "https://lapor.test/#x"),
    ("upstream_url", "https://lapor.test/a b"),
    ("report_url", "javascript:alert(1)"),
    ("report_url", "https://{id}.lapor.test/"),
    ("report_url", "https://lapor.test/{name}"),
    ("report_url", "https://lapor.test/{id"),
    ("auth_header", "cookie"),
    ("bearer", "s3cr3t-value\r\nx-evil: 1"),
    ("bearer", "Bearer "),
    ("token", "{s3cr3t-value} {s3cr3t-value}"),
    ("token", "s3cr3t-value\N{RIGHT DOUBLE QUOTATION MARK}"),
    ("institution_id", "1;2"),
    ("user_id", "a b"),
    ("opd_ids", "11,a/b"),
    ("observe", "maybe"),
    ("ref_prefix", "ls"),
    ("ref_prefix", "TOOLONGPREFIX"),
    ("reply_template", "disposition"),
    ("readback_grace_seconds", "-1"),
    ("poll_seconds", "0"),
    ("poll_seconds", "five"),
    ("poll_seconds", "inf"),
    ("concurrency", "0"),
    ("concurrency", "1.5"),
    ("rate_per_second", "nan"),
    ("gateway_per_second", "-1"),
    ("rate_per_second", "-1"),
    ("connect_timeout", "0"),
    ("read_timeout", "-3"),
    ("list_path", "complaints"),
    ("list_path", "//evil.test"),
    ("list_path", "/complaints?x=1"),
    ("list_updated_param", "a=b&c"),
    ("list_page_size", "0"),
    ("attach_types", "jpg/png"),
    ("attach_max_mb", "0"),
    ("attach_max", "-1"),
    ("upstream_timezone", "WIB"),
    ("timezone", "Asia/Bengkulu"),
    ("raw_days", "0"),
    ("reporter_name_days", "-1"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_one_sentence_with_name_fault_and_remedy(name: str, value: str) -> None:
    """The sentence names the variable and what would be right, and shows no secret and no address."""
    (problem,) = problems(**{name: value})
    assert problem.startswith(setting_name(name) + " is ")
    assert problem.endswith(f"it must be {Settings.model_fields[name].description}")
    assert HIDDEN not in problem
    assert name in {"database_url", "upstream_url", "bearer", "token"} or repr(value) in problem


def test_a_wrong_value_of_the_file_names_key_and_file() -> None:
    """The operator is led to the place that must be corrected."""
    (problem,) = problems("poll_seconds = [5]")
    assert problem.startswith(f"poll_seconds in {config.DEFAULT_CONFIG} is [5]; ")


def test_a_long_value_is_cut_short() -> None:
    """A whole file pasted into a setting does not fill the screen."""
    (problem,) = problems(agency="x" * 5000)
    assert len(problem) < 300


def test_a_template_code_has_65_characters_at_most() -> None:
    """LAPOR's own are far shorter; letters of any script count."""
    longest = "reply" + 60 * "é"
    assert load(reply_template=longest).reply_template == longest
    assert len(problems(reply_template=longest + "é")) == 1


def test_all_problems_come_at_once() -> None:
    """Unknown names, wrong values, unreadable files: one start shows them all."""
    found = problems(
        "retries = 3\nconcurrency = 0",
        poll_secs="5",
        timezone="Mars",
        token_file="/nowhere/at/all",
        token="x",
    )
    assert len(found) == 6
    assert "retries in" in found[1]


@given(st.dictionaries(st.sampled_from(sorted(Settings.model_fields)), st.text(max_size=20)))
def test_no_text_in_any_setting_brings_anything_but_settings_or_settings_wrong(values: dict[str, str]) -> None:
    """Whatever stands in the environment, the only failure is the one that the operator can read."""
    with contextlib.suppress(SettingsWrong):
        assert load(**values).database_url


@pytest.mark.parametrize(
    "name", ["deadlines_file", "holidays_file", "client_secret_file", "import_dir", "timezone"]
)
def test_a_nul_character_in_a_setting_is_named_and_reaches_no_call_of_the_system(name: str) -> None:
    """TOML can spell one; Python's own calls with such a path end in an error that no operator could read."""
    assert any(problem.startswith(f"{name} in ") for problem in problems(f'{name} = "/etc/a\\u0000b"'))


# --- names that are no settings ----------------------------------------------------------------------------


def test_an_unknown_variable_brings_the_nearest_name() -> None:
    """A typo in a variable is a problem, not a setting that silently does nothing."""
    (problem,) = problems(pol_seconds="5")
    assert problem.startswith("LAPOR_SYNC_POL_SECONDS is no setting of lapor-sync; ")
    assert problem.endswith("did you mean LAPOR_SYNC_POLL_SECONDS?")


def test_an_unknown_key_brings_the_nearest_name_as_the_file_spells_it() -> None:
    """TOML keys are lower-case, and so is the advice."""
    assert problems("poll-seconds = 5")[0].endswith("did you mean poll_seconds?")


def test_an_unknown_name_near_to_nothing_must_go() -> None:
    """Where nothing is near, nothing is guessed."""
    assert problems(zzzz="5")[0].endswith("it must be removed")


def test_mixed_case_is_unknown() -> None:
    """On Linux `LAPOR_SYNC_Poll_Seconds` is another variable."""
    with pytest.raises(SettingsWrong, match="did you mean LAPOR_SYNC_POLL_SECONDS"):
        load_environ(None, {"LAPOR_SYNC_Poll_Seconds": "5"})


def test_a_table_in_the_file_is_unknown() -> None:
    """The file is flat."""
    assert "no setting" in problems("[lapor_sync]\npoll_seconds = 5")[0]


def test_a_key_in_both_cases_is_a_problem() -> None:
    """Nobody can say which of the two is meant."""
    assert "twice" in problems("poll_seconds = 5\nPOLL_SECONDS = 6")[0]


def test_other_variables_are_nobodys_business() -> None:
    """Only the prefix is ours."""
    assert load_environ(None, {"LAPOR_SYNCX": "1", "PATH": "/bin"}).poll_seconds == 300


# --- the file ----------------------------------------------------------------------------------------------


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    """The default file may be missing, one that somebody named may not."""
    with pytest.raises(SettingsWrong, match=r"mine\.toml is not there"):
        load_settings(tmp_path / "mine.toml", {"HOME": "/home/sari"})


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """What the system says about the file is passed on."""
    with pytest.raises(SettingsWrong, match="cannot be read"):
        load_settings(tmp_path, {"HOME": "/home/sari"})


def test_broken_toml_brings_its_place() -> None:
    """The line is named."""
    assert "line 2" in problems("poll_seconds = 5\nconcurrency = \n")[0]


def test_a_file_that_is_not_utf_8_is_a_problem(tmp_path: Path) -> None:
    """As editors on old Windows machines save them."""
    (tmp_path / "w.toml").write_bytes(b'agency = "\xff"')
    with pytest.raises(SettingsWrong, match="not UTF-8"):
        load_settings(tmp_path / "w.toml", {"HOME": "/home/sari"})


# --- the database ------------------------------------------------------------------------------------------


def test_under_systemd_the_database_lies_in_the_state_directory() -> None:
    """`StateDirectory=` may name several; ours is the first."""
    settings = load_environ(None, {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"})
    assert settings.database_url == "sqlite:////var/lib/a/lapor-sync.db"


def test_a_command_finds_the_database_of_the_daemon() -> None:
    """The system's folder is used as soon as it is there."""
    config.SYSTEM_STATE.mkdir()
    assert load().database_url == f"sqlite:///{config.SYSTEM_STATE}/lapor-sync.db"


@pytest.mark.parametrize(
    ("xdg", "expected"),
    [("/data/state", "/data/state"), ("relative", "/home/sari/.local/state")],
)
def test_else_the_database_lies_in_the_xdg_state_directory(xdg: str, expected: str) -> None:
    """A relative XDG path is to be ignored, says its specification."""
    settings = load_environ(None, {"XDG_STATE_HOME": xdg})
    assert settings.database_url == f"sqlite:///{expected}/lapor-sync/lapor-sync.db"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:s3cr3t-value@h:5/d?password=s3cr3t-value", "postgresql+psycopg://u@h:5/d"),
        ("postgresql://h/d", "postgresql+psycopg://h/d"),
        ("sqlite:////x/y.db", "sqlite:////x/y.db"),
    ],
)
def test_the_database_is_shown_without_its_password(url: str, shown: str) -> None:
    """What a terminal shows may be photographed."""
    settings = load(database_url=url)
    assert settings.database_shown == shown
    assert HIDDEN not in repr(settings) + str(settings)


_GOOD = [
    "sqlite:////var/lib/my folder/%5B1%5D.db",
    "sqlite+pysqlite:////x.db",
    "postgresql+psycopg:///kota",
    "postgresql+psycopg://lapor-sync@/lapor-sync?host=/run/postgresql",
    "postgresql+psycopg://u:p%40s%25s%3A%2F%3F%23%20@db.example:5432/kota?sslmode=verify-full&connect_timeout=5",
    "postgresql+psycopg://u:p:w@[::1]:5432/kota",
    "postgresql+psycopg://u:s@/kota?service=city",
    "postgresql+psycopg://u@h/my%20city",
]


@pytest.mark.parametrize("url", _GOOD)
def test_a_sound_address_of_a_database_stays_as_it_is(url: str) -> None:
    """What SQLAlchemy and libpq read alike."""
    assert load(database_url=url).database_url == url


_SIGN = "write @ as %40, : as %3A, / as %2F"
_BAD = [
    *(
        (f"postgresql://u:{HIDDEN}{sign}x@h:5/d", _SIGN)
        for sign in ("@", "/", "?", "#", " ", "\t", "%", "%s", "@s%s:/?#")
    ),
    *((f"postgresql://u:{sign}{HIDDEN}@h:5/d", _SIGN) for sign in ("12/", "12?", "@", "#", "/", "?", "/@", ":@/")),
    (f"postgresql://u:{HIDDEN}", "its port is no number"),
    (f"postgresql://u:{HIDDEN}@h:port/d", "its port is no number from 1 to 65535"),
    (f"postgresql://u:{HIDDEN}@h:0/d", "its port is no number"),
    (f"postgresql://u:{HIDDEN}@h:65536/d", "its port is no number"),
    (f"postgresql://u:{HIDDEN}@h:/d", "its port is no number"),
    (f"postgresql://u:{HIDDEN}@:5432/d", "it names no host"),
    (f"postgresql://u:{HIDDEN}@/d", "it names no host"),
    ("postgresql://:5432/d", "it names no host"),
    (f"postgresql://u:{HIDDEN}@h1,h2/d", "its host cannot be read"),
    (f"postgresql://u:{HIDDEN}@%2Frun/d", "its host cannot be read"),
    (f"postgresql://u:{HIDDEN}@h", "it names no database"),
    (f"postgresql://u:{HIDDEN}@h/", "it names no database"),
    (f"postgresql://u:{HIDDEN}@h/d?timeout=abc", "its option timeout is none of PostgreSQL's"),
    (f"postgresql://u:{HIDDEN}@h/d?autocommit=true", "its option autocommit is none of PostgreSQL's"),
    (f"postgresql://u:{HIDDEN}@h/d?plugin=x", "its option plugin is none"),
    (f"postgresql://u:{HIDDEN}@h/d?{HIDDEN}", "an option of it is none"),
    (f"postgresql://u:{HIDDEN}@h/d?connect_timeout=abc", "its option connect_timeout is no whole number"),
    (f"postgresql://u:{HIDDEN}%00@h/d", "a character that cannot be printed"),
    (f"postgresql://u:{HIDDEN}%ff@h/d", "is no UTF-8"),
    (f"POSTGRESQL://u:{HIDDEN}@h/d", "postgresql is written in small letters"),
    (f"Postgresql+Psycopg://u:{HIDDEN}@h/d", "postgresql+psycopg is written in small letters"),
    (f"postgresql+asyncpg://u:{HIDDEN}@h/d", "postgresql+asyncpg is no database that lapor-sync works on"),
    (f"mariadb+pymysql://u:{HIDDEN}@h/d", "mariadb+pymysql is no database"),
    (f" postgresql://u:{HIDDEN}@h/d", "it begins with no database"),
    (f"{HIDDEN}:p@h/d", "it has no ://"),
    ("/var/lib/lapor.db", "write sqlite:/// before it"),
    ("SQLITE:////x.db", "sqlite is written in small letters"),
    ("sqlite+aiosqlite:////x.db", "sqlite+aiosqlite is no database"),
    ("sqlite:///x.db", "its path is relative"),
    ("sqlite:///./x.db", "its path is relative"),
    ("sqlite:///~/x.db", "~ means nothing there"),
    ("sqlite:////~sari/x.db", "~ means nothing there"),
    ("sqlite://x.db", "it names no file"),
    ("sqlite:///file:/x.db?uri=true", "SQLite takes no options"),
    ("sqlite:///file:/x.db", "file: must go"),
    ("sqlite:////x.db?timeout=abc", "SQLite takes no options"),
    ("sqlite:////x.db?mode=ro", "SQLite takes no options"),
    ("sqlite:////x%zz.db", "% as %25"),
    ("sqlite:////x%00.db", "cannot be printed"),
    ("sqlite:////x/", "ends with a slash"),
    ("sqlite:////x.db ", "or a space"),
    ("sqlite:////" + "x" * 250, "is too long"),
    ("sqlite:////" + "x/" * 2500 + "x.db", "is too long"),
]


@pytest.mark.parametrize(("url", "why"), _BAD)
def test_an_address_of_a_database_that_is_wrong_says_why(url: str, why: str) -> None:
    """Together with what else is wrong, and nothing of it is shown."""
    wrong, other = sorted(problems(database_url=url, poll_seconds="often"))
    assert wrong.startswith("LAPOR_SYNC_DATABASE_URL is wrong (its value is not shown here): ")
    assert why in wrong
    assert HIDDEN not in wrong
    assert "POLL_SECONDS" in other


@given(
    st.text(st.sampled_from("@:/?#%[]&= s40"), max_size=12),
    st.sampled_from(["", "?host=/run", "?sslmode=require"]),
)
def test_whatever_stands_in_the_password_it_is_not_shown(sign: str, query: str) -> None:
    """Refused, or read as it was meant by all who read it."""
    url = f"postgresql://u:{HIDDEN}{sign}@h/d{query}"
    try:
        settings = load(database_url=url)
    except SettingsWrong as wrong:
        said = wrong.what
    else:
        said = settings.database_shown
        assert settings.database_shown == "postgresql+psycopg://u@h/d"
        assert make_url(settings.database_url).password == unquote(HIDDEN + sign)
    assert HIDDEN not in said


def test_a_folder_with_signs_in_its_name_is_found_again() -> None:
    """The state directory is a path; its address is another text."""
    url = load_environ(None, {"STATE_DIRECTORY": "/var/lib/100%20?"}).database_url
    assert make_url(url).database == "/var/lib/100%20?/lapor-sync.db"


# --- secrets -----------------------------------------------------------------------------------------------


def secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None


@pytest.mark.parametrize("given_", ["abc$/.", "Bearer abc$/.", "bearer  abc$/.", " abc$/.\n"])
def test_the_word_bearer_may_stand_before_the_bearer(given_: str) -> None:
    """Deployments keep it with and without the word."""
    assert secret(load(bearer=given_).bearer) == "abc$/."


def test_secrets_are_not_shown() -> None:
    """Neither printing nor a validation error gives one away."""
    settings = load(bearer=HIDDEN, token="{" + HIDDEN + "}")
    assert HIDDEN not in repr(settings)
    assert secret(settings.token) == "{" + HIDDEN + "}"
    with pytest.raises(ValidationError) as caught:
        Settings(database_url="sqlite:////x.db", bearer=f"{HIDDEN} {HIDDEN}")  # type: ignore[arg-type]
    assert HIDDEN not in str(caught.value)


def test_a_secret_may_come_from_a_file_that_a_variable_names(tmp_path: Path) -> None:
    """Space and the line end around it do not matter."""
    (tmp_path / "b").write_text("Bearer abc\n")
    settings = load(bearer_file=str(tmp_path / "b"))
    assert (secret(settings.bearer), settings.bearer_file) == ("abc", tmp_path / "b")


def credentials(tmp_path: Path, **secrets: str) -> dict[str, str]:
    for name, value in secrets.items():
        (tmp_path / name).write_text(value)
    return {"CREDENTIALS_DIRECTORY": str(tmp_path)}


def test_secrets_come_as_credentials_of_systemd(tmp_path: Path) -> None:
    """`LoadCredential=bearer:...` needs no setting; they win over the file as environment does."""
    settings = load_environ('bearer = "old"', credentials(tmp_path, bearer="abc", token="{T}"))
    assert (secret(settings.bearer), secret(settings.token)) == ("abc", "{T}")
    assert settings.can_call_upstream is False


@pytest.mark.parametrize("name", ["board_secret", "oidc_client_secret"])
def test_the_board_s_secrets_come_as_credentials_too(tmp_path: Path, name: str) -> None:
    settings = load_environ(None, credentials(tmp_path, **{name: "x"}))
    assert getattr(settings, f"{name}_file") == tmp_path / name


def test_an_empty_credential_is_no_secret(tmp_path: Path) -> None:
    """A city without an API account keeps the two files empty and the unit as it is."""
    assert load_environ(None, credentials(tmp_path, bearer="\n", token="")).bearer is None


def test_a_variable_wins_over_a_credential(tmp_path: Path) -> None:
    """And the credential is not read again later instead of it."""
    settings = load_environ(None, {"LAPOR_SYNC_BEARER": "mine", **credentials(tmp_path, bearer="abc")})
    assert (secret(settings.bearer), settings.bearer_file) == ("mine", None)
    assert secret(read_secrets(settings).bearer) == "mine"


def test_a_file_named_by_a_variable_wins_over_the_value_in_toml(tmp_path: Path) -> None:
    """Value and file are two ways of one setting: a layer with either hides both below."""
    (tmp_path / "b").write_text("new")
    assert secret(load('bearer = "old"', bearer_file=str(tmp_path / "b")).bearer) == "new"


def test_value_and_file_in_one_place_are_a_problem(tmp_path: Path) -> None:
    """Nobody can say which of the two is meant."""
    (tmp_path / "b").write_text("abc")
    (problem,) = problems(bearer="abc", bearer_file=str(tmp_path / "b"))
    assert problem == "LAPOR_SYNC_BEARER and LAPOR_SYNC_BEARER_FILE are both set; there must be one of them"


def test_an_unreadable_secret_file_is_a_problem_that_does_not_show_its_path() -> None:
    """Somebody may have put the secret itself where its path belongs."""
    (problem,) = problems(token_file=HIDDEN)
    assert problem.startswith("LAPOR_SYNC_TOKEN_FILE cannot be read (No such file or directory); ")
    assert HIDDEN not in problem


def test_a_secret_file_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    """A wrong file was named."""
    (tmp_path / "b").write_bytes(b"\xff\x00")
    assert "it is not UTF-8 text" in problems(bearer_file=str(tmp_path / "b"))[0]


def test_a_path_of_a_wrong_type_is_a_problem() -> None:
    """TOML can hold a list where a path belongs."""
    assert "bearer_file in" in problems("bearer_file = [1]")[0]


def test_a_bad_value_in_a_secret_file_is_not_shown(tmp_path: Path) -> None:
    """The sentence says where it stands only."""
    (tmp_path / "b").write_text(f"{HIDDEN}\n{HIDDEN}")
    (problem,) = problems(bearer_file=str(tmp_path / "b"))
    assert problem.startswith("LAPOR_SYNC_BEARER (read from its file) is wrong")
    assert HIDDEN not in problem


def test_a_running_daemon_notices_a_new_secret(tmp_path: Path) -> None:
    """The files are read again on demand; the settings themselves never change."""
    settings = load_environ(None, credentials(tmp_path, bearer="abc", token="{T}"))
    (tmp_path / "bearer").write_text("def")
    now = read_secrets(settings)
    assert (secret(now.bearer), secret(now.token), secret(settings.bearer)) == ("def", "{T}", "abc")


def test_a_secret_file_emptied_later_is_no_secret(tmp_path: Path) -> None:
    """Empty is "not given", then as at the start."""
    settings = load_environ(None, credentials(tmp_path, bearer="abc"))
    (tmp_path / "bearer").write_text("")
    assert read_secrets(settings).bearer is None


def test_all_secrets_that_went_bad_are_named(tmp_path: Path) -> None:
    """One that is gone and one that is garbled, in one error, neither shown."""
    settings = load_environ(None, credentials(tmp_path, bearer="abc", token="{T}"))
    os.unlink(tmp_path / "bearer")
    (tmp_path / "token").write_text(f"{HIDDEN} {HIDDEN}")
    with pytest.raises(SettingsWrong) as caught:
        read_secrets(settings)
    assert len(caught.value.problems) == 2
    assert HIDDEN not in str(caught.value)


# --- the gateway's headers ---------------------------------------------------------------------------------


def headers_file(tmp_path: Path, text: str) -> str:
    (tmp_path / "headers.toml").write_text(text)
    return str(tmp_path / "headers.toml")


def test_further_headers_come_from_a_file_of_secrets(tmp_path: Path) -> None:
    """A gateway's key beside LAPOR's own credentials; printing shows none of them, and a new value is noticed."""
    path = headers_file(tmp_path, f'apikey = " {HIDDEN}\\n"\nAuthorizationSPLP = "Bearer {HIDDEN}"\n')
    settings = load(extra_headers_file=path)
    found = read_secrets(settings)
    assert {name: secret(value) for name, value in found.headers.items()} == {
        "apikey": HIDDEN,
        "AuthorizationSPLP": f"Bearer {HIDDEN}",
    }
    assert HIDDEN not in repr(found) + repr(settings)
    headers_file(tmp_path, 'apikey = "new"')
    assert read_secrets(settings) != found


def test_further_headers_come_as_a_credential_of_systemd(tmp_path: Path) -> None:
    """`LoadCredential=extra_headers:...`; an empty one is as none."""
    given = credentials(tmp_path, extra_headers='apikey = "k"')
    assert list(read_secrets(load_environ(None, given)).headers) == ["apikey"]
    assert read_secrets(load_environ(None, credentials(tmp_path, extra_headers="\n"))).headers == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (HIDDEN, "it is no TOML"),
        (f'"{HIDDEN}=" = "x"', "the name of header 1 must be"),
        (f'apikey = ["{HIDDEN}"]', "the value of header 1 must be a text"),
        ("apikey = 12345", "the value of header 1 must be a text"),
        ('apikey = " "', "the value of header 1 must be a text"),
        (f'apikey = "{HIDDEN}\\r\\nx: 1"', "the value of header 1 must be a text"),
        (f'apikey = "{HIDDEN}é"', "the value of header 1 must be a text"),
        (f'[headers]\napikey = "{HIDDEN}"', "the value of header 1 must be a text"),
        (f'apikey = "x"\nAPIKEY = "{HIDDEN}"', "APIKEY is there more than once"),
        *(
            (f'{name} = "{HIDDEN}"', f"{name} is a header that lapor-sync sets itself")
            for name in ("Auth", "Token", "Host")
        ),
        (f'Content-Length = "{HIDDEN}"', "Content-Length is a header that"),
        (f'X-HTTP-Method-Override = "{HIDDEN}"', "X-HTTP-Method-Override is a header that"),
    ],
)
def test_what_no_further_header_can_be_is_said_without_its_value(tmp_path: Path, text: str, why: str) -> None:
    """Every command names it; a part of a secret may stand where its name belongs."""
    found = problems(extra_headers_file=headers_file(tmp_path, text))
    assert found[0].startswith("LAPOR_SYNC_EXTRA_HEADERS_FILE: ")
    assert any(why in problem for problem in found)
    assert not any(HIDDEN in problem for problem in found)


def test_the_header_that_lapor_does_not_use_may_be_the_gateways(tmp_path: Path) -> None:
    """LAPOR's own bearer goes as `auth`, so `Authorization` is free for the bus; and the other way round it is not."""
    path = headers_file(tmp_path, 'Authorization = "Bearer x"')
    assert list(read_secrets(load(extra_headers_file=path)).headers) == ["Authorization"]
    assert "lapor-sync sets itself" in problems(extra_headers_file=path, auth_header="authorization")[0]


def test_a_headers_file_that_is_not_there_is_a_problem() -> None:
    (problem,) = problems(extra_headers_file="/nowhere/headers.toml")
    assert problem.startswith("LAPOR_SYNC_EXTRA_HEADERS_FILE cannot be read")


# --- what is there -----------------------------------------------------------------------------------------


def test_what_is_missing_is_named_as_the_operator_sets_it() -> None:
    """Reading needs address and credentials; sending needs the city's ids as well."""
    settings = load(upstream_url="https://lapor.test", bearer="b", user_id="8")
    assert settings.missing_for_upstream() == ("LAPOR_SYNC_TOKEN",)
    assert settings.missing_for_push() == ("LAPOR_SYNC_TOKEN", "LAPOR_SYNC_INSTITUTION_ID")


def test_with_address_and_credentials_upstream_can_be_called() -> None:
    """Whether they are accepted is another question."""
    assert load(upstream_url="https://lapor.test", bearer="b", token="{T}").can_call_upstream


def test_settings_are_frozen() -> None:
    """Nothing changes them behind the daemon's back."""
    with pytest.raises(ValidationError):
        load().poll_seconds = 1


# --- the example that ships --------------------------------------------------------------------------------

EXAMPLE = Path(__file__).parents[2] / "deploy" / "systemd" / "config.toml"


def test_the_example_can_be_used_as_it_is() -> None:
    """A new installation observes and calls nothing."""
    settings = load(EXAMPLE.read_text(encoding="utf-8"))
    assert settings.observe
    assert not settings.can_call_upstream


def test_every_line_of_the_example_is_right_once_it_is_uncommented(tmp_path: Path) -> None:
    """It shows a city every setting but the secrets; its values are accepted where the files that it names are there."""
    text = re.sub(r"^# (\w+ = )", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for name, inside in (("deadlines.toml", packaged()), ("holidays.toml", ""), ("notify.toml", "")):
        (tmp_path / name).write_text(inside, encoding="utf-8")
        text = text.replace(f"/etc/lapor-sync/{name}", str(tmp_path / name))
    settings = load(text)
    shown = set(tomllib.loads(text))
    assert shown == {
        name for name in Settings.model_fields if not name.startswith(("bearer", "token", "extra", "agencies"))
    }
    examples = {name for name, field in Settings.model_fields.items() if field.default is None}
    examples |= {"database_url", "observe", "opd_ids", "bearer", "token"}
    for name in shown - examples:
        assert getattr(settings, name) == Settings.model_fields[name].default, name


def test_files_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """As Notepad writes them: settings and secrets are read as if it were not there."""
    (tmp_path / "token").write_bytes(b"\xef\xbb\xbf{abc}\r\n")
    settings = load(f'\ufeffagency = "desa"\r\ntoken_file = "{tmp_path / "token"}"\r\n')
    assert settings.agency == "desa"
    assert settings.token is not None
    assert settings.token.get_secret_value() == "{abc}"
    assert read_secrets(settings).token == SecretStr("{abc}")
