"""The templates are deployed by `make deploy`'s own script to an emulator of AWS that enforces IAM and runs the real
bootstrap. An operator fills the secrets by `tokenctl`, and a partner calls through the emulated API Gateway.

In order: each test goes on where the one before it stopped, as the life of a stack does.
"""

import base64
import contextlib
import copy
import hashlib
import http.client
import json
import pathlib
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import contract
import pytest
from botocore.exceptions import ClientError

from checks.emulator import STACK, UNKNOWN, Emulator, binary, for_emulator, lay_out, running
from checks.template import BESIDE, CORE, ROOT, of_type, written

V2 = "/token-service/client/server/new/v2/token"
LEGACY = "/token-service/client/server/new/token"
(INTROSPECT,) = contract.operations()["Introspect"]


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


class Stack:
    """The deployed stack, its operator and one partner."""

    def __init__(self, emulator: Emulator) -> None:
        self.aws = emulator
        self._tokenctl = binary("tokenctl", "TOKENCTL_BIN")
        self.outputs: dict[str, str] = {}

    def on_stage(self, *arguments: str) -> str:
        return self.aws.run(ROOT / ".venv/sam/bin/python", ROOT / "deploy/stage.py", *arguments)

    def deploy(self, *parameters: str) -> str:
        said = self.on_stage("deploy", "dev", *parameters)
        stack, = self.aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        return said

    def set(self, **variables: str) -> None:
        """Changes literals of the built template, as a change of template.yaml and `make build` would."""
        file = self.aws.folder / ".aws-sam/build/template.yaml"
        template = json.loads(file.read_text())
        template["Resources"]["Function"]["Properties"]["Environment"]["Variables"] |= variables
        file.write_text(json.dumps(template))

    @property
    def url(self) -> str:
        """The stage, by the path that MiniStack serves it under; a real one has a host name of its own."""
        return f"{self.aws.url}/restapis/{self.outputs['ApiId']}/dev/_user_request_"

    def tokenctl(self, *arguments: str | pathlib.Path, **more: str) -> str:
        return self.aws.run(
            self._tokenctl,
            *arguments,
            API_KEYS_SECRET_ID=self.outputs["ApiKeysSecretArn"],
            SERVER_KEYS_SECRET_ID=self.outputs["ServerKeysSecretArn"],
            TOKENS_TABLE=self.outputs["TokensTableName"],
            **{"TOKENCTL_CREDENTIALS": str(self.aws.folder / "acme-credentials.json")} | more,
        )

    @property
    def credentials(self) -> dict[str, Any]:
        return json.loads((self.aws.folder / "acme-credentials.json").read_text())

    def sealed(self, **members: Any) -> bytes:
        """A request's body. Values may break the rules."""
        return self.seal({"sdkPublicKey": SDK_KEY, "accountNumber": "123123123"} | members)

    def seal(self, request: dict[str, Any], **more: str) -> bytes:
        file = self.aws.folder / "request.json"
        file.write_text(json.dumps(request))
        return self.tokenctl("encrypt", "--unchecked", "--no-kid", file, **more).splitlines()[-1].encode()

    def opened(self, reply: Reply, **more: str) -> dict[str, Any]:
        file = self.aws.folder / "answer.txt"
        file.write_text(reply.body)
        return json.loads(self.tokenctl("decrypt", file, **more))

    def call(self, body: bytes, method: str = "POST", path: str = V2, key_header: str = "X-API-KEY", **headers: str) -> Reply:
        """Headers are sent as they are spelt here. An empty one is not sent."""
        names = {"Content-Type": "text/plain", key_header: self.credentials["apiKey"]} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        connection = http.client.HTTPConnection(self.aws.url.removeprefix("http://"), timeout=30)
        try:
            url = self.url.removeprefix(self.aws.url) + path
            connection.request(method, url, body, {name: value for name, value in names.items() if value})
            response = connection.getresponse()
            return Reply(response.status, _lower(response.headers), response.read().decode())
        finally:
            connection.close()


