"""A small OpenID Connect provider on loopback, which signs whatever a test wants it to say."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

CLIENT = "papan"
SECRET = "rahasia klien"


@dataclass
class Issuer:
    """What it says. `claims` lie over what is right, `sign` makes the token, `down` lets it fail."""

    url: str
    now: int
    claims: dict[str, Any] = field(default_factory=dict)
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", auto_kid=True))
    names: dict[str, Any] = field(default_factory=dict)
    forged: str | None = None
    down: bool = False
    asked: list[str] = field(default_factory=list)
    questions: dict[str, dict[str, str]] = field(default_factory=dict)

    def let_in(self, address: str, sub: str = "s-1") -> str:
        """Let somebody be who they are there; the code and state with which they come back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.questions)}"
        self.questions[code] = {**asked, "sub": sub}
        return f"/masuk/akun-kota/kembali?code={code}&state={asked['state']}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The answer of the token endpoint: a code once, with PKCE and the client's secret."""
        question = self.questions.pop(form.get("code", ""), None)
        wanted = base64.b64encode(b"papan:rahasia+klien").decode()
        if question is None or authorization != f"Basic {wanted}":
            return 400, {"error": "invalid_grant"}
        made = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if made.decode() != question["code_challenge"] or form["redirect_uri"] != question["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        right = {"iss": self.url, "aud": CLIENT, "sub": question["sub"], "nonce": question["nonce"]}
        says = {**right, "iat": self.now, "exp": self.now + 300, **self.claims}
        says = {name: value for name, value in says.items() if value is not None}
        signed = jwt.encode({"alg": "ES256", "kid": self.key.kid}, says, self.key)
        return 200, {"id_token": self.forged or signed, "token_type": "Bearer", "access_token": "x"}

    def page(self, path: str) -> tuple[int, Any]:
        """The answer of the other addresses."""
        self.asked.append(path)
        if self.down:
            return 503, {"error": "down"}
        if path == "/.well-known/openid-configuration":
            paths = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys"}
            told = {name: self.url + path for name, path in paths.items()}
            return 200, {"issuer": self.url, **told, **self.names}
        if path == "/keys":
            return 200, KeySet([self.key]).as_dict(private=False)
        return 404, {}


@contextmanager
def issuer(now: int) -> Iterator[Issuer]:
    """One that listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(*made.page(self.path))

        def do_POST(self) -> None:
            said = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(said).items()}
            self._answer(*made.token(form, self.headers.get("Authorization", "")))

        def _answer(self, status: int, said: Any) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Issuer(f"http://127.0.0.1:{server.server_address[1]}", now)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
