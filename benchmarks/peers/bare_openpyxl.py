"""Bare reading of a sheet by the library that ours uses: `bare_openpyxl.py FILE`. Counts rows and cells."""

from __future__ import annotations

import json
import sys

from openpyxl import load_workbook


def main(path: str) -> dict[str, int]:
    """Read every cell's value."""
    rows = cells = 0
    book = load_workbook(path, read_only=True, data_only=True)
    for row in book.worksheets[0].iter_rows(values_only=True):
        rows += 1
        cells += len(row)
    return {"rows": rows, "cells": cells}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
