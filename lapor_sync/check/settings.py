"""Are the settings right, and what do they let happen?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from lapor_sync.check.lines import LOOK, Line, setting_wrong
from lapor_sync.config import Settings, config_file
from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.words.en import advised


def check_settings(wrong: SettingsWrong) -> Iterator[Line]:
    """Yield every problem of settings that cannot be used at all."""
    for problem in wrong.problems:
        yield setting_wrong("Are the settings right?", problem, "")
    yield Line(question="What can be checked now?", answer="nothing more", verdict=LOOK, todo=advised(wrong.todo))


def about_settings(settings: Settings, config: Path | None, environ: Mapping[str, str]) -> Iterator[Line]:
    """Tell what is set, and what it lets happen."""
    yield Line(question="Are the settings right?", answer=f"yes, {_sources(config, environ)}")
    yield _may_call(settings)
    yield _may_send(settings)
    yield _city(settings)


def _sources(config: Path | None, environ: Mapping[str, str]) -> str:
    given = sum(name.startswith("LAPOR_SYNC_") and bool(value) for name, value in environ.items())
    path = config_file(config)
    file = f"from {path}" if os.path.isfile(path) else f"no file {path}"
    return f"{file}, {given} in the environment"


def _may_call(settings: Settings) -> Line:
    question, missing = "Is there an API account?", settings.missing_for_upstream()
    if not missing:
        return Line(question=question, answer="yes: address, bearer and token are set")
    answer = f"no: {', '.join(missing)} missing"
    if settings.import_dir is not None:
        todo = "Nothing, if the city has none: exports dropped in LAPOR_SYNC_IMPORT_DIR are mirrored."
        return Line(question=question, answer=answer, verdict=LOOK, todo=todo)
    todo = (
        "Set them; or, without an account, LAPOR_SYNC_IMPORT_DIR for exports. Those that systemd hands to the service "
        "only `lapor-sync-root check` sees."
    )
    return setting_wrong(question, answer, todo)


def _may_send(settings: Settings) -> Line:
    question, missing = "May responses leave?", settings.missing_for_push()
    if settings.observe:
        todo = "Set LAPOR_SYNC_OBSERVE to false when `lapor-sync plan` is what you want."
        return Line(question=question, answer="no: observing only", verdict=LOOK, todo=todo)
    if missing:
        todo = "Set them when responses are to be sent; until then they wait in the outbox."
        return Line(question=question, answer=f"no: {', '.join(missing)} missing", verdict=LOOK, todo=todo)
    return Line(question=question, answer=f"yes, marked [Ref {settings.ref_prefix}-...]")


def _city(settings: Settings) -> Line:
    question = "Which institutions are the city's?"
    if settings.opd_ids:
        return Line(question=question, answer=f"its own and {len(settings.opd_ids)} OPDs")
    todo = "List them in LAPOR_SYNC_OPD_IDS; else no report can be told to be out of the city."
    return Line(question=question, answer="every one: LAPOR_SYNC_OPD_IDS is empty", verdict=LOOK, todo=todo)
