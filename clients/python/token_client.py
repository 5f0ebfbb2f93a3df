# SPDX-License-Identifier: MIT-0
"""Asks the token service for tokens, and ends their sessions, on a partner's server.

Copy this file. It needs Python 3.10 or newer and `pip install joserfc`, nothing else.

    client = TokenClient.load("credentials.json", url="https://api.example.com/prod")
    answer = client.get_token({
        "referenceId": id,            # yours: a UUID, stored before the call, so that a repeat gets the same token
        "sdkPublicKey": from_the_sdk, # as the app sent it
        "accountNumber": "123123123",
    })

Then give answer.server_pub_key and answer.token to the app. The other members are in docs/protocol.md. At logout:

    client.invalidate(id)

A call encrypts with the first payload key of the credentials, opens the answer with any of them, and tries again by itself
where that can help. It raises errors of four types, each of which says what to do: InputError, RefusedError,
NoAnswerError and UnreadableAnswerError. `error.retryable` tells whether the same call may succeed later; make it with the
same referenceId.

To rotate a payload key, put the new key first in the credentials file, once the operator says that the service has it,
and take the old one out when no call that used it is under way.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import http.client
import ipaddress
import json
import random
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from joserfc import errors as jose_errors
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey

TOKEN_PATH = "/token-service/client/server/new/v2/token"
"""The path of Get Token below the service's URL."""

LEGACY_TOKEN_PATH = "/token-service/client/server/new/token"
"""The first version's path, whose resCode is a number. What a call gives is the same on both."""


@dataclass(frozen=True)
class Answer:
    """A token."""

    token: str = field(repr=False)
    """For the SDK; nobody else can read it."""
    server_pub_key: str
    """For the SDK, which derives the session key from it."""
    expire_at: datetime
    """The SDK renews the token before then."""
    reference_id: str
    """The one that was asked for."""
    replayed: bool
    """An earlier call with this referenceId made this token."""
    request_id: str | None
    """For the operator, if you have a question."""


