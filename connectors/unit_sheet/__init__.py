"""The admin site's statistics per unit, an Excel sheet: its own count, to be held against ours.

Source: its columns were seen; what stands in its cells (per-cent signs, decimal commas) is tolerated widely.
"""

from connectors.unit_sheet.sheet import COLUMNS, Unit, read_units

__all__ = ["COLUMNS", "Unit", "read_units"]
