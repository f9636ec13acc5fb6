"""What a person at a terminal sees: tables and one report's page, a file what it shows. Programs take --json.

Lines are written as they come, so a million reports need no memory. What citizens and LAPOR wrote goes through `plain`:
no text may move the cursor or change the screen's colours.
"""

from lapor_sync.screens.agencies import agencies
from lapor_sync.screens.checked import check
from lapor_sync.screens.citizens import citizen
from lapor_sync.screens.citizens import found as citizens_found
from lapor_sync.screens.notices import notices
from lapor_sync.screens.overview import recent_outages, status
from lapor_sync.screens.parts import bold, moment, shade, table
from lapor_sync.screens.people import people, posts
from lapor_sync.screens.planned import plan
from lapor_sync.screens.progressing import progress
from lapor_sync.screens.recap import comparison as recap_comparison
from lapor_sync.screens.recap import recap, recap_of_many
from lapor_sync.screens.report_list import by_opd, reports, reports_csv
from lapor_sync.screens.report_page import deliveries, show, timeline
from lapor_sync.screens.waiting import conflicts, outbox, quarantine, restored

__all__ = [
    "agencies",
    "bold",
    "by_opd",
    "check",
    "citizen",
    "citizens_found",
    "conflicts",
    "deliveries",
    "moment",
    "notices",
    "outbox",
    "people",
    "plan",
    "posts",
    "progress",
    "quarantine",
    "recap",
    "recap_comparison",
    "recap_of_many",
    "recent_outages",
    "reports",
    "reports_csv",
    "restored",
    "shade",
    "show",
    "status",
    "table",
    "timeline",
]
