"""One file a page; BLUEPRINTS are all of them."""

from lapor_sync.web.pages.health import health
from lapor_sync.web.pages.sign_in import sign_in

BLUEPRINTS = (health, sign_in)
