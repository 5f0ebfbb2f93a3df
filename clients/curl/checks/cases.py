"""The common table of cases, against the service. clients/cases.json says what each member means."""

import json
import time
import urllib.request
import uuid

from shell import CredentialsFile, call


def check_all(tally, url, credentials_file, server_keys, table):
    run = Run(url, credentials_file, server_keys, table)
    for row in table["cases"]:
        tally.check(f"case: {row['name']}", run.check, row)


class Run:
    """What the cases of one run share: one SDK key pair, the referenceIds, and the tokens."""

    def __init__(self, url, credentials_file, server_keys, table):
        self.url, self.request = url, table["request"]
        self.credentials = json.loads(credentials_file.read_text("utf-8"))
        self.sdk_key = call("sdk-key").output
        self.sdk_public_key = call("sdk-public-key", stdin=self.sdk_key).output.decode().strip()
        self.server_keys = json.loads(server_keys.read_text("utf-8")) if server_keys else None
        self.ids, self.tokens = {}, {}

    def check(self, row):
        expect = row["expect"]
        same = self.ids.get(row.get("sameReferenceId"))
        self.ids[row["name"]] = row.get("referenceId") or same or str(uuid.uuid4())
        front = f"{self.url}/front/{'.'.join(row['front'])}/{uuid.uuid4().hex}" if "front" in row else None
        members = self.members(row)
        started = time.monotonic()
        with CredentialsFile(self.changed(row)) as credentials:
            ended = self.call(row, row.get("url") or front or self.url, credentials, members)
        seconds = time.monotonic() - started
        warned = " ".join(line for line in ended.message.splitlines() if " is ignored. " in line)
        assert bool(warned) == ("warns" in expect), warned
        assert all(text in warned for text in expect.get("warns", [])), warned

        if expect.get("token"):
            self.check_token(row, members, ended)
        elif expect.get("invalidated"):
            assert ended.ok and ended.object()["requestId"], ended.message
        else:
            check_error(expect, members, ended)
        if "calls" in expect:
            with urllib.request.urlopen(front) as counted:
                calls = json.load(counted)["calls"]
            assert calls == expect["calls"], f"{calls} calls"
        assert expect.get("atLeastSeconds", 0) <= seconds <= expect.get("atMostSeconds", 60), f"took {seconds:.1f} s"

    def changed(self, row):
        credentials = {**self.credentials, **row.get("credentials", {})}
        if "keys" in row:
            credentials["payloadKeys"] = {"keys": [self.credentials["payloadKeys"]["keys"][at] for at in row["keys"]]}
        return credentials

    def members(self, row):
        usual = {**self.request, "referenceId": self.ids[row["name"]], "sdkPublicKey": self.sdk_public_key}
        filler = {"filler": "a" * row["filler"]} if "filler" in row else {}
        return {**usual, **row.get("change", {}), **filler}

    def call(self, row, url, credentials, members):
        options = ["--url", url]
        options += ["--legacy"] if row.get("path") == "legacy" else []
        options += ["--no-kid"] if row.get("kid") is False else []
        if row.get("call") == "invalidate":
            return call("invalidate", *options, credentials, members["referenceId"])
        if row.get("call") == "renew":
            return call("renew", *options, credentials, stdin=json.dumps(self.renewal(row, members)))
        if "body" not in row:
            return call("token", *options, credentials, stdin=json.dumps(members))
        plaintext = json.dumps({"sdkApiKey": self.credentials["sdkApiKey"], **members})
        jwe = call("encrypt", credentials, stdin=plaintext).output.decode()
        at = len(jwe) // 2
        body = {
            "plain": plaintext,
            "quoted": f'"{jwe}"',
            "truncated": jwe[:-30],
            "tampered": jwe[:at] + ("B" if jwe[at] == "A" else "A") + jwe[at + 1 :],
        }[row["body"]]
        return call("send", *options, credentials, members["referenceId"], stdin=body)

    def renewal(self, row, members):
        answer = self.tokens[row["sameReferenceId"]]
        session_key = call("session-key", answer["serverPubKey"], stdin=self.sdk_key).output.decode().strip()
        secrets = {"sessionKey": session_key, "accountNumber": members["accountNumber"]}
        return {**answer, **secrets, **row.get("change", {})}

    def check_token(self, row, members, ended):
        assert ended.ok, ended.message
        answer = ended.object()
        assert answer["referenceId"] == members["referenceId"], answer
        assert answer["replayed"] == row["expect"]["replayed"], answer
        assert answer["requestId"] and answer["expireAt"] > time.time() * 1000, answer
        if same := row["expect"].get("sameTokenAs"):
            names = ("token", "serverPubKey", "expireAt")
            assert [answer[name] for name in names] == [self.tokens[same][name] for name in names], f"is not the token of {same!r}"
        else:
            earlier = [earlier["token"] for earlier in self.tokens.values()]
            assert answer["token"] not in earlier, "an earlier case got this token"
        self.tokens[row["name"]] = answer
        derived = call("session-key", answer["serverPubKey"], stdin=self.sdk_key)
        assert derived.ok and len(derived.output.strip()) == 43, derived.message
        if self.server_keys:
            self.check_claims(members, answer, derived.output.decode().strip())

    def check_claims(self, members, answer, session_key):
        # A token is sealed as an answer is, so what opens answers opens it, given the service's keys.
        with CredentialsFile({**self.credentials, "payloadKeys": self.server_keys["token"]}) as credentials:
            opened = call("decrypt", credentials, stdin=answer["token"])
        assert opened.ok, opened.message
        claims = json.loads(opened.output)
        said = [claims["sub"], claims["client_id"], claims["ref"], claims["exp"] * 1000, claims["cnf"]["jwk"]["k"]]
        meant = [members["accountNumber"], self.credentials["partnerId"], members["referenceId"], answer["expireAt"]]
        assert said == [*meant, session_key], claims


def check_error(expect, members, ended):
    error = ended.object()
    assert error["error"] == expect["error"], error
    for name in ("status", "code", "retryable", "authenticated", "retryAfter"):
        if name in expect:
            assert error[name] == expect[name], f"{name}: {error}"
    assert error["referenceId"] == members["referenceId"], error
    assert error["message"] in ended.message, ended.message
    if "fields" in expect:
        assert sorted(item["field"] for item in error["errors"]) == sorted(expect["fields"]), error
    if "reasons" in expect:
        assert [item["reason"] for item in error["errors"]] == expect["reasons"], error
    assert all(text in error["message"] for text in expect.get("mentions", [])), error
