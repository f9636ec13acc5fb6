"""The one HTTP client. Nothing else in the product knows httpx, httpcore and httptools: a successor is work in here.

`client` makes the calls: requests, answers, tries. Around it stands what these leave to their user, a file a concern:

- `limits`: a call's whole time (theirs are per read, so a slow drip passes them), its size, its decoding;
- `sockets` keep these byte by byte, and tell an answer that is not this request's (`framing`); a `wire` is one of them
  that speaks HTTP, kept from call to call; `connections` makes these;
- `settings`, `addresses`: where upstream is, how to be let in, and where a call goes;
- `tls`, `proxy`: whom we believe, and which way we go;
- `pacing`: how many calls a second, and how long before another;
- `upstream_clock`: what time it is there;
- `answers`: which error an answer is, with what `gateway` and `redirects` tell; `attached_file`: is it the file?
- `outside`: files of citizens, from wherever LAPOR says
- `room`: how much memory large answers take together.

It never follows a redirect, keeps no cookie, and sends the credentials to the configured base only.
"""

from connectors.transport.addresses import may_be_in_address
from connectors.transport.answers import LONGEST_OBEYED_WAIT, Answer
from connectors.transport.client import Part, Shown, Transport
from connectors.transport.outside import Outside
from connectors.transport.pacing import Pacer, backoff
from connectors.transport.settings import MEBI, TransportSettings
from connectors.transport.tls import trusted

__all__ = [
    "LONGEST_OBEYED_WAIT",
    "MEBI",
    "Answer",
    "Outside",
    "Pacer",
    "Part",
    "Shown",
    "Transport",
    "TransportSettings",
    "backoff",
    "may_be_in_address",
    "trusted",
]
