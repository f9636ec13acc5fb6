"""The sheet of responses: an Excel file in which OPDs hand in many answers at once, made by people, by hand."""

from connectors.response_sheet.sheet import Responses, SheetRow, read_responses

__all__ = ["Responses", "SheetRow", "read_responses"]