class TokenClient:
    """Calls the service for one partner. Make one and keep it: threads may share it.

    credentials -- partnerId, apiKey, sdkApiKey, payloadKeys (a JWK Set, the newest key first), and url
    url         -- the service's, if it is not in the credentials
    send_kid    -- name the key in the request. If not, the service tries each of yours
    attempts    -- tries of a call
    timeout     -- seconds that each step of a try may take
    max_pause   -- seconds, the longest pause between two tries. If the service asks for more, the call ends with its error

    Raises InputError, which names what is wrong with them, and shows no key.
    """

    def __init__(
        self, credentials, *, url=None, path=TOKEN_PATH, send_kid=True, attempts=4, timeout=30, max_pause=30
    ):
        self.partner_id = _visible(credentials.get("partnerId"), "partnerId")
        self._api_key = _visible(credentials.get("apiKey"), "apiKey")
        self._sdk_api_key = _visible(credentials.get("sdkApiKey"), "sdkApiKey")
        self._keys = _payload_keys(credentials.get("payloadKeys"))
        self._url = _service_url(credentials.get("url") if url is None else url)
        self._path = path
        self._send_kid, self._attempts, self._timeout, self._max_pause = send_kid, attempts, timeout, max_pause
        self._http = urllib.request.build_opener(_NoRedirect)

    @classmethod
    def load(cls, file, **options):
        """Reads a credentials file. The options are those of the class."""
        try:
            with open(file, "rb") as opened:
                # PowerShell and editors of Windows begin a file with a byte order mark.
                text = opened.read().removeprefix(b"\xef\xbb\xbf")
                return cls(_object(text, "the credentials"), **options)
        except (InputError, OSError) as error:
            fault = error
        raise InputError(f"{file}: {fault}")

    def __repr__(self):
        return f"<TokenClient of {self.partner_id} at {self._url}{self._path}>"

    def get_token(self, members) -> Answer:
        """Asks for a token.

        Adds sdkApiKey from the credentials, and a random referenceId if there is none: give your own, so that you can
        repeat the call after a crash. Members that are wrong are the service's to name, in a RefusedError. It ignores
        those whose names it does not know: of a name that is probably misspelt there is a Python warning.
        """
        request = {"referenceId": str(uuid.uuid4()), "sdkApiKey": self._sdk_api_key, **members}
        try:
            plaintext = json.dumps(request, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InputError(f"the request cannot be written as JSON: {error}") from error
        for name in request:
            if meant := _meant(name):
                warnings.warn(f"{name!r} is ignored. Is {meant} meant? Names are compared exactly", stacklevel=2)
        # Encrypted anew for each try: every body has an IV of its own.
        return self._retry(self._get_token(request["referenceId"], request), lambda: self.encrypt(plaintext))

    def send(self, reference_id, body) -> Answer:
        """get_token for a body that was encrypted before, as it is."""
        return self._retry(self._get_token(reference_id), lambda: body)

    def invalidate(self, reference_id) -> str | None:
        """Ends the session that get_token began with this referenceId: at logout, or after a timeout of your own.

        Its token can no longer be renewed, and resource servers learn that it is inactive. To invalidate again changes
        nothing. Gives the request's id, for the operator. Raises RefusedError TOK404 with the reason unknown if there is no
        such session: it has ended, or never was yours.
        """
        plaintext = json.dumps({"tokenReferenceId": reference_id}, separators=(",", ":")).encode()
        headers = {"X-API-KEY": self._api_key}
        call = _Call("server/invalidate", reference_id, headers, self._keys, _invalidated)
        return self._retry(call, lambda: self.encrypt(plaintext))

    def renew(self, answer: Answer, session_key: bytes, account_number: str) -> Answer:
        """Renews a token as the SDK does: for tests without the app.

        answer is that of get_token, or of the renewal before; session_key that of SdkKeyPair. All tries present one token,
        so that they get one new one.
        """
        if len(session_key) != 32:
            raise InputError("the session key must have 32 bytes")
        key = OctKey.import_key(session_key)
        headers = {
            "X-API-KEY": self._sdk_api_key,
            "X-API-TOKEN": _visible(answer.token, "token"),
            "X-ACCOUNT-NUMBER": _visible(account_number, "account_number"),
        }
        plaintext = json.dumps({"token": answer.token}, separators=(",", ":")).encode()

        def renewed(said, *context):
            return _token({**said, "serverPubKey": answer.server_pub_key}, *context)

        call = _Call("app/renew", answer.reference_id, headers, [(None, key)], renewed)
        return self._retry(call, lambda: _seal(plaintext, key))

    def _get_token(self, reference_id, members=None):
        return _Call("server/new", reference_id, {"X-API-KEY": self._api_key}, self._keys, _token, members or {})

    def _retry(self, call, body):
        # All tries have one referenceId, so that they have one effect however many of them reached the service.
        for attempt in range(1, self._attempts + 1):
            try:
                return self._call(call, body())
            except TokenError as error:
                asked = getattr(error, "retry_after", 0)
                if not error.retryable or attempt == self._attempts or asked > self._max_pause:
                    raise
            # Doubles from 0.2 s, half of it random, so that clients that failed together do not come back together.
            time.sleep(asked + 0.1 * 2 ** (attempt - 1) * (1 + random.random()))

    def _call(self, call, body):
        # All paths are made alike, those of the first version too.
        url = self._url + self._path.replace("server/new", call.operation)
        headers = {**call.headers, "Content-Type": "text/plain"}
        request = urllib.request.Request(url, body.encode(), headers, method="POST")
        try:
            try:
                response = self._http.open(request, timeout=self._timeout)
            except urllib.error.HTTPError as answer:
                response = answer
            with response:
                said = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError(call.reference_id, error) from error
        return self._read(call, response, said.decode(errors="replace"))

    def _read(self, call, response, body):
        """An answer or an error of what came. Only what one of the call's keys opens is the service's word."""
        reference_id = call.reference_id
        status, request_id = response.status, response.headers.get("X-Request-Id")
        encrypted = status == 200 or body.startswith("ey")
        said = {}
        try:
            said = _object(_open(body, call.keys) if encrypted else body.encode(), "its text")
            if encrypted and said.get("referenceId", reference_id) != reference_id:
                raise InputError("it is the answer to another referenceId: do not use it")
        except InputError as error:
            if encrypted:
                raise UnreadableAnswerError(status, reference_id, request_id, error) from error
        code = _code(said.get("resCode"))
        if not encrypted or code != "TOK200":
            asked = response.headers.get("Retry-After", "")
            raise RefusedError(
                status,
                code,
                str(said.get("resDesc", "")),
                _field_errors(said.get("errors")),
                reference_id,
                request_id,
                retry_after=int(asked) if re.fullmatch("[0-9]{1,6}", asked) else 0,
                authenticated=encrypted,
                members=call.members,
            )
        try:
            return call.read(said, reference_id, response.headers.get("Idempotent-Replayed") == "true", request_id)
        except InputError as error:
            raise UnreadableAnswerError(status, reference_id, request_id, error) from error

    def encrypt(self, plaintext: bytes) -> str:
        """The body of a request: plaintext under the first payload key, as compact JWE (RFC 7516)."""
        kid, key = self._keys[0]
        return _seal(plaintext, key, kid if self._send_kid else None)

    def decrypt(self, text: str) -> bytes:
        """Opens an answer's body: with the payload key that it names, or, if it names none, with each in order.

        Raises InputError, which says why it cannot be opened.
        """
        return _open(text, self._keys)


class SdkKeyPair:
    """The SDK's key pair, fresh for each session: for tests without the app. In production it never leaves the device."""

    def __init__(self, private_jwk=None):
        self._key = ECKey.import_key(private_jwk) if private_jwk else ECKey.generate_key("P-256")

    @property
    def public_key(self) -> str:
        """The sdkPublicKey member of a request."""
        jwk = self._key.as_dict(private=False)
        point = {"kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"]}
        return _encode(json.dumps(point, separators=(",", ":")).encode())

    def session_key(self, server_pub_key: str) -> bytes:
        """Derives the 32 bytes that the SDK and the service share: ECDH-ES of RFC 7518 section 4.6."""
        jwk = _object(_decode(server_pub_key, "serverPubKey"), "serverPubKey")
        if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
            raise InputError("serverPubKey's kty and crv must be EC and P-256")
        point = [_decode(jwk.get(name), f"{name} of serverPubKey") for name in "xy"]
        if any(len(coordinate) != 32 for coordinate in point):
            raise InputError("serverPubKey's x and y must be 43 base64url characters each, 32 bytes")
        try:
            # joserfc takes a coordinate of the field's prime or more, and reduces it.
            if any(int.from_bytes(coordinate, "big") >= _P256_PRIME for coordinate in point):
                raise ValueError("a coordinate is not below the field's prime")
            theirs = ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")})
            z = self._key.exchange_derive_key(theirs)
        except (jose_errors.JoseError, ValueError) as error:
            raise InputError("serverPubKey's x and y are no point of P-256") from error
        # Concat KDF, one round: 1 || Z || length and name of the algorithm || no apu || no apv || 256 bits.
        one, seven, zero, bits = (number.to_bytes(4, "big") for number in (1, 7, 0, 256))
        return hashlib.sha256(one + z + seven + b"A256GCM" + zero + zero + bits).digest()


