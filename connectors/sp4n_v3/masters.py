"""Master lists: institutions, and the templates of replies. Pure. Source: lapor-api, section 1."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.sp4n_v3.values import (
    identifier,
    name_of,
    text_of,
)
from lapor_sync.domain.report import (
    Institution,
)


def institutions(rows: Iterable[object]) -> tuple[Institution, ...]:
    """The institutions that have an id and a name, each once."""
    found = ((identifier(row.get("id")), name_of(row)) for row in rows if isinstance(row, dict))
    return tuple(Institution(id=id_, name=name) for id_, name in dict(found).items() if id_ and name)


def template_codes(rows: Iterable[object]) -> tuple[str, ...]:
    """The codes of the reply templates, each once."""
    codes = (
        text_of(row.get("template_code")) or text_of(row.get("code")) for row in rows if isinstance(row, dict)
    )
    return tuple(dict.fromkeys(filter(None, codes)))
