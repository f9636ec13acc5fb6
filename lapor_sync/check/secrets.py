"""Who can read the secrets?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from lapor_sync.check.lines import WRONG, Line
from lapor_sync.config import OTHER_SECRETS, SECRETS, Settings, config_file, setting_name
from lapor_sync.domain.files import read_text


def about_secrets(settings: Settings, config: Path | None, environ: Mapping[str, str]) -> Iterator[Line]:
    """Tell where others may read one."""
    question = "Who can read the secrets?"
    problems = [*_open_files(settings, config), *_in_service(environ)]
    for answer, todo in problems:
        yield Line(question=question, answer=answer, verdict=WRONG, todo=todo)
    if not problems and any(getattr(settings, name) is not None for name in (*SECRETS, "extra_headers_file")):
        in_shell = any(environ.get(setting_name(name), "").strip() for name in SECRETS)
        answer = "this shell: a service needs them in credential files" if in_shell else "this user only"
        yield Line(question=question, answer=answer)


def _open_files(settings: Settings, config: Path | None) -> Iterator[tuple[str, str]]:
    """Yield files that hold a secret and that every user of the machine may read."""
    files: dict[str, Path | None] = {
        name: getattr(settings, f"{name}_file") for name in (*SECRETS, *OTHER_SECRETS)
    }
    held = any(getattr(settings, name) and not files[name] for name in SECRETS)
    if held and _names_a_secret(config_file(config)):
        files["settings"] = config_file(config)
    for name, path in files.items():
        if path is not None and _is_open(path):
            yield f"every user: the {name} file has mode {path.stat().st_mode & 0o777:o}", f"chmod o= {path}"


def _names_a_secret(path: Path) -> bool:
    try:
        return bool(re.search(r"(?mi)^\s*(bearer|token)\s*=", read_text(path)))
    except OSError:
        return False


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o004)
    except OSError:
        return False


def _in_service(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A service's `Environment=` can be read by every user: `systemctl show`."""
    if "INVOCATION_ID" not in environ:
        return
    for name in map(setting_name, SECRETS):
        if environ.get(name, "").strip():
            yield (
                f"every user: {name} is in the environment of a service",
                "Use LoadCredential= in the unit instead, as deploy/systemd shows.",
            )