# Errors


class TokenError(Exception):
    """What all errors of this file have in common."""

    retryable = False
    """Whether the same call, with the same referenceId, may succeed later."""


class InputError(TokenError):
    """A fault in the credentials, the URL or the request, found before anything was sent. Its text says what to do."""


@dataclass(frozen=True)
class FieldError:
    """A member of the request, and the rule that it broke."""

    field: str
    reason: str


class RefusedError(TokenError):
    """The service's answer if it is no success.

    status        -- HTTP's
    code          -- such as TOK400; empty if API Gateway or a proxy answered instead of the service
    description   -- for people
    errors        -- the members that failed, as FieldError
    reference_id  -- the request's: repeat the call with it
    request_id    -- for the operator
    retry_after   -- seconds that the service asked to wait
    authenticated -- it was encrypted. If not, anybody on the way could have written it: take it as a hint
    """

    def __init__(
        self,
        status,
        code,
        description,
        errors,
        reference_id,
        request_id,
        *,
        retry_after=0,
        authenticated=False,
        members=None,
    ):
        # With !r, so that no line break gets from a stranger's answer into a log.
        failing = "".join(f"; {error.field!r}: {error.reason!r}{_hint(error.field, members)}" for error in errors)
        super().__init__(
            f"the token service answered HTTP {status} {code!r} {description!r}{failing}. "
            f"{_advice(status, code, errors, description)} [referenceId {reference_id}, request {request_id}]"
        )
        self.status, self.code, self.description, self.errors = status, code, description, errors
        self.reference_id, self.request_id = reference_id, request_id
        self.retry_after, self.authenticated = retry_after, authenticated
        self.retryable = status in _RETRYABLE


class NoAnswerError(TokenError):
    """Nothing came back, or not all of it. The call may have had its effect all the same: repeat it with the same referenceId."""

    retryable = True

    def __init__(self, reference_id, cause):
        reason = getattr(cause, "reason", None) or str(cause) or type(cause).__name__
        super().__init__(
            f"no answer from the token service: {reason}. Try again with the same referenceId {reference_id}"
        )
        self.reference_id = reference_id


