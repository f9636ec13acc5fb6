"""A worker's roster: what it finds is noted in the database, for those who look and for the queue."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lapor_sync.domain.names import shown_name
from lapor_sync.roster import Roster
from lapor_sync.store import work_queue


@dataclass(kw_only=True)
class EnrollingRoster(Roster):
    """`host` is this machine's name."""

    host: str

    def refresh(self) -> None:
        """Look at the files again, and note in the database which there are. Raises StoreUnavailable."""
        super().refresh()
        work_queue.enrol(
            self.engine,
            {key: one.ref_prefix for key, one in self.found.right.items()},
            {key: shown_name(one.what) for key, one in self.found.wrong.items()},
            self.host,
            here=[
                key
                for key, one in self.found.right.items()
                if one.import_dir is not None and os.path.isdir(one.import_dir)  # `is_dir` fails at a closed one
            ],
        )
