"""renewal.json: what an SDK sends to renew its token, and what it is answered."""

from .answer import MEMBERS_FAIL, NOT_JSON, problem
from .jose import b64url, compact_json, fixed, header, iv_of, key_bytes, seal
from .request import NEWEST as PAYLOAD_KEY, SDK_API_KEY
from .token import KEY, RENEWED, claims, token, token_header

PATH, LEGACY_PATH = "/token-service/client/app/renew/v2/token", "/token-service/client/app/renew/token"
REFERENCE = claims("usual")["ref"]
PRESENTED = token("usual", token_header())
RENEWED_TOKEN = token("renewed", token_header(), **RENEWED)
UNOPENABLE = ("The body is not a JWE that this service can open: send a compact JWE, alg dir, enc A256GCM, under the "
              "session key")


def vectors():
    return positive() + negative()


def sealed(label, text, key=KEY, protected=None):
    """One JWE, with what it is made of."""
    protected = header() if protected is None else protected
    iv = iv_of(label)
    return {
        "headerUtf8": protected, "ivBase64url": b64url(iv), "plaintextUtf8": text,
        "jwe": seal(protected, key, iv, text.encode()),
    }


def asked(**changed):
    headers = {"X-API-TOKEN": PRESENTED, "X-API-KEY": SDK_API_KEY, "X-ACCOUNT-NUMBER": "123123123"} | {
        name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in headers.items() if value is not None}


def exchange(name, comment, request, answer, headers=None, fault=None, path=PATH):
    vector = {"name": name, "comment": comment, "valid": fault is None}
    if fault is not None:
        vector["fault"] = fault
    return vector | {
        "path": path, "headers": asked() if headers is None else headers, "sessionKeyHex": KEY.hex(),
        "request": request, "answer": answer,
    }


def usual_text(**more):
    return compact_json({"token": PRESENTED} | more)


def answered(name, status, members):
    return {"httpStatus": status} | sealed(f"renewal answer {name}", compact_json(members))


def positive():
    def renews(name, comment, code="TOK200", text=None, protected=None, path=PATH):
        success = {
            "resCode": code, "resDesc": "SUCCESS", "referenceId": REFERENCE, "token": RENEWED_TOKEN,
            "expireAt": RENEWED["exp"] * 1000,
        }
        request = sealed(f"renewal {name}", usual_text() if text is None else text, protected=protected)
        return exchange(name, comment, request, answered(name, 200, success), path=path)

    return [
        renews("usual",
               "The tokens are `usual` and `renewed` of token.json. There is no `serverPubKey`: the key stays."),
        renews("kid", "Any `kid` is allowed and says nothing; the answer has none.", protected=header("any name")),
        renews("unknown-member", "Unknown members are ignored.", text=usual_text(deviceId="d")),
        renews("legacy", "On the older path `resCode` is an integer.", code=100, path=LEGACY_PATH),
    ]


def negative():
    return [*unopened(), *of_members(), *ended()]


def unopened():
    """These are answered in the clear."""
    def told(name, fault, comment, status, code, text, headers=None, request=None):
        if request is None:
            request = sealed(f"renewal {name}", usual_text())
        answer = {"httpStatus": status, "bodyUtf8": compact_json(problem(code, text))}
        return exchange(name, comment, request, answer, headers, fault)

    def refused(name, fault, comment, jwe, text=UNOPENABLE):
        return told(name, fault, comment, 400, "TOK422", text, request={"jwe": jwe})

    def under(name, key=KEY, protected=None):
        return sealed(f"renewal {name}", usual_text(), key, protected)["jwe"]

    no_token = (401, "TOK401", "X-API-TOKEN is missing, or no token of this service")
    no_key = (401, "TOK002", "X-API-KEY is missing, unknown or disabled")
    return [
        told("api-token-missing", "X-API-TOKEN", "The body alone does not say which session it is of.", *no_token,
             asked(X_API_TOKEN=None)),
        told("api-token-altered", "X-API-TOKEN", "One character of the tag. token.json has all that is no token.",
             *no_token, asked(X_API_TOKEN=f"{PRESENTED[:-2]}AA")),
        told("api-key-missing", "X-API-KEY", "The token does not stand for the app.", *no_key, asked(X_API_KEY=None)),
        told("api-key-of-the-server", "X-API-KEY", "The app's key is asked for, and never the server's.", *no_key,
             asked(X_API_KEY="vectors-api-key")),
        refused("payload-key", "wrong-key", "Sealed under the partner's payload key, which no app has.",
                under("payload-key", key_bytes(PAYLOAD_KEY), header(PAYLOAD_KEY))),
        refused("another-session", "wrong-key", "Sealed under the key of another session.",
                under("another-session", fixed("another session", 32))),
        refused("kid-number", "kid-not-a-string", "A `kid` is a string, or left out.",
                under("kid-number", protected='{"alg":"dir","enc":"A256GCM","kid":1}')),
        refused("not-encrypted", "not-encrypted", "The plaintext itself: whoever finds a token could send it.",
                usual_text(), "The body is JSON: send the compact JWE alone, five segments between dots"),
    ]


def of_members():
    required, other_token = ("token", "is required"), ("token", "must be the token in X-API-TOKEN")
    other_account = ("X-ACCOUNT-NUMBER", "must be the token's account number")

    def fails(name, fault, comment, plaintext, errors, headers=None, text=MEMBERS_FAIL):
        members = problem("TOK400", text, REFERENCE, errors)
        request = sealed(f"renewal {name}", plaintext if isinstance(plaintext, str) else compact_json(plaintext))
        return exchange(name, comment, request, answered(name, 400, members), headers, fault)

    return [
        fails("token-missing", "token", "The body proves the key only for what it names.", {}, [required]),
        fails("token-null", "token", "`null` is absent.", {"token": None}, [required]),
        fails("token-not-a-string", "token", "A token is a string.", {"token": 1}, [("token", "must be a string")]),
        fails("token-other", "token", "A token of the same session, but not the one in the header.",
              {"token": RENEWED_TOKEN}, [other_token]),
        fails("account-number-missing", "X-ACCOUNT-NUMBER", "The header is required.", usual_text(),
              [("X-ACCOUNT-NUMBER", "is required")], asked(X_ACCOUNT_NUMBER=None)),
        fails("account-number-zero", "X-ACCOUNT-NUMBER", "Compared as text: a leading zero makes another number.",
              usual_text(), [other_account], asked(X_ACCOUNT_NUMBER="0123123123")),
        fails("several", "several", "All that fails is told at once.", {"token": RENEWED_TOKEN},
              [other_account, other_token], asked(X_ACCOUNT_NUMBER="1")),
        fails("token-repeated", "repeated-member", "The same value twice is twice.",
              usual_text()[:-1] + "," + usual_text()[1:], [("token", "has a repeated member")], text=NOT_JSON),
        fails("not-an-object", "not-an-object", "JSON, but not an object.", [PRESENTED], [], text=NOT_JSON),
    ]


def ended():
    """These are sound. It is the session that has no next token for them."""
    def fails(name, comment, text):
        members = problem("TOK401", text, REFERENCE, [("token", name)])
        request = sealed(f"renewal {name}", usual_text())
        return exchange(name, comment, request, answered(name, 401, members), fault=name)

    return [
        fails("expired", "The session's end has come, or its record is gone.",
              "The session has expired: get a new token"),
        fails("revoked", "The partner has invalidated the session.", "The session was ended: get a new token"),
        fails("superseded", "This token was renewed, and so was the next one.",
              "The token was renewed: use the session's current one"),
    ]