class App:
    """A mobile app with a session: what Get Token gave to its SDK."""

    def __init__(self, stack: Stack, reference: str) -> None:
        self._stack, self.reference = stack, reference
        folder = stack.aws.folder
        public_key = stack.tokenctl("sdk", "keygen", "--out", folder / f"{reference}.json").split()[-1]
        reply = stack.call(stack.sealed(referenceId=reference, sdkPublicKey=public_key))
        assert reply.status == 200
        answer = stack.opened(reply)
        self.token = answer["token"]
        self.key = stack.tokenctl("sdk", "derive", "--key", folder / f"{reference}.json", answer["serverPubKey"]).split()[-1]
        # The session key in the place of the partner's: then tokenctl seals and opens as the SDK does.
        credentials = stack.credentials | {"payloadKeys": {"keys": [{"kty": "oct", "kid": "session", "k": self.key}]}}
        file = folder / f"{reference}-credentials.json"
        file.write_text(json.dumps(credentials))
        self._credentials = {"TOKENCTL_CREDENTIALS": str(file)}

    def renew(self, token: str = "", path: str = "") -> tuple[Reply, dict[str, Any]]:
        """Renews its current token, or another."""
        token = token or self.token
        body = self._stack.seal({"token": token}, **self._credentials)
        reply = self._stack.call(body, path=path or contract.operations()["Renew"][0], X_API_TOKEN=token,
                                 X_API_KEY=self._stack.credentials["sdkApiKey"], X_ACCOUNT_NUMBER="123123123")
        return reply, self._stack.opened(reply, **self._credentials)


# A resource server's credentials.
WALLET = "wallet", "correct horse battery staple"


def introspect(stack: Stack, token: str, secret: str = WALLET[1]) -> Reply:
    credentials = base64.b64encode(f"{WALLET[0]}:{secret}".encode()).decode()
    return stack.call(f"token={token}".encode(), path=INTROSPECT, X_API_KEY="",
                      Content_Type="application/x-www-form-urlencoded", Authorization=f"Basic {credentials}")


def is_active(stack: Stack, token: str) -> bool:
    reply = introspect(stack, token)
    assert reply.status == 200, reply
    return json.loads(reply.body)["active"]


def invalidate(stack: Stack, reference: str, path: str = "") -> Reply:
    return stack.call(stack.seal({"tokenReferenceId": reference}), path=path or contract.operations()["Invalidate"][0])


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def eventually(check: Callable[[], bool], what: str) -> None:
    for _ in range(60):
        if check():
            return
        time.sleep(0.25)
    raise AssertionError(f"not within 15 s: {what}")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("e2e")
    with running(folder) as emulator:
        lay_out(folder)
        yield Stack(emulator)


# The seed's own example of a member: a point on P-256, in a JWK, in base64url.
SDK_KEY = (
    "eyJrdHkiOiJFQyIsImNydiI6IlAtMjU2IiwieCI6Im8xRVFPVF9uU1NFc09LRnAtclk1M1E1b2w5VkVyNG1LSmhOb2R6MU1feVEiLCJ5IjoiTUdpSkxJ"
    "TDBHYWlMZFlzS2tHOUZSLVJ6Y0ljU0ZZX09GMWJlaVlCNW5FUSJ9"
)


def test_the_emulator_knows_all_but_what_is_listed(stack: Stack) -> None:
    unknown = set()
    for file in (CORE, *BESIDE):
        template = written(file)
        if file == CORE:
            template["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://code/function.zip"
        unlinked = {name: "1" for name, parameter in template.get("Parameters", {}).items() if "Default" not in parameter}
        try:
            stack.aws.client("cloudformation").create_change_set(
                StackName="all", ChangeSetName=pathlib.Path(file).stem, ChangeSetType="CREATE", TemplateBody=json.dumps(template),
                Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in unlinked.items()],
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            )
        except ClientError as refused:
            assert "Unrecognized resource types" in str(refused), file
            # Those behind a condition that is false are not looked at.
            unknown |= set(str(refused).partition("[")[2].partition("]")[0].split(", "))
    assert unknown == set(UNKNOWN)


