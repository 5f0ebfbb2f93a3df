"""The other sides that the checks are, by the development credentials: the partner, the SDK and the resource server."""

import base64
import json

from document import PROJECT
from token_client import InputError, SdkKeyPair, TokenClient

SECRETS = PROJECT / "events" / "secrets"
CREDENTIALS = json.loads((SECRETS / "partner.json").read_text())
API_KEY, SDK_API_KEY = CREDENTIALS["apiKey"], CREDENTIALS["sdkApiKey"]
RESOURCE_SERVER = json.loads((SECRETS / "resource-server.json").read_text())


def _client(keys, **options):
    # It calls nobody here, so its URL is nowhere.
    return TokenClient({**CREDENTIALS, "payloadKeys": keys}, url="https://api.example.com", **options)


_partner = _client(CREDENTIALS["payloadKeys"])
_token_ring = _client(json.loads((SECRETS / "server-keys.json").read_text())["token"])


def session(token):
    """Who holds the session key of a token. The SDK derives it; here the token ring is at hand, and the token has it.

    Raises InputError if the token is not one of the sandbox's.
    """
    key = json.loads(_token_ring.decrypt(token))["cnf"]["jwk"]["k"]
    return _client({"keys": [{"kty": "oct", "kid": "session", "k": key}]}, send_kid=False)


def seal(plaintext, token=None):
    """A body under the newest payload key, or under the session key of a token."""
    return (session(token) if token else _partner).encrypt(plaintext)


def opened(body, token=None):
    """What a JWE opens to, under a payload key or under the session key of a token; None if it opens to nothing."""
    try:
        return (session(token) if token else _partner).decrypt(body)
    except InputError:
        return None


def opened_example(document, example):
    """What a sealed example of the document opens to; its key is the session's of the example `Answer` where it says so."""
    answer = document.components["examples"]["Answer"]["x-opened"]
    return opened(example["value"], answer["token"] if "x-key" in example else None)


def basic(resource_server=RESOURCE_SERVER):
    """The Authorization header of a resource server. Its id and secret hold no character that a form encodes."""
    both = f"{resource_server['resourceServerId']}:{resource_server['secret']}"
    return f"Basic {base64.b64encode(both.encode()).decode()}"


__all__ = [
    "API_KEY",
    "CREDENTIALS",
    "RESOURCE_SERVER",
    "SDK_API_KEY",
    "InputError",
    "SdkKeyPair",
    "basic",
    "opened",
    "opened_example",
    "seal",
    "session",
]
