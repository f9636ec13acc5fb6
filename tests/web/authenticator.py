"""A passkey in software, as a browser's answers are made from one. Source: Web Authentication, level 2, 6 and 7."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT = 1
HAS_KEY = 64


class Authenticator:
    """One key for one host; it counts how often it signs."""

    def __init__(self, origin: str = "http://localhost") -> None:
        self.origin = origin
        self.id = secrets.token_bytes(16)
        self.counter = 0
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: str) -> str:
        """The browser's answer to options for a new passkey."""
        asked = json.loads(options)
        about = self._about(asked["rp"]["id"], PRESENT | HAS_KEY)
        about += b"\0" * 16 + len(self.id).to_bytes(2, "big") + self.id + self._public()
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": about})
        said = {
            "attestationObject": _text(attestation),
            "clientDataJSON": _text(self._client("webauthn.create", asked)),
        }
        return self._answer(said)

    def get(self, options: str) -> str:
        """The browser's answer to options for signing in."""
        asked = json.loads(options)
        self.counter += 1
        about, client = self._about(asked["rpId"], PRESENT), self._client("webauthn.get", asked)
        signature = self._key.sign(about + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        said = {"authenticatorData": _text(about), "clientDataJSON": _text(client), "signature": _text(signature)}
        return self._answer(said)

    def _answer(self, said: dict[str, Any]) -> str:
        return json.dumps({"id": _text(self.id), "rawId": _text(self.id), "type": "public-key", "response": said})

    def _about(self, host: str, flags: int) -> bytes:
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _client(self, kind: str, asked: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": asked["challenge"], "origin": self.origin}).encode()

    def _public(self) -> bytes:
        point = self._key.public_key().public_numbers()
        x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
        found: bytes = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        return found


def _text(given: bytes) -> str:
    return base64.urlsafe_b64encode(given).rstrip(b"=").decode()