def test_the_emulator_knows_no_alarm_by_metric_math(stack: Stack) -> None:
    alarm = {
        "Metrics": [{"Id": "one", "Expression": "1"}], "EvaluationPeriods": 1, "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    cloudformation = stack.aws.client("cloudformation")
    template = {"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}}}
    cloudformation.create_stack(StackName="math", TemplateBody=json.dumps(template))

    def refused() -> bool:
        events = cloudformation.describe_stack_events(StackName="math")["StackEvents"]
        return any("metric math" in event.get("ResourceStatusReason", "") for event in events)

    eventually(refused, "it refuses metric math")


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ({"ReservedConcurrency": "-1"}, "ReservedConcurrency"),
        ({"Stage": "Prod"}, "must be 2-16 lower-case letters and digits"),
        ({"RollbackOnAlarm": "no"}, "RollbackOnAlarm"),
        ({"AllowedCidrs": "10.0.0.0/8,10.0.0.1"}, "must be IPv4 networks"),
        ({"AlarmEmail": "nobody"}, "must be empty or an e-mail address"),
        ({"DomainName": "token.example.com"}, "DomainName needs CertificateArn"),
        ({"TruststoreUri": "s3://bucket/trust.pem"}, "TruststoreUri needs DomainName"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_is_made(stack: Stack, parameters: dict[str, str], rule: str) -> None:
    with pytest.raises(Exception, match="ValidationError") as refused:
        stack.aws.client("cloudformation").create_change_set(
            StackName=STACK, ChangeSetName="wrong", ChangeSetType="CREATE",
            TemplateBody=json.dumps(for_emulator(CORE, "s3://code/function.zip")),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    assert rule in str(refused.value)


def test_what_would_fail_is_refused_before_a_build(stack: Stack) -> None:
    with pytest.raises(RuntimeError, match="samconfig.toml has no stage tset. There are: dev, prod."):
        stack.on_stage("check", "tset")
    project = stack.aws.folder / "project"
    for folder in ("deploy/checks", "docs", "src"):
        shutil.copytree(ROOT / folder, project / folder)
    for file in ("deploy/stage.py", *BESIDE):
        shutil.copy(ROOT / file, project / file)
    text = (ROOT / CORE).read_text()
    assert text.count('SECRETS_TTL_SECONDS: "300"') == 1
    (project / CORE).write_text(text.replace('SECRETS_TTL_SECONDS: "300"', 'SECRETS_TTL_SECONDS: "20"'))
    with pytest.raises(RuntimeError, match="SECRETS_MIN_REFRESH_SECONDS must be at most SECRETS_TTL_SECONDS"):
        stack.aws.run(ROOT / ".venv/sam/bin/python", project / "deploy/stage.py", "check", "dev")


def test_deploys_into_an_empty_account(stack: Stack) -> None:
    apigateway = stack.aws.client("apigateway")
    assert not apigateway.get_account().get("cloudwatchRoleArn")
    assert "== api-gateway-account" in stack.deploy()
    assert "ApiGatewayLogsRole" in apigateway.get_account()["cloudwatchRoleArn"]
    # On AWS a secret that is created without a value has no version. MiniStack gives it one, of "".
    secrets = stack.aws.client("secretsmanager")
    for output in ("ApiKeysSecretArn", "ServerKeysSecretArn"):
        secret = stack.outputs[output]
        version, = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
        assert secrets.get_secret_value(SecretId=secret)["SecretString"] == ""
        secrets.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT", RemoveFromVersionId=version)


def test_the_table_is_protected(stack: Stack) -> None:
    """MiniStack drops the rest of what the template says of it: encryption, TTL and recovery are the rules' business."""
    table = stack.aws.client("dynamodb").describe_table(TableName=stack.outputs["TokensTableName"])["Table"]
    assert table["DeletionProtectionEnabled"] is True
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_without_keys_it_answers_503(stack: Stack) -> None:
    (stack.aws.folder / "acme-credentials.json").write_text('{"apiKey":"none yet"}')
    reply = stack.call(b"anything")
    assert (reply.status, json.loads(reply.body)["resCode"]) == (503, "TOK503")
    assert int(reply.headers["retry-after"]) >= 0
    (stack.aws.folder / "acme-credentials.json").unlink()


def test_the_operator_fills_the_secrets(stack: Stack) -> None:
    stack.tokenctl("keys", "init")
    stack.tokenctl("partner", "add", "acme", "--program-id", "2001", "--url", stack.url)
    assert "All is as it must be." in stack.tokenctl("status")
    # Without a new deployment: the function's role opens both.
    eventually(lambda: stack.call(stack.sealed(referenceId="first")).status == 200, "it serves")


@pytest.mark.parametrize("path", [V2, LEGACY])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_token_on_every_path_and_method(stack: Stack, method: str, path: str) -> None:
    reference = f"token-{method}-{path.count('v2')}"
    reply = stack.call(stack.sealed(referenceId=reference), method, path)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/plain")
    assert reply.headers["cache-control"] == "no-store" and reply.headers["x-request-id"]
    answer = stack.opened(reply)
    assert answer["resCode"] == ("TOK200" if path == V2 else 100)
    assert answer["referenceId"] == reference and answer["token"].count(".") == 4


@pytest.mark.parametrize("header", ["X-API-KEY", "X-Api-Key", "x-api-key"])
def test_the_key_header_may_have_any_case(stack: Stack, header: str) -> None:
    """HTTP/2 has lower-case names only, and API Gateway hands them on as they come."""
    reply = stack.call(stack.sealed(referenceId=f"header-{header}"), key_header=header)
    assert reply.status == 200


def test_a_replay_gives_the_same_token(stack: Stack) -> None:
    replies = [stack.call(stack.sealed(referenceId="again")) for _ in range(2)]
    assert [reply.headers.get("idempotent-replayed") for reply in replies] == [None, "true"]
    first, second = (stack.opened(reply) for reply in replies)
    assert first == second


def test_the_record_is_one_item_and_tells_nothing(stack: Stack) -> None:
    item = stack.aws.client("dynamodb").get_item(
        TableName=stack.outputs["TokensTableName"], Key={"pk": {"S": "acme#again"}}
    )["Item"]
    assert item.keys() == {"pk", "jti", "status", "issuedAt", "expireAt", "ttl", "fingerprint", "sealedBy", "sealed", "token"}
    assert int(item["ttl"]["N"]) == int(item["expireAt"]["N"]) // 1000 + 86_400
    assert "123123123" not in str(item)
    assert "active" in stack.tokenctl("session", "show", "acme", "again")


def test_a_resource_server_asks(stack: Stack) -> None:
    secrets, partners = stack.aws.client("secretsmanager"), stack.outputs["ApiKeysSecretArn"]
    document = json.loads(secrets.get_secret_value(SecretId=partners)["SecretString"])
    name, secret = WALLET
    server = {"resourceServerId": name, "secretSha256": [hashlib.sha256(secret.encode()).hexdigest()]}
    secrets.put_secret_value(SecretId=partners, SecretString=json.dumps(document | {"resourceServers": [server]}))
    app = App(stack, "asked")
    eventually(lambda: introspect(stack, app.token).status == 200, "the resource server is known")
    reply = introspect(stack, app.token)
    claims = json.loads(reply.body)
    assert (claims["active"], claims["ref"], claims["cnf"]["jwk"]["k"]) == (True, app.reference, app.key)
    assert (reply.headers["content-type"], reply.headers["cache-control"]) == ("application/json", "no-store")
    assert json.loads(introspect(stack, "none.of.this.service").body) == {"active": False}
    reply = introspect(stack, app.token, "another secret")
    assert (reply.status, json.loads(reply.body)) == (401, {"error": "invalid_client"})
    # Behind a REST API it has another name.
    assert {"www-authenticate", "x-amzn-remapped-www-authenticate"} & reply.headers.keys()


@pytest.mark.parametrize("path", contract.operations()["Renew"])
def test_an_app_renews(stack: Stack, path: str) -> None:
    app = App(stack, f"renewed-{path.count('v2')}")
    reply, answer = app.renew(path=path)
    assert (reply.status, answer["resCode"]) == (200, "TOK200" if "v2" in path else 100)
    assert answer["referenceId"] == app.reference and answer["token"] != app.token
    # Its answer was lost: it gets the same token.
    reply, again = app.renew(path=path)
    assert (reply.headers["idempotent-replayed"], again["token"]) == ("true", answer["token"])
    assert is_active(stack, answer["token"]) and is_active(stack, app.token)
    item = stack.aws.client("dynamodb").get_item(
        TableName=stack.outputs["TokensTableName"], Key={"pk": {"S": f"acme#{app.reference}"}}
    )["Item"]
    assert {"previousJti", "tokenSealedBy"} <= item.keys()


def test_who_presents_a_replaced_token_is_refused_and_counted(stack: Stack) -> None:
    app = App(stack, "stolen")
    _, first = app.renew()
    assert app.renew(first["token"])[0].status == 200
    reply, answer = app.renew()
    assert (reply.status, answer["resCode"]) == (401, "TOK401")
    assert answer["errors"] == [{"field": "token", "reason": "superseded"}]
    lines = [json.loads(line) for line in _log(stack).splitlines() if line.startswith("{")]
    assert [line["PartnerId"] for line in lines if line.get("Superseded") == 1] == ["acme"]


@pytest.mark.parametrize("path", contract.operations()["Invalidate"])
def test_a_partner_ends_a_session(stack: Stack, path: str) -> None:
    app = App(stack, f"ended-{path.count('v2')}")
    assert is_active(stack, app.token)
    for _ in range(2):
        reply = invalidate(stack, app.reference, path)
        assert reply.status == 200
        assert stack.opened(reply)["resCode"] == ("TOK200" if "v2" in path else 100)
    assert not is_active(stack, app.token)
    reply, answer = app.renew()
    assert (reply.status, answer["errors"]) == (401, [{"field": "token", "reason": "revoked"}])


# Name, how to call, status, code, whether the answer is sealed.
ERRORS: list[tuple[str, Callable[[Stack], Reply], int, str | int, bool]] = [
    ("no key", lambda s: s.call(b"x", X_API_KEY=""), 401, "TOK002", False),
    ("no key, on the other path", lambda s: s.call(b"x", path=LEGACY, X_API_KEY=""), 401, 2, False),
    ("no such path", lambda s: s.call(b"x", path="/token-service/client"), 404, "TOK404", False),
    ("no path", lambda s: s.call(b"x", path="/"), 404, "TOK404", False),
    ("a path that looks alike", lambda s: s.call(b"x", path=f"/x{V2[1:]}"), 404, "TOK404", False),
    ("method", lambda s: s.call(b"x", "PUT"), 405, "TOK405", False),
    ("another's key", lambda s: s.call(s.sealed(referenceId="e1"), X_API_KEY="nobody"), 401, "TOK002", False),
    ("no JWE", lambda s: s.call(b"not a JWE"), 400, "TOK422", False),
    ("too large", lambda s: s.call(b"x" * 32_769), 413, "TOK413", False),
    ("type", lambda s: s.call(b"x", Content_Type="image/png"), 415, "TOK415", False),
    ("members", lambda s: s.call(s.sealed(referenceId="e2", accountNumber="12 34")), 400, "TOK400", True),
    ("sdkApiKey", lambda s: s.call(s.sealed(referenceId="e3", sdkApiKey="another")), 401, "TOK004", True),
    ("no token", lambda s: s.call(b"x", path=contract.operations()["Renew"][0]), 401, "TOK401", False),
    ("no such session", lambda s: invalidate(s, "never-begun"), 404, "TOK404", True),
    ("conflict", lambda s: s.call(s.sealed(referenceId="again", accountNumber="9")), 409, "TOK409", True),
]


@pytest.mark.parametrize(("call", "status", "code", "sealed"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_errors(stack: Stack, call: Callable[[Stack], Reply], status: int, code: str | int, sealed: bool) -> None:
    reply = call(stack)
    answer = stack.opened(reply) if sealed else json.loads(reply.body)
    assert (reply.status, answer["resCode"]) == (status, code)
    assert reply.headers["cache-control"] == "no-store"
    # Behind a REST API it has another name.
    names = {"www-authenticate", "x-amzn-remapped-www-authenticate"} & reply.headers.keys()
    assert bool(names) == (status == 401)


def test_a_disabled_partner_is_out(stack: Stack) -> None:
    body = stack.sealed(referenceId="after")
    stack.tokenctl("partner", "disable", "acme")
    eventually(lambda: stack.call(body).status == 401, "the partner is out")
    stack.tokenctl("partner", "enable", "acme")
    eventually(lambda: stack.call(body).status == 200, "the partner is in again")


@contextlib.contextmanager
def other_rights(stack: Stack, change: Callable[[list[dict[str, Any]]], None]) -> Iterator[None]:
    """The function's role with other statements for a while."""
    iam = stack.aws.client("iam")
    role = next(role for role in iam.list_roles()["Roles"] if "FunctionRole" in role["RoleName"])["RoleName"]
    policy = iam.get_role_policy(RoleName=role, PolicyName="token-service")["PolicyDocument"]

    def put(document: dict[str, Any]) -> None:
        iam.put_role_policy(RoleName=role, PolicyName="token-service", PolicyDocument=json.dumps(document))

    other = copy.deepcopy(policy)
    change(other["Statement"])
    assert other != policy
    put(other)
    try:
        yield
    finally:
        put(policy)


def without(sid: str) -> Callable[[list[dict[str, Any]]], None]:
    return lambda statements: statements.remove(next(one for one in statements if one["Sid"] == sid))


def test_the_role_has_no_permission_to_spare(stack: Stack) -> None:
    """Each statement is needed, and IAM is what allows: without it the service fails in the way that the protocol says."""
    app = App(stack, "rights")
    with other_rights(stack, without("RecordTokens")):
        reply = stack.call(stack.sealed(referenceId="without-put"))
        assert (reply.status, stack.opened(reply)["resCode"]) == (500, "TOK003")
        assert app.renew()[0].status == 200 and is_active(stack, app.token)
    with other_rights(stack, without("ChangeSessions")):
        reply, answer = app.renew()
        assert (reply.status, answer["resCode"]) == (500, "TOK003")
        assert invalidate(stack, app.reference).status == 500
    with other_rights(stack, without("ReadSessions")):
        reply = introspect(stack, app.token)
        assert (reply.status, json.loads(reply.body)) == (500, {"error": "server_error"})
    with other_rights(stack, without("ReadKeys")):
        # The last good keys serve on, and the log says why.
        eventually(lambda: "GetSecretValue: refused with AccessDenied" in _log(stack), "the refresh fails")
        assert stack.call(stack.sealed(referenceId="without-keys")).status == 200


def test_the_role_reads_named_attributes_only(stack: Stack) -> None:
    """MiniStack tells IAM what GetItem projects, and of the writes nothing."""
    app = App(stack, "attributes")

    def forget(statements: list[dict[str, Any]]) -> None:
        read, = (one for one in statements if one["Sid"] == "ReadSessions")
        read["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"].remove("issuedAt")

    with other_rights(stack, forget):
        assert introspect(stack, app.token).status == 500
    assert is_active(stack, app.token)


def _log(stack: Stack) -> str:
    """The function's log so far. It is called before, so that a refresh that is due takes place."""
    stack.call(b"x")
    logs = stack.aws.client("logs")
    group = next(g["logGroupName"] for g in logs.describe_log_groups()["logGroups"] if "FunctionLogs" in g["logGroupName"])
    events = logs.filter_log_events(logGroupName=group)["events"]
    return "\n".join(event["message"] for event in events)


def test_the_log_is_json_and_tells_no_secret(stack: Stack) -> None:
    log = _log(stack)
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    answered = [line for line in lines if line["message"] == "answered"]
    assert {"TOK200", "TOK400", "TOK409"} <= {line["Outcome"] for line in answered}
    assert all(line["aws_request_id"] and line["Version"] for line in answered)
    credentials = _secrets(stack)
    assert credentials and not [secret for secret in credentials if secret in log]
    assert "123123123" not in log


def _secrets(stack: Stack) -> list[str]:
    credentials = stack.credentials
    sessions = [json.loads(file.read_text())["payloadKeys"]["keys"][0]["k"] for file in stack.aws.folder.glob("*-credentials.json")]
    assert len(sessions) > 5
    return [WALLET[1], *sessions, credentials["apiKey"], credentials["sdkApiKey"], *(key["k"] for key in credentials["payloadKeys"]["keys"])]


def test_the_metrics_are_the_documented_ones(stack: Stack) -> None:
    lines = [json.loads(line) for line in _log(stack).splitlines() if line.startswith("{")]
    directives = [directive for line in lines if "_aws" in line for directive in line["_aws"]["CloudWatchMetrics"]]
    assert directives
    for directive in directives:
        assert directive["Namespace"] == "TokenService"
        for metric in directive["Metrics"]:
            sets = {frozenset(names) for names in directive["Dimensions"]}
            assert sets <= contract.metrics()[metric["Name"]], metric
    seen = {metric["Name"] for directive in directives for metric in directive["Metrics"]}
    assert {"Requests", "Latency", "SecretsAge", "SecretsRefreshFailures", "DynamoDBLatency", "Superseded",
            "ConsumedReadCapacity"} <= seen


def test_a_changed_setting_is_a_release_and_keeps_the_data(stack: Stack) -> None:
    before = stack.outputs
    version = _live_version(stack)
    stack.set(TOKEN_TTL_SECONDS="120")
    assert "API Gateway has a role for its logs" in stack.deploy("AllowedCidrs=203.0.113.0/24,198.51.100.0/24")
    assert _live_version(stack) != version
    assert _cidrs(stack) == "203.0.113.0/24,198.51.100.0/24"
    for output in ("ApiKeysSecretArn", "ServerKeysSecretArn", "TokensTableName", "KeyArn"):
        assert stack.outputs[output] == before[output]
    started = time.time()
    reply = stack.call(stack.sealed(referenceId="short"))
    assert reply.status == 200
    assert 115 <= stack.opened(reply)["expireAt"] / 1000 - started <= 125
    assert stack.call(stack.sealed(referenceId="again")).headers["idempotent-replayed"] == "true"


def _cidrs(stack: Stack) -> str:
    described, = stack.aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return next(one["ParameterValue"] for one in described["Parameters"] if one["ParameterKey"] == "AllowedCidrs")


def test_a_refresh_replaces_the_instances_by_what_is_deployed(stack: Stack) -> None:
    version = _live_version(stack)
    functions = stack.aws.client("lambda")
    before = functions.get_function_configuration(FunctionName=stack.outputs["FunctionName"], Qualifier="live")
    stack.set(TOKEN_TTL_SECONDS="600")
    stack.on_stage("refresh", "dev")
    assert _live_version(stack) != version
    after = functions.get_function_configuration(FunctionName=stack.outputs["FunctionName"], Qualifier="live")
    assert "Refreshed" in after["Description"]
    # What is on this machine is not deployed by it.
    assert after["Environment"] == before["Environment"] and after["CodeSha256"] == before["CodeSha256"]
    assert _cidrs(stack) == "203.0.113.0/24,198.51.100.0/24"
    stack.set(TOKEN_TTL_SECONDS="120")


def test_an_alias_that_was_moved_by_hand_is_put_back_before_a_deployment(stack: Stack) -> None:
    functions = stack.aws.client("lambda")
    version = _live_version(stack)
    name = stack.outputs["FunctionName"]
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion="1")
    try:
        with pytest.raises(RuntimeError, match=f"--function-version {version}"):
            stack.deploy()
    finally:
        functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    stack.deploy()
    # What samconfig.toml does not name has its default again.
    assert _cidrs(stack) == "0.0.0.0/0"


def test_an_unknown_parameter_is_refused(stack: Stack) -> None:
    with pytest.raises(RuntimeError, match="There is no parameter AllowedCidr. There are: Stage, "):
        stack.deploy("AllowedCidr=203.0.113.0/24")


def test_env_is_what_tokenctl_reads(stack: Stack) -> None:
    printed = stack.on_stage("env", "dev")
    for name, output in (("API_KEYS_SECRET_ID", "ApiKeysSecretArn"), ("SERVER_KEYS_SECRET_ID", "ServerKeysSecretArn"),
                         ("TOKENS_TABLE", "TokensTableName"), ("TOKENCTL_URL", "Url"), ("FUNCTION_NAME", "FunctionName")):
        assert f"export {name}={stack.outputs[output]}\n" in printed
    assert "export DASHBOARD_URL=" in printed
    # `make deploy` without a stage would deploy this one.
    assert "export STAGE=" not in printed


def _live_version(stack: Stack) -> str:
    alias = stack.aws.client("lambda").get_alias(FunctionName=stack.outputs["FunctionName"], Name="live")
    return alias["FunctionVersion"]


def test_alarms_and_dashboard_are_there(stack: Stack) -> None:
    cloudwatch = stack.aws.client("cloudwatch")
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix=STACK)["MetricAlarms"]
    ours = {alarm["Properties"]["AlarmName"]["Fn::Sub"].rpartition("}-")[2]
            for file in (CORE, *BESIDE) for _, alarm in of_type(for_emulator(file), "AWS::CloudWatch::Alarm")}
    assert {alarm["AlarmName"].removeprefix(f"{STACK}-") for alarm in alarms} == ours
    assert all(alarm["AlarmActions"] == [stack.outputs["AlarmTopicArn"]] for alarm in alarms)
    board = json.loads(cloudwatch.get_dashboard(DashboardName=STACK)["DashboardBody"])
    assert "${" not in json.dumps(board)


def test_an_unconfirmed_delete_is_refused(stack: Stack) -> None:
    with pytest.raises(RuntimeError, match="CONFIRM=token-service-dev"):
        stack.on_stage("delete", "dev")
    with pytest.raises(RuntimeError, match="CONFIRM=token-service-dev"):
        stack.on_stage("delete", "dev", "--confirm", "token-service-prod")
    with pytest.raises(RuntimeError, match="There is no stack token-service-prod"):
        stack.on_stage("delete", "prod", "--confirm", "token-service-prod")


def test_deleting_the_stage_deletes_no_data(stack: Stack) -> None:
    kept = stack.on_stage("delete", "dev", "--confirm", STACK)
    assert stack.outputs["TokensTableName"] in kept and "aws-waf-logs-" in kept
    left = stack.aws.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])
    assert not [one["StackName"] for one in left["StackSummaries"] if one["StackName"].startswith(STACK)]
    secrets = stack.aws.client("secretsmanager")
    for output in ("ApiKeysSecretArn", "ServerKeysSecretArn"):
        assert secrets.get_secret_value(SecretId=stack.outputs[output])["SecretString"].startswith("{")
    item = stack.aws.client("dynamodb").get_item(
        TableName=stack.outputs["TokensTableName"], Key={"pk": {"S": "acme#again"}}
    )
    assert "Item" in item
    key = stack.aws.client("kms").describe_key(KeyId=stack.outputs["KeyArn"])["KeyMetadata"]
    assert key["KeyState"] == "Enabled"
    groups = [g["logGroupName"] for g in stack.aws.client("logs").describe_log_groups()["logGroups"]]
    assert any("FunctionLogs" in group for group in groups)


def test_a_stack_that_would_lose_data_is_not_deleted(stack: Stack) -> None:
    table = written()["Resources"]["TokensTable"]
    del table["DeletionPolicy"], table["Properties"]["SSESpecification"]
    stack.aws.client("cloudformation").create_stack(
        StackName=STACK, TemplateBody=json.dumps({"Resources": {"TokensTable": table}})
    )
    with pytest.raises(RuntimeError, match="TokensTable: goes when the stack goes"):
        stack.on_stage("delete", "dev", "--confirm", STACK)
