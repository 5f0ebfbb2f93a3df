"""What people get wrong, from the common table. Each error must name the fault and must not show a key."""

import json
import pathlib
import tempfile
import traceback

from token_client import InputError, TokenClient

URL = "https://api.example.com"


def check_all(tally, credentials_file, table):
    credentials = json.loads(credentials_file.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "credentials.json"
        for row in table["inputs"]:
            changed = {**credentials, **row.get("credentials", {})}
            file.write_text(row.get("credentialsText", json.dumps(changed)), "utf-8")
            tally.check(f"input: {row['name']}", check_row, row, file, changed)
    tally.check("input: a client that is printed", check_printed, credentials)
    tally.check("input: a request that is no JSON", check_no_json, credentials)


def check_row(row, file, credentials):
    try:
        client = TokenClient.load(file, url=row.get("url", URL))
        if "open" in row:
            client.decrypt(row["open"])
    except InputError as error:
        for text in row["mentions"]:
            assert text.lower() in str(error).lower(), f"does not mention {text}: {error}"
        assert_no_key("".join(traceback.format_exception(error)), credentials)
        # Error reporters send these too. (A traceback's local variables are theirs to filter.)
        assert_no_key(repr((vars(error), vars(error.__cause__ or error.__context__ or error))), credentials)
    else:
        raise AssertionError("was not refused")


def check_printed(credentials):
    client = TokenClient(credentials, url=URL)
    assert_no_key(f"{client} {client!r}", credentials)


def check_no_json(credentials):
    client = TokenClient(credentials, url="http://127.0.0.1:1")
    for value in (float("nan"), b"bytes"):
        try:
            client.get_token({"accountNumber": value})
        except InputError:
            continue
        raise AssertionError(f"{value} was not refused")


def assert_no_key(text, credentials):
    jwks = credentials["payloadKeys"]
    listed = [jwk.get("k") for jwk in jwks["keys"]] if isinstance(jwks, dict) else [jwks]
    for key in filter(None, [credentials["apiKey"], credentials["sdkApiKey"], *listed]):
        assert key[:20] not in text, "the error shows a key"
