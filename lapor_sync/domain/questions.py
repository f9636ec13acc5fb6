"""What a person is asked (a conflict): its kind is a `Reason`, or `MANY_VANISHED`; its facts have these names."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

MANY_VANISHED: Final = "many_vanished"
"""The kind of the alarm that too many reports seem gone at once; it belongs to no single report."""

MISSING: Final = "missing"
OPEN: Final = "open"
"""How many reports are missing, and how many are open in all: of `MANY_VANISHED`."""

SAID: Final = "said"
"""What upstream said, or what is known of why it could not be looked at."""

CHANGED: Final = "changed"
"""What says otherwise than before the try, though no item is new: `next_step.says_otherwise`, as one text."""

UNSURE: Final = "unsure"
"""Why it cannot be told whether a delivery arrived: an `Unsure`."""

TOLD: Final = "told"
"""The whole sentence, in English: all that a question of an earlier program has."""


class Unsure(StrEnum):
    """What of ours or LAPOR's keeps it from being told whether a delivery arrived."""

    OLD_ANSWER = "old_answer"  # what LAPOR gives says that it was made before the try
    CLOCK_STANDS = "clock_stands"  # LAPOR's clock does not go on
    PROMISED = "promised"  # LAPOR answered that it takes it later
    STEP_FAILED = "step_failed"  # to work out what to do with it fails
