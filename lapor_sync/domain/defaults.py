"""What holds where nobody says otherwise, each once: the settings, the connectors and the cycle take it from here.

Times in seconds, sizes in mebibytes. Source: upstream (paths and names), rules (times).
"""

from __future__ import annotations

from datetime import time
from typing import Final

from lapor_sync.domain.people import SecondFactor

AUTH_HEADER: Final = "auth"
CONCURRENCY: Final = 8
RATE_PER_SECOND: Final = 10.0
GATEWAY_PER_SECOND: Final = 10.0
CONNECT_TIMEOUT: Final = 30.0
READ_TIMEOUT: Final = 90.0

LIST_PATH: Final = "/complaints"
LIST_UPDATED_PARAM: Final = "updated_from"
LIST_PAGE_SIZE: Final = 100
REPORT_URL: Final = "https://www.lapor.go.id/"
REPLY_TEMPLATE: Final = "reply"
TIMEZONE: Final = "Asia/Jakarta"

POLL_SECONDS: Final = 300.0
READBACK_GRACE_SECONDS: Final = 120.0
REF_PREFIX: Final = "LS"
RAW_DAYS: Final = 90
REPORTER_NAME_DAYS: Final = 365

ATTACHMENTS: Final = "keep"
ATTACHMENTS_MAX_GB: Final = 20.0

ATTACH_TYPES: Final = ("jpg", "jpeg", "png", "pdf", "doc", "docx")
ATTACH_MAX_MB: Final = 5.0
ATTACH_MAX: Final = 5

DIGEST_AT: Final = time(7, 30)

SECOND_FACTOR: Final = SecondFactor.ADMIN
"""Who must have a second factor."""
