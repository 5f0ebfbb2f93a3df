"""The partner that the checks are: the development credentials, and its side of the sealing by the Python client."""

import json

from document import PROJECT
from token_client import InputError, SdkKeyPair, TokenClient

CREDENTIALS = json.loads((PROJECT / "events" / "secrets" / "partner.json").read_text())
API_KEY, SDK_API_KEY = CREDENTIALS["apiKey"], CREDENTIALS["sdkApiKey"]
# It calls nobody here, so its URL is nowhere.
_client = TokenClient(CREDENTIALS, url="https://api.example.com")


def seal(plaintext):
    return _client.encrypt(plaintext)


def opened(body):
    """What a JWE opens to; None if it opens to nothing."""
    try:
        return _client.decrypt(body)
    except InputError:
        return None


__all__ = ["API_KEY", "CREDENTIALS", "SDK_API_KEY", "SdkKeyPair", "opened", "seal"]