class UnreadableAnswerError(TokenError):
    """What came is not, or not provably, the service's answer to this call. Do not use it."""

    def __init__(self, status, reference_id, request_id, fault):
        super().__init__(
            f"the answer (HTTP {status}) cannot be read: {fault} [referenceId {reference_id}, request {request_id}]"
        )
        self.status, self.reference_id, self.request_id = status, reference_id, request_id
        self.retryable = status in _RETRYABLE


def _advice(status, code, errors, description):
    if status in _RETRYABLE:
        return "Try again later with the same referenceId"
    if code == "TOK409":
        if errors and errors[0].reason == "reused":
            return "Another request had this referenceId: find out why before you take a new one"
        return "The token of this referenceId is no longer valid: ask again under a new referenceId"
    if code == "TOK401":
        if errors and errors[0].reason == "superseded":
            return "This token was renewed already: use the newest one of its session"
        return "This token cannot be renewed: get a new one under a new referenceId"
    if code == "TOK404" and errors:
        return "There is nothing to invalidate: the session has ended, or never was yours"
    if status == 413:
        return "Send less data"
    return {
        "TOK002": "Check apiKey in the credentials (for renew: sdkApiKey); if it was just issued, try again in a minute; else "
        "ask the operator",
        "TOK003": "Do not try again in a loop; report it with the request id",
        "TOK004": "Check sdkApiKey in the credentials",
        "TOK400": "Correct every member that is named"
        if errors
        else "Correct the JSON as a whole, of which no member is named: docs/errors.md (TOK400) has the usual causes",
        "TOK422": "Send the compact JWE alone, as it is: neither the request's JSON nor JSON with the JWE in it"
        if description.startswith("The body is JSON")
        else "No payload key on file for you opens this body: check that the credentials are those of this "
        "URL, and that the service has the first key of payloadKeys (for renew: that the session key is the token's)",
    }.get(code, f"Check the URL: it ends before {TOKEN_PATH}")


def _code(res_code):
    """resCode is a number on LEGACY_TOKEN_PATH: 100 is TOK200, and 2 is TOK002."""
    if res_code == 100:
        return "TOK200"
    return f"TOK{res_code:03}" if isinstance(res_code, int) else str(res_code or "")


