"""SP4N-LAPOR!'s integration API v3: `client` calls it; `envelopes`, `reports` and `threads` read what it says."""

from connectors.sp4n_v3.client import Sp4nSettings, Sp4nV3

__all__ = ["Sp4nSettings", "Sp4nV3"]
