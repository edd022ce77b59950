"""An identity provider on this machine: honest by default, and as bad as a test wants it to be."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "modelops", "s3cret of the client"
_KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"}, private=True)


class Provider(ThreadingHTTPServer):
    """Discovery, keys, tokens and userinfo; `documents` and `mint` may be replaced by a test."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.issuer = f"http://{self.host}"
        self.key = _KEY
        self.codes: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.pause = 0.0
        self.discovery: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/end",
            "jwks_uri": f"{self.issuer}/jwks",
        }
        self.keys: dict[str, Any] = dict(KeySet([self.key]).as_dict())
        self.userinfo: dict[str, Any] = {}
        self.mint: Callable[[dict[str, Any]], str] = self.sign

    def sign(self, claims: dict[str, Any], *, key: Any = None, **header: Any) -> str:
        """Return a token over the claims, by the provider's own key unless another is given."""
        return jwt.encode({"alg": "RS256", "kid": "first", **header}, claims, key or self.key)

    def claims(self, **more: Any) -> dict[str, Any]:
        """Return good claims of a token for the platform."""
        now = int(time.time())
        return {"iss": self.issuer, "aud": CLIENT, "sub": "maria", "iat": now, "exp": now + 300, **more}

    def consent(self, location: str, **claims: Any) -> dict[str, str]:
        """Do what a person does at the provider, and return what the browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        told = {"nonce": asked["nonce"], "email": "maria@corp.example", "email_verified": True, "name": "Maria Silva"}
        self.codes[code] = {"asked": asked, "claims": self.claims(**{"groups": [], **told, **claims})}
        return {"code": code, "state": asked["state"]}

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Give the tokens for a code to the client that began with it, once."""
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        entry = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if (
            entry is None
            or (unquote_plus(name), unquote_plus(secret)) != (CLIENT, SECRET)
            or form["redirect_uri"] != entry["asked"]["redirect_uri"]
            or challenge.decode() != entry["asked"]["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": self.mint(entry["claims"])}


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.asked.append(path)
        time.sleep(self.server.pause)
        documents = {
            "/.well-known/openid-configuration": self.server.discovery,
            "/jwks": self.server.keys,
            "/userinfo": self.server.userinfo,
        }
        self._answer(200 if path in documents else 404, documents.get(path, {}))

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        time.sleep(self.server.pause)
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._answer(*self.server.redeem(form, self.headers.get("authorization", "")))

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives it
        pass


@contextmanager
def running() -> Iterator[Provider]:
    """Run a provider for a while."""
    provider = Provider()
    thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        provider.shutdown()
        thread.join()
        provider.server_close()


def callback(brought: dict[str, str]) -> str:
    """Return the path that the provider sends the browser back to."""
    return f"/login/callback?{urlencode(brought)}"
