"""The city's single sign-on: OpenID Connect, the authorization code with PKCE. Source: OpenID Connect Core 1.0, 3.1.

What comes back is believed only where its token is signed by a key of the issuer's, for this client, in answer to this
very question, and not over. No client of ours signs: `none` and shared secrets are no signature here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from lapor_sync.domain.ports import Clock
from lapor_sync.domain.refusals import Code, Refused
from lapor_sync.listening import is_loopback

ALGORITHMS = ("RS256", "PS256", "ES256")
LEEWAY = 60
"""Seconds by which the issuer's clock may differ from ours."""
KEPT_SECONDS = 3600.0
"""So long its addresses and keys are not asked for again."""
PAUSE_SECONDS = 10.0
"""So long nobody asks again for keys that were just had: tokens with a key that is not there cost nothing."""
MOST_BYTES = 2**18
TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What the issuer knows the board as; without a secret it is a public client."""

    issuer: str
    id: str
    secret: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class _Had:
    """What the issuer told, and when by a clock that only goes on."""

    at: float
    addresses: Mapping[str, str]
    keys: KeySet


class Provider:
    """The issuer, as the board asks it. Each answer is had with a bounded time and size, and no redirect is followed."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._http = httpx.Client(timeout=TIMEOUT, follow_redirects=False, headers={"Accept": "application/json"})
        self._turn = threading.Lock()
        self._had: _Had | None = None

    def is_issuer(self, given: str) -> bool:
        """Return whether an answer that names its issuer is of this one. Source: RFC 9207."""
        return given == self._client.issuer

    def address(self, *, back: str, state: str, nonce: str, verifier: str) -> str:
        """Return where a person goes to be asked by the issuer, which sends them `back`. Raises Refused."""
        asked = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": back,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        at = self._told().addresses["authorization_endpoint"]
        return f"{at}{'&' if urlsplit(at).query else '?'}{urlencode(asked)}"

    def subject(self, *, code: str, back: str, nonce: str, verifier: str) -> str:
        """Return who somebody is to the issuer, by the code with which they came back. Raises Refused."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        auth: Any = httpx.USE_CLIENT_DEFAULT
        if self._client.secret is None:
            form["client_id"] = self._client.id
        else:
            auth = httpx.BasicAuth(_quoted(self._client.id), _quoted(self._client.secret))
        answer = self._asked("POST", self._told().addresses["token_endpoint"], data=form, auth=auth)
        claims = self._claims(str(answer.get("id_token", "")))
        if not self._is_for_us(claims, nonce):
            raise Refused(Code.SIGN_ON_FAILED)
        return f"{self._client.issuer} {claims['sub']}"

    def _claims(self, token: str) -> Mapping[str, Any]:
        """What a token says that is signed by the issuer; keys that may have been changed are asked for anew."""
        had = self._told()
        try:
            return self._decoded(token, had.keys)
        except (JoseError, ValueError):
            pass
        if self._clock.monotonic() - had.at >= PAUSE_SECONDS:
            try:
                return self._decoded(token, self._told(anew=True).keys)
            except (JoseError, ValueError):
                pass
        raise Refused(Code.SIGN_ON_FAILED)

    def _decoded(self, token: str, keys: KeySet) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
        return claims

    def _is_for_us(self, claims: Mapping[str, Any], nonce: str) -> bool:
        """Whether the token is of this issuer, for this client, in answer to this question, and not over."""
        needed = {name: {"essential": True} for name in ("iss", "sub", "aud", "exp", "iat", "nonce")}
        rules: Any = {**needed, "iss": {"essential": True, "value": self._client.issuer}}
        rules["nonce"] = {"essential": True, "value": nonce}
        now = int(self._clock.now().timestamp())
        try:
            jwt.JWTClaimsRegistry(now=now, leeway=LEEWAY, **rules).validate(dict(claims))
        except JoseError:
            return False
        given, party = claims["aud"], claims.get("azp")
        audience = given if isinstance(given, list) else [given]
        is_ours = self._client.id in audience and (
            party == self._client.id or (party is None and len(audience) == 1)
        )
        return is_ours and 0 < len(claims["sub"]) <= 255

    def _told(self, *, anew: bool = False) -> _Had:
        """What the issuer says of itself. Raises Refused where it is away, or is another one."""
        with self._turn:
            now = self._clock.monotonic()
            if self._had is None or anew or now - self._had.at > KEPT_SECONDS:
                found = self._asked("GET", f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration")
                if found.get("issuer") != self._client.issuer:
                    raise Refused(Code.SIGN_ON_AWAY)
                names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
                addresses = {name: str(found.get(name, "")) for name in names}
                if not all(map(is_safe, addresses.values())):
                    raise Refused(Code.SIGN_ON_AWAY)
                try:
                    keys = KeySet.import_key_set(self._asked("GET", addresses["jwks_uri"]))  # type: ignore[arg-type]
                except (JoseError, ValueError, KeyError, TypeError):
                    raise Refused(Code.SIGN_ON_AWAY) from None
                self._had = _Had(now, addresses, keys)
            return self._had

    def _asked(self, method: str, url: str, **how: Any) -> dict[str, Any]:
        """What it answers as JSON. Raises Refused: it is away where it fails; the sign-on failed where it says no."""
        try:
            with self._http.stream(method, url, **how) as answer:
                said = b""
                for part in answer.iter_bytes():
                    said += part
                    if len(said) > MOST_BYTES:
                        raise Refused(Code.SIGN_ON_AWAY)
                found = json.loads(said)
        except (httpx.HTTPError, ValueError, RecursionError):
            raise Refused(Code.SIGN_ON_AWAY) from None
        if method == "POST" and answer.status_code in {400, 401, 403}:
            raise Refused(Code.SIGN_ON_FAILED)
        if answer.status_code != 200 or not isinstance(found, dict):
            raise Refused(Code.SIGN_ON_AWAY)
        return found


def is_safe(url: str) -> bool:
    """Return whether an address is one to which a code or a secret may be sent."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return (parts.scheme == "https" and bool(host)) or (parts.scheme == "http" and is_loopback(host))


def _challenge(verifier: str) -> str:
    """Source: RFC 7636, 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _quoted(text: str) -> str:
    """Source: RFC 6749, 2.3.1."""
    return urlencode({"": text})[1:]
