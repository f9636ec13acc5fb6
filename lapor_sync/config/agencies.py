"""The folder of agencies: a TOML file for each, named after its key."""

from __future__ import annotations

import re
from pathlib import Path

from lapor_sync.domain.errors import SettingsWrong
from lapor_sync.domain.names import shown_name

OF_ONE_AGENCY = frozenset(
    {
        *("agency", "bearer", "bearer_file", "token", "token_file", "institution_id", "user_id", "opd_ids"),
        *("ref_prefix", "import_dir"),
    }
)
"""What tells agencies apart: each says it in its own file. All else of theirs may be said once for all of them."""

_KEY_OF_A_LINE = re.compile(r"""^[ \t]*["']?([A-Za-z0-9_-]+)["']?[ \t]*=""")


def agency_files(folder: Path) -> dict[str, Path]:
    """Return the file of each agency by its key, in order. Raises SettingsWrong where the folder cannot be read.

    Only names that end in `.toml` count, so that a copy that an editor left beside one is no agency. A name that
    cannot be shown is no key either, and stands under what can be shown of it: that goes into the database.
    """
    try:
        found = sorted(one for one in folder.iterdir() if one.suffix == ".toml" and not one.name.startswith("."))
    except OSError as error:
        raise SettingsWrong(
            (
                f"AGENCIES_DIR {folder} cannot be read ({error.strerror}); it must be a folder that this user may read, "
                "with a file KEY.toml for each agency",
            )
        ) from error
    return {shown_name(one.stem): one for one in found}


def lines_of(text: str) -> dict[str, int]:
    """Return in which line of a TOML text each of its keys stands, as far as that can be seen."""
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if found := _KEY_OF_A_LINE.match(line):
            lines.setdefault(found[1], number)
    return lines
