"""Master lists: institutions, and the templates of replies. Pure. Source: upstream, "Calls"."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.sp4n_v3.values import (
    MAX_NAME,
    identifier,
    name_of,
    text_of,
)
from lapor_sync.domain.report import (
    Institution,
    Template,
)


def institutions(rows: Iterable[object]) -> tuple[Institution, ...]:
    """The institutions that have an id and a name, each once."""
    found = ((identifier(row.get("id")), name_of(row)) for row in rows if isinstance(row, dict))
    return tuple(Institution(id=id_, name=name) for id_, name in dict(found).items() if id_ and name)


def templates(rows: Iterable[object]) -> tuple[Template, ...]:
    """The templates for answers that have a code, each once, the first 500; titles and texts as far as such are."""
    found: dict[str, Template] = {}
    for row in rows:
        code = (text_of(row.get("template_code")) or text_of(row.get("code"))) if isinstance(row, dict) else ""
        if code and isinstance(row, dict):
            title = name_of(row.get("title")) or name_of(row.get("name")) or code
            content = text_of(row.get("content"))[:_LONGEST_TEMPLATE]
            template = Template(code[:MAX_NAME], title, content, name_of(row.get("type")) or "")
            found.setdefault(template.code, template)
    return tuple(found.values())[:_MOST_TEMPLATES]


_MOST_TEMPLATES = 500
_LONGEST_TEMPLATE = 10_000