def _field_errors(errors):
    listed = [item for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []
    return [FieldError(str(item.get("field", "")), str(item.get("reason", ""))) for item in listed]


# What people write instead of what is meant

_NAMES = """
referenceId refid refno
sdkPublicKey publickey
sdkApiKey sdkkey
accountNumber account accountid accountno accountnum accno
firstName givenname
lastName surname familyname
name fullname customername
email mail emailid emailaddress
isdCode isd countrycode dialcode
mobileNumber mobile mobileno phone phonenumber telephone
dob birthdate birthday dateofbirth
data
"""
"""The members, each with other names that people have for it, without case and marks."""
_MEMBERS = {line.split()[0] for line in _NAMES.split("\n") if line} | {"firstname", "lastname"}
_PLAIN = {name.lower(): line.split()[0] for line in _NAMES.split("\n") for name in line.split()}


def _meant(name):
    """The member that an unknown name is probably a misspelling of."""
    plain = "".join(c for c in str(name).lower().replace("\u0131", "i") if c.isalnum())
    return None if name in _MEMBERS else _PLAIN.get(plain)


def _hint(name, members):
    """The first character that cannot stand in a member, or the entry of data that breaks a rule. Never the value."""
    value = (members or {}).get(name)
    if name == "data" and isinstance(value, dict):
        entries = (f" ({key!r} has no string of at most 1,024 characters)" for key, it in value.items() if not _is_entry(it))
        return next(entries, "")
    if name in ("accountNumber", "dob", "isdCode", "mobileNumber"):
        allowed = "[0-9]"
    elif name == "referenceId":
        allowed = "[A-Za-z0-9._:-]"
    elif name in ("email", "sdkApiKey", "sdkPublicKey"):
        allowed = "[!-~]"
    else:
        allowed = r"[^\x00-\x1f\x7f-\x9f]"
    for position, character in enumerate(value if isinstance(value, str) else "", 1):
        is_plus = position == 1 and character == "+" and name in ("isdCode", "mobileNumber")
        if not is_plus and not re.fullmatch(allowed, character, re.DOTALL):
            return f" (U+{ord(character):04X} at character {position})"
    return ""


def _is_entry(value):
    return isinstance(value, str) and len(value) <= 1024


# Reading what came, and what people wrote

_RETRYABLE = (429, 502, 503, 504)
_CURLY_QUOTES = "“”„‟‘’‚‛«»"
_P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
_REGISTRY = jwe.JWERegistry(algorithms=["dir", "A256GCM"], strict_check_header=False)
_REGISTRY.max_protected_header_length = 2048  # encoded, of the 1,024 that the protocol allows


@dataclass(frozen=True)
class _Call:
    """What the calls differ in. read makes a success's members into what the caller gets, or raises InputError."""

    operation: str
    reference_id: str
    headers: dict = field(repr=False)
    keys: list = field(repr=False)
    read: Callable
    members: dict = field(default_factory=dict, repr=False)


def _token(said, reference_id, replayed, request_id):
    """What get_token and renew give."""
    token, server_pub_key, expire_at = (said.get(name) for name in ("token", "serverPubKey", "expireAt"))
    if not (said.get("referenceId") and token and server_pub_key and isinstance(expire_at, int)):
        raise InputError("it lacks referenceId, token, serverPubKey or expireAt")
    expire_at = datetime.fromtimestamp(expire_at / 1000, timezone.utc)
    return Answer(token, server_pub_key, expire_at, reference_id, replayed, request_id)


def _invalidated(said, _reference_id, _replayed, request_id):
    """What invalidate gives. get_token's answer to the same referenceId opens with the same key, and must not pass for it."""
    if not said.get("referenceId") or "token" in said:
        raise InputError("it is not the answer to an invalidation")
    return request_id


def _seal(plaintext, key, kid=None):
    header = {"alg": "dir", "enc": "A256GCM", **({} if kid is None else {"kid": kid})}
    return jwe.encrypt_compact(header, plaintext, key, registry=_REGISTRY)


def _open(text, all_keys):
    text = text.strip()
    wanted = _kid(text)
    keys = [key for kid, key in all_keys if wanted is None or kid == wanted]
    if not keys:
        raise InputError(f"it is encrypted with the payload key {wanted!r}, which the credentials do not have")
    for key in keys:
        try:
            return jwe.decrypt_compact(text, key, registry=_REGISTRY).plaintext
        except (jose_errors.JoseError, ValueError, TypeError) as error:
            fault = error
    raise InputError(
        "the key does not open it: it was encrypted with another key, cut off, or changed on its way"
    ) from fault


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None  # the API key must not follow one


def _kid(text):
    """The key that a compact JWE names, if any. Checks its form, of which joserfc leaves some to the caller."""
    if not text:
        raise InputError("it is empty")
    if text.startswith("{"):
        raise InputError("it is plain JSON and not encrypted as a compact JWE: nothing vouches for it")
    if text.startswith("<"):
        raise InputError("it is a web page and no JWE: is the URL the token service's?")
    if any(quote in text for quote in "\"'" + _CURLY_QUOTES):
        raise InputError("it has quotes in it, straight or curly: give the JWE alone")
    segments = text.split(".")
    if len(segments) != 5:
        raise InputError(f"it has {len(segments)} of the 5 segments of a compact JWE: is it cut off?")
    names = ("its header", "its encrypted key", "its IV", "its ciphertext", "its tag")
    header, key, iv, _, tag = map(_decode, segments, names)
    if (len(key), len(iv), len(tag)) != (0, 12, 16):
        sizes = f"{len(key)}, {len(iv)} and {len(tag)}"
        raise InputError(f"its encrypted key, IV and tag have {sizes} bytes instead of 0, 12 and 16")
    if len(header) > 1024:
        raise InputError("its header is longer than 1,024 bytes")
    header = _object(header, "its header")
    if (header.get("alg"), header.get("enc")) != ("dir", "A256GCM"):
        raise InputError("its header must say alg dir and enc A256GCM")
    if "crit" in header or "zip" in header:
        raise InputError("its header has crit or zip, which are not supported")
    if not isinstance(header.get("kid", ""), str):
        raise InputError("its header's kid is not a string")
    return header.get("kid")


def _payload_keys(jwks):
    listed = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(listed, list) or not listed:
        raise InputError('payloadKeys must be a JWK Set, {"keys":[...]}, of at least one key, the newest first')
    keys = {}
    for i, jwk in enumerate(listed):
        at = f"payloadKeys.keys[{i}]"
        if not isinstance(jwk, dict) or jwk.get("kty") != "oct":
            raise InputError(f'{at}.kty must be "oct"')
        kid = _visible(jwk.get("kid"), f"{at}.kid")
        if kid in keys:
            raise InputError(f"{at}.kid is that of another key too")
        at = f"{at}.k (kid {kid})"
        if fault := _key_fault(jwk.get("k")):
            raise InputError(f"{at} {fault}")
        keys[kid] = OctKey.import_key(_decode(jwk["k"], at))
    return list(keys.items())


def _key_fault(k):
    """What is wrong with the text of a payload key, without showing it."""
    if not isinstance(k, str) or not k:
        return "must be a string: the key's 32 bytes in base64url"
    if any(quote in k for quote in "\"'" + _CURLY_QUOTES):
        return "has quotes in it, straight or curly, as from a document: copy the 43 characters between them"
    if k.startswith("-----BEGIN"):
        return "is PEM: write the key's 32 bytes in base64url"
    if re.search(r"\s", k):
        return "has white space or a line break in it: it is 43 characters without any"
    if re.fullmatch("[0-9A-Fa-f]{64}", k):
        return "is hex: write the same 32 bytes in base64url, which takes 43 characters"
    if re.fullmatch("[A-Za-z0-9+/]+=*", k) and re.search("[+/=]", k):
        return "is standard base64: for base64url write - for +, _ for /, and leave out ="
    if len(k) != 43:
        return (
            f"has {len(k)} characters, some {len(k) * 6 // 8 * 8} bits: A256GCM needs 256 bits, "
            "which are 43 characters of base64url. Is it cut off, or not encoded?"
        )
    return None


def _visible(text, name):
    """A text of printable ASCII without spaces, as keys and names are."""
    if not isinstance(text, str) or not text:
        raise InputError(f"{name} is missing, or no string")
    for position, character in enumerate(text, 1):
        if character in _CURLY_QUOTES:
            raise InputError(f"{name} has a curly quote in it, as from a document: copy what is between the quotes")
        if not "!" <= character <= "~":
            raise InputError(
                f"{name} has the character U+{ord(character):04X} at position {position}, "
                "where only visible ASCII can stand"
            )
    return text


def _service_url(text):
    if not text:
        raise InputError("there is no URL: give one, or put it into the credentials as url")
    try:
        url = urllib.parse.urlsplit(text)
        host, _ = url.hostname, url.port
    except (ValueError, AttributeError):
        host = None
    if not host or url.username or url.query or url.fragment or not _is_ascii(text):
        raise InputError("the URL must be like https://api.example.com/prod")
    if "/token-service/" in url.path:
        raise InputError("the URL must end before /token-service/...: the client adds the path")
    if url.scheme != "https" and not (url.scheme == "http" and _is_this_machine(host)):
        raise InputError(
            "the URL must begin with https://, as your API key is sent there; http:// is for this machine only"
        )
    return text.rstrip("/")


def _is_ascii(text):
    return re.fullmatch("[!-~]+", text) is not None


def _is_this_machine(host):
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _object(data, what):
    """json.loads, but strict: UTF-8, an object, no member twice. Its errors do not quote, as the text may hold keys."""
    try:
        value = json.loads(data.decode(), object_pairs_hook=_members, parse_constant=_no_constant)
        fault = None if isinstance(value, dict) else f"{what} is not a JSON object"
    except json.JSONDecodeError as error:
        fault = f"{what} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        if error.doc[error.pos : error.pos + 1] in tuple(_CURLY_QUOTES):
            fault = f"{what} is not JSON: line {error.lineno}, column {error.colno}: "
            fault += 'a curly quote, as from a document, where a straight one (") is due'
    except UnicodeDecodeError:
        fault = f"{what} is not UTF-8"
    except (ValueError, RecursionError) as error:
        fault = f"{what} is not JSON: {error}"
    if fault:
        # Outside of except: Python would keep the text of the failed parse with the error.
        raise InputError(fault)
    return value


def _members(pairs):
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is there twice")
    return members


def _no_constant(name):
    raise ValueError(f"{name} is no JSON")


def _decode(text, what):
    """Canonical base64url without padding. The decoder alone takes more."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError, TypeError):
        data = None
    if data is None or _encode(data) != text:
        raise InputError(f"{what} is not base64url without padding: is it cut off, or changed?")
    return data


def _encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
