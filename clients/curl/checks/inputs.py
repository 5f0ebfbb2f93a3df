"""What people get wrong, from the common table. Each error must name the fault and must not show a key."""

import json

from shell import CredentialsFile, call

URL = "https://api.example.com"


def check_all(tally, credentials_file, table):
    credentials = json.loads(credentials_file.read_text("utf-8"))
    for row in table["inputs"]:
        tally.check(f"input: {row['name']}", check_row, row, {**credentials, **row.get("credentials", {})})
    tally.check("input: a number that jq rounds", check_rounded, credentials_file)
    tally.check("input: a request that is no JSON", check_no_json, credentials_file)
    tally.check("input: an unknown option", check_option, credentials_file)


def check_row(row, credentials):
    with CredentialsFile(row.get("credentialsText", credentials)) as file:
        if "open" in row:
            ended = call("decrypt", file, stdin=row["open"])
        else:
            ended = call("token", "--url", row.get("url", URL), file, stdin="{}")
    assert_says(ended, *row["mentions"])
    jwks = credentials["payloadKeys"]
    listed = [jwk.get("k") for jwk in jwks["keys"]] if isinstance(jwks, dict) else [jwks]
    for key in filter(None, [credentials["apiKey"], credentials["sdkApiKey"], *listed]):
        assert key[:20] not in ended.message + ended.output.decode(), "the error shows a key"


def check_rounded(file):
    ended = call("token", "--url", "http://127.0.0.1:1", file, stdin='{"accountNumber":9007199254740993001}')
    assert_says(ended, "accountNumber", "string")


def check_no_json(file):
    assert_says(call("token", "--url", URL, file, stdin="{\n  “referenceId”: 1}"), "line 2", "column 3", "curly")


def check_option(file):
    assert_says(call("token", "--kid", file), "--kid")


def assert_says(ended, *mentions):
    assert ended.status == 2, f"exit status {ended.status}: {ended.message}"
    for text in mentions:
        assert text.lower() in ended.message.lower(), f"does not mention {text}: {ended.message}"
