"""Attached files, at the addresses that LAPOR gives them now."""

from __future__ import annotations

from lapor_sync.domain.errors import BadRecord, UpstreamError
from lapor_sync.domain.ports import Connector
from lapor_sync.domain.report import Attachment
from lapor_sync.store.reports import Mirrored


def fetch(connector: Connector, one: Mirrored, file: Attachment) -> bytes:
    """Return the file. A signed address expires (seen), so that it is asked for anew. Raises UpstreamError."""
    return connector.fetch_attachment(signed_now(connector, one, file) if "?" in file.url else file)


def signed_now(connector: Connector, one: Mirrored, file: Attachment) -> Attachment:
    """Return the file as the report names it now; as it is known where it is not to be told from others there."""
    try:
        found = _same(file, connector.read_report(one.call_id).report.attachments)
        if not found:
            items = connector.read_thread(one.call_id).items
            found = _same(file, tuple(each for item in items for each in item.attachments))
    except (UpstreamError, BadRecord):
        return file
    return found.pop() if len(found) == 1 else file


def _same(file: Attachment, files: tuple[Attachment, ...]) -> set[Attachment]:
    """Return the files of the same address without its query: with it, where that is the same too."""
    place = file.url.partition("?")[0]
    return {file} if file in files else {each for each in files if each.url.partition("?")[0] == place}
