"""The common table of cases, against the service. clients/cases.json says what each member means."""

import json
import time
import urllib.request
import uuid
import warnings
from dataclasses import replace

from resource_server import open_token
from token_client import (
    LEGACY_TOKEN_PATH,
    TOKEN_PATH,
    InputError,
    NoAnswerError,
    RefusedError,
    SdkKeyPair,
    TokenClient,
    TokenError,
    UnreadableAnswerError,
    _encode,
)

TYPES = {
    "input": InputError,
    "refused": RefusedError,
    "no-answer": NoAnswerError,
    "unreadable-answer": UnreadableAnswerError,
}
ATTRIBUTES = {name: name for name in ("status", "code", "retryable", "authenticated")} | {"retryAfter": "retry_after"}


def check_all(tally, url, credentials_file, server_keys, table):
    run = Run(url, credentials_file, server_keys, table)
    for row in table["cases"]:
        tally.check(f"case: {row['name']}", run.check, row)


class Run:
    """What the cases of one run share: one SDK key pair, the referenceIds, and the tokens."""

    def __init__(self, url, credentials_file, server_keys, table):
        self.url, self.request = url, table["request"]
        self.credentials = json.loads(credentials_file.read_text("utf-8"))
        self.server_keys = json.loads(server_keys.read_text("utf-8")) if server_keys else None
        self.sdk, self.ids, self.tokens = SdkKeyPair(), {}, {}

    def check(self, row):
        expect = row["expect"]
        same = self.ids.get(row.get("sameReferenceId"))
        self.ids[row["name"]] = row.get("referenceId") or same or str(uuid.uuid4())
        front = f"{self.url}/front/{'.'.join(row['front'])}/{uuid.uuid4().hex}" if "front" in row else None
        client = self.client(row, row.get("url") or front or self.url)
        members = self.members(row)
        started = time.monotonic()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                outcome = self.send(client, row, members)
            except TokenError as error:
                outcome = error
        seconds = time.monotonic() - started
        check_warned(expect, " ".join(str(it.message) for it in warned))

        if expect.get("token"):
            self.check_token(row, members, outcome)
        elif expect.get("invalidated"):
            assert outcome and isinstance(outcome, str), outcome
        else:
            check_error(expect, members, outcome)
        if "calls" in expect:
            with urllib.request.urlopen(front) as counted:
                calls = json.load(counted)["calls"]
            assert calls == expect["calls"], f"{calls} calls"
        assert expect.get("atLeastSeconds", 0) <= seconds <= expect.get("atMostSeconds", 60), f"took {seconds:.1f} s"

    def client(self, row, url):
        credentials = {**self.credentials, **row.get("credentials", {})}
        if "keys" in row:
            credentials["payloadKeys"] = {"keys": [self.credentials["payloadKeys"]["keys"][at] for at in row["keys"]]}
        path = LEGACY_TOKEN_PATH if row.get("path") == "legacy" else TOKEN_PATH
        return TokenClient(credentials, url=url, path=path, send_kid=row.get("kid", True))

    def members(self, row):
        usual = {**self.request, "referenceId": self.ids[row["name"]], "sdkPublicKey": self.sdk.public_key}
        filler = {"filler": "a" * row["filler"]} if "filler" in row else {}
        return {**usual, **row.get("change", {}), **filler}

    def send(self, client, row, members):
        if row.get("call") == "invalidate":
            return client.invalidate(members["referenceId"])
        if row.get("call") == "renew":
            answer = self.tokens[row["sameReferenceId"]]
            session_key = self.sdk.session_key(answer.server_pub_key)
            answer = replace(answer, token=row.get("change", {}).get("token", answer.token))
            return client.renew(answer, session_key, members["accountNumber"])
        if "body" not in row:
            return client.get_token(members)
        plaintext = json.dumps({"sdkApiKey": self.credentials["sdkApiKey"], **members})
        jwe = client.encrypt(plaintext.encode())
        at = len(jwe) // 2
        body = {
            "plain": plaintext,
            "quoted": f'"{jwe}"',
            "truncated": jwe[:-30],
            "tampered": jwe[:at] + ("B" if jwe[at] == "A" else "A") + jwe[at + 1 :],
        }[row["body"]]
        return client.send(members["referenceId"], body)

    def check_token(self, row, members, answer):
        assert not isinstance(answer, TokenError), answer
        assert answer.reference_id == members["referenceId"], answer
        assert answer.replayed == row["expect"]["replayed"], answer
        assert answer.request_id and answer.expire_at.timestamp() > time.time(), answer
        if same := row["expect"].get("sameTokenAs"):
            first = self.tokens[same]
            same_token = replace(answer, replayed=first.replayed, request_id=first.request_id) == first
            assert same_token, f"is not the token of {same!r}"
        else:
            assert answer.token not in [earlier.token for earlier in self.tokens.values()], "an earlier case got this token"
        self.tokens[row["name"]] = answer

        session_key = self.sdk.session_key(answer.server_pub_key)
        assert len(session_key) == 32
        if not self.server_keys:
            return
        claims = open_token(answer.token, self.server_keys["token"]["keys"], "token-service", "bankezy-sdk")
        said = [claims["sub"], claims["client_id"], claims["ref"], claims["exp"], claims["cnf"]["jwk"]["k"]]
        meant = [members["accountNumber"], self.credentials["partnerId"], members["referenceId"]]
        assert said == [*meant, answer.expire_at.timestamp(), _encode(session_key)], claims


def check_warned(expect, warned):
    warned = warned.replace("'", '"')
    assert bool(warned) == ("warns" in expect), warned
    assert all(text in warned for text in expect.get("warns", [])), warned


def check_error(expect, members, error):
    assert isinstance(error, TYPES[expect["error"]]), f"{expect['error']} expected: {error!r}"
    for name, attribute in ATTRIBUTES.items():
        if name in expect:
            assert getattr(error, attribute) == expect[name], f"{name}: {error}"
    assert error.reference_id == members["referenceId"], error
    if "fields" in expect:
        assert sorted(item.field for item in error.errors) == sorted(expect["fields"]), error
    if "reasons" in expect:
        assert [item.reason for item in error.errors] == expect["reasons"], error
    said = str(error).replace("'", '"')
    assert all(text in said for text in expect.get("mentions", [])), error
