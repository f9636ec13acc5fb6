"""What may go wrong with a request itself, before anything of the city is asked."""

from __future__ import annotations

from lapor_sync.words.id import TroubleKind


class Trouble(Exception):
    """A request that is not carried out; `kind` has its sentences in `words` and its status here."""

    def __init__(self, kind: TroubleKind) -> None:
        super().__init__(kind)
        self.kind = kind

    @property
    def status(self) -> int:
        """The answer's HTTP status."""
        return _STATUS[self.kind]


_STATUS = {
    TroubleKind.OTHER_HOST: 400,
    TroubleKind.FOREIGN_FORM: 403,
    TroubleKind.STALE_FORM: 403,
    TroubleKind.PASSWORDS_DIFFER: 422,
    TroubleKind.MAY_STAND_TWICE: 409,
}


class NotSignedIn(Exception):
    """The page is for people who are signed in."""


class FactorDue(Exception):
    """The person must set up a second factor before anything else."""


class NoPost(Exception):
    """The person holds no post today."""
