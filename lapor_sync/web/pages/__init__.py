"""One file a page; BLUEPRINTS are all of them."""

from lapor_sync.web.pages.account import account
from lapor_sync.web.pages.channels import channels
from lapor_sync.web.pages.decisions import decisions
from lapor_sync.web.pages.deliveries import deliveries
from lapor_sync.web.pages.factors import factors
from lapor_sync.web.pages.files import files
from lapor_sync.web.pages.health import health
from lapor_sync.web.pages.history import history
from lapor_sync.web.pages.opds import opds
from lapor_sync.web.pages.own_texts import own_texts
from lapor_sync.web.pages.people import people
from lapor_sync.web.pages.recap import recap
from lapor_sync.web.pages.report import report
from lapor_sync.web.pages.reports import reports
from lapor_sync.web.pages.sign_in import sign_in
from lapor_sync.web.pages.sign_on import sign_on
from lapor_sync.web.pages.system import system
from lapor_sync.web.pages.tasks import tasks

BLUEPRINTS = (
    account,
    channels,
    decisions,
    deliveries,
    factors,
    files,
    health,
    history,
    opds,
    own_texts,
    people,
    recap,
    report,
    reports,
    sign_in,
    sign_on,
    system,
    tasks,
)
