"""Does LAPOR know what the settings name?"""

from __future__ import annotations

from collections.abc import Iterator

from lapor_sync.check.lines import LOOK, Line
from lapor_sync.check.upstream import Upstream
from lapor_sync.domain.errors import UpstreamError


def about_master_lists(upstream: Upstream) -> Iterator[Line]:
    """Look for the city's institutions and for the template of its responses."""
    yield _institutions(upstream)
    yield _template(upstream)


def _institutions(upstream: Upstream) -> Line:
    question, settings = "Does LAPOR know the city's ids?", upstream.settings
    assert upstream.connector is not None
    try:
        names = {one.id for one in upstream.connector.institutions()}
    except UpstreamError as error:
        return Line(question=question, answer=f"cannot be told: {error.what}", verdict=LOOK)
    wanted = [*([settings.institution_id] if settings.institution_id else []), *settings.opd_ids]
    strange = [one for one in wanted if one not in names]
    if not strange:
        return Line(question=question, answer=f"yes, {len(wanted)} of its {len(names)} institutions")
    todo = "Compare LAPOR_SYNC_INSTITUTION_ID and LAPOR_SYNC_OPD_IDS with LAPOR's master list."
    return Line(question=question, answer=f"not {', '.join(strange[:10])}", verdict=LOOK, todo=todo)


def _template(upstream: Upstream) -> Line:
    question, wanted = "Does LAPOR know the reply template?", upstream.settings.reply_template
    assert upstream.connector is not None
    try:
        known = [one.code for one in upstream.connector.templates()]
    except UpstreamError as error:
        return Line(question=question, answer=f"cannot be told: {error.what}", verdict=LOOK)
    if wanted in known:
        return Line(question=question, answer=f"yes: {wanted}, one of {len(known)}")
    todo = f"Set LAPOR_SYNC_REPLY_TEMPLATE to one of: {', '.join(known[:10]) or 'what LAPOR names'}."
    return Line(question=question, answer=f"not {wanted}", verdict=LOOK, todo=todo)
