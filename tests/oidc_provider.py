"""A real OpenID Connect provider, in a process of its own: `python -W ignore -m tests.oidc_provider` prints its port.

oidc-provider-mock does discovery, signing keys, codes, nonces, userinfo and any claims. It takes a code without looking
at PKCE, so that is added here: RFC 7636, 4.6.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import oidc_provider_mock
from werkzeug.serving import make_server


def with_pkce(app: flask.Flask) -> flask.Flask:
    challenges: dict[str, str] = {}

    @app.after_request
    def remember(response: flask.Response) -> flask.Response:
        code = parse_qs(urlsplit(response.headers.get("Location", "")).query).get("code")
        if code and flask.request.args.get("code_challenge_method") == "S256":
            challenges[code[0]] = flask.request.args["code_challenge"]
        return response

    @app.before_request
    def look() -> Any:
        if flask.request.path != "/oauth2/token":
            return None
        digest = hashlib.sha256(flask.request.form.get("code_verifier", "").encode()).digest()
        told = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenges.pop(flask.request.form.get("code", ""), None) == told:
            return None
        return {"error": "invalid_grant"}, 400

    return app


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, with_pkce(oidc_provider_mock.app(require_nonce=True)), threaded=True)
    print(server.port, flush=True)
    server.serve_forever()
