"""SP4N-LAPOR!'s integration API v3: `wire` reads what it says, `paging` reads whole lists, `client` calls it."""

from connectors.sp4n_v3.client import Sp4nSettings, Sp4nV3

__all__ = ["Sp4nSettings", "Sp4nV3"]
