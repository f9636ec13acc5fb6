"""The admin's Excel export: works in every city today, with no API account.

Source: any *admin instansi* can download it; its columns were seen, its file format details are tolerated widely.
It has no column for the agency's answer, so the thread of such a report is *not known*.
"""

from connectors.admin_export.export import AgeFrom, Export, ExportInfo, open_export

__all__ = ["AgeFrom", "Export", "ExportInfo", "open_export"]
