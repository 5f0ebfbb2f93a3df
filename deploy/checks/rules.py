"""What must hold of the templates that CloudFormation gets. A rule yields one line for each thing that breaks it.

The templates are looked at together, as if they were one stack. `test_policy.py` holds them against every rule, and every
rule against templates with its fault planted.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from checks import contracts
from checks.template import ROOT, Template, as_list, dashboard, of_type, properties, refers_to

Rule = Callable[[Template], Iterator[str]]

# What holds data, or is needed to read it.
DATA = ("AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::KMS::Key", "AWS::Logs::LogGroup")
# IAM takes these on "*" only (Service Authorization Reference, AWS X-Ray).
WITHOUT_RESOURCE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# API Gateway refuses its account's role with less.
MANAGED_POLICIES = {"ApiGatewayLogsRole": "service-role/AmazonAPIGatewayPushToCloudWatchLogs"}
SECURITY_POLICY = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"


def _statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in role.get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]


def actions_are_exact(template: Template) -> Iterator[str]:
    for name, role in properties(template, "AWS::IAM::Role"):
        for statement in _statements(role):
            for action in as_list(statement.get("Action", "NotAction")):
                if "*" in action or action == "NotAction":
                    yield f"{name}: {statement['Sid']} allows {action}"


def resources_are_exact(template: Template) -> Iterator[str]:
    for name, role in properties(template, "AWS::IAM::Role"):
        for statement in _statements(role):
            if set(as_list(statement["Action"])) <= WITHOUT_RESOURCE:
                continue
            for resource in as_list(statement.get("Resource", "*")):
                # Of this account's alarms, any: DescribeAlarms names none.
                if "*" in json.dumps(resource).replace(":alarm:*", ""):
                    yield f"{name}: {statement['Sid']} is allowed on {resource}"
        for policy in role.get("ManagedPolicyArns", []):
            if not json.dumps(policy).endswith(MANAGED_POLICIES.get(name, "none") + '"}'):
                yield f"{name}: has the managed policy {policy}"


def keys_are_used_through_their_service(template: Template) -> Iterator[str]:
    for name, role in properties(template, "AWS::IAM::Role"):
        for statement in _statements(role):
            actions = as_list(statement["Action"])
            conditions = json.dumps(statement.get("Condition", {}))
            if any(action.startswith("kms:") for action in actions) and "kms:ViaService" not in conditions:
                yield f"{name}: {statement['Sid']} uses the key without kms:ViaService"


def nobody_outside_is_let_in(template: Template) -> Iterator[str]:
    for name, policy in properties(template, "AWS::SecretsManager::ResourcePolicy"):
        if not policy.get("BlockPublicPolicy"):
            yield f"{name}: BlockPublicPolicy is not set"
        if any(statement.get("Effect") == "Allow" for statement in policy["ResourcePolicy"]["Statement"]):
            yield f"{name}: allows, where it is there to deny"
    secrets = {name for name, _ in of_type(template, "AWS::SecretsManager::Secret")}
    with_policy = {
        secret
        for secret in secrets
        for _, policy in properties(template, "AWS::SecretsManager::ResourcePolicy")
        if refers_to(policy["SecretId"], secret)
    }
    for secret in sorted(secrets - with_policy):
        yield f"{secret}: has no resource policy"
    for name, key in properties(template, "AWS::KMS::Key"):
        for statement in key["KeyPolicy"]["Statement"]:
            if statement["Principal"] in ("*", {"AWS": "*"}):
                yield f"{name}: {statement['Sid']} is open to everybody"
            if "Service" in statement["Principal"] and "Condition" not in statement:
                yield f"{name}: {statement['Sid']} lets a service in for every account"


def everything_is_encrypted_with_our_key(template: Template) -> Iterator[str]:
    where = {
        "AWS::DynamoDB::Table": lambda table: table.get("SSESpecification", {}).get("KMSMasterKeyId"),
        "AWS::SecretsManager::Secret": lambda secret: secret.get("KmsKeyId"),
        "AWS::Logs::LogGroup": lambda group: group.get("KmsKeyId"),
        "AWS::SNS::Topic": lambda topic: topic.get("KmsMasterKeyId"),
    }
    for kind, key_of in where.items():
        for name, resource in properties(template, kind):
            if not refers_to(key_of(resource), "Key"):
                yield f"{name}: is not encrypted with Key"
    for name, key in properties(template, "AWS::KMS::Key"):
        if key.get("EnableKeyRotation") is not True:
            yield f"{name}: is not rotated"


def data_outlives_stack_and_update(template: Template) -> Iterator[str]:
    for name, resource in of_type(template, *DATA):
        if resource.get("DeletionPolicy") not in ("Retain", "RetainExceptOnCreate"):
            yield f"{name}: goes when the stack goes"
        if resource.get("UpdateReplacePolicy") != "Retain":
            yield f"{name}: goes when an update replaces it"
        if "Condition" in resource:
            yield f"{name}: goes when its condition goes"
    for name, table in properties(template, "AWS::DynamoDB::Table"):
        if table.get("DeletionProtectionEnabled") is not True:
            yield f"{name}: is not protected from deletion"
        if table.get("PointInTimeRecoverySpecification") != {"PointInTimeRecoveryEnabled": True}:
            yield f"{name}: has no point-in-time recovery"


def records_end(template: Template) -> Iterator[str]:
    for name, table in properties(template, "AWS::DynamoDB::Table"):
        if table.get("TimeToLiveSpecification") != {"AttributeName": "ttl", "Enabled": True}:
            yield f"{name}: keeps records for ever"


def no_secret_is_in_the_template(template: Template) -> Iterator[str]:
    for name, secret in properties(template, "AWS::SecretsManager::Secret"):
        for member in ("SecretString", "GenerateSecretString"):
            if member in secret:
                yield f"{name}: has a {member}, which an update would write over the keys"
    known = contracts.variables()
    for name, function in properties(template, "AWS::Lambda::Function"):
        variables = function["Environment"]["Variables"]
        for variable in sorted(variables.keys() ^ known):
            yield f"{name}: {variable} is not in both the environment and src/config.rs"
        for variable, value in variables.items():
            if "{{resolve:" in json.dumps(value):
                yield f"{name}: {variable} would hold a secret's value"


def logs_end_and_tell_nothing(template: Template) -> Iterator[str]:
    for name, group in properties(template, "AWS::Logs::LogGroup"):
        if "RetentionInDays" not in group:
            yield f"{name}: is kept for ever"
    for name, function in properties(template, "AWS::Lambda::Function"):
        logging = function.get("LoggingConfig", {})
        if not refers_to(logging.get("LogGroup"), "FunctionLogs"):
            yield f"{name}: logs into a group that Lambda makes, without retention and key"
        if (logging.get("LogFormat"), logging.get("ApplicationLogLevel")) != ("JSON", "INFO"):
            yield f"{name}: logs not as JSON from INFO on, and its metrics are in the INFO lines"
    for name, stage in properties(template, "AWS::ApiGateway::Stage"):
        access = stage.get("AccessLogSetting", {})
        if not refers_to(access.get("DestinationArn"), "AccessLogs"):
            yield f"{name}: has no access log"
        for field in re.findall(r"\$context\.([A-Za-z.]+)", access.get("Format", "")):
            if field in ("path", "identity.apiKey", "identity.userAgent", "error.message") or "authorizer" in field:
                yield f"{name}: the access log has {field}, which a stranger writes or nobody may know"
        if "$input" in access.get("Format", "") or not _is_json(access.get("Format", "")):
            yield f"{name}: an access log line is not JSON of $context only"
        for setting in stage.get("MethodSettings", []):
            if setting.get("LoggingLevel") != "OFF" or setting.get("DataTraceEnabled") is not False:
                yield f"{name}: execution logs would show API keys"
    for name, waf in properties(template, "AWS::WAFv2::LoggingConfiguration"):
        if {"SingleHeader": {"Name": "x-api-key"}} not in waf.get("RedactedFields", []):
            yield f"{name}: WAF's log would show API keys"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def the_api_is_guarded(template: Template) -> Iterator[str]:
    for name, api in properties(template, "AWS::ApiGateway::RestApi"):
        if api["EndpointConfiguration"] != {"Types": ["REGIONAL"]}:
            yield f"{name}: is not regional; CloudFront refuses the GET with a body"
        if api.get("SecurityPolicy") != SECURITY_POLICY:
            yield f"{name}: accepts TLS below 1.2"
        if "aws:SourceIp" not in json.dumps(api["Body"].get("x-amazon-apigateway-policy")):
            yield f"{name}: is not limited to AllowedCidrs"
        schemes = api["Body"].get("components", {}).get("securitySchemes")
        if schemes or "security" in api["Body"]:
            yield f"{name}: has a security scheme; API Gateway would ask for an API key of its own"
    for name, stage in properties(template, "AWS::ApiGateway::Stage"):
        if stage.get("CacheClusterEnabled") is not False:
            yield f"{name}: may answer from a cache"
        if stage.get("TracingEnabled") is not True:
            yield f"{name}: is not traced"
        for setting in stage.get("MethodSettings", [{}]):
            if not {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= setting.keys():
                yield f"{name}: is not throttled"
    for name, domain in properties(template, "AWS::ApiGateway::DomainName"):
        if domain.get("SecurityPolicy") != "TLS_1_2":
            yield f"{name}: accepts TLS below 1.2"


def the_api_is_the_documents(template: Template) -> Iterator[str]:
    (name, api), = properties(template, "AWS::ApiGateway::RestApi")
    any_method = "x-amazon-apigateway-any-method"
    ours = {
        (path, method)
        for path, item in api["Body"]["paths"].items()
        for method in item
        if method != any_method
    }
    for path, method in sorted(ours ^ contracts.operations()):
        yield f"{name}: {method} {path} is not in both the template and docs/openapi.yaml"
    for path, item in api["Body"]["paths"].items():
        if any_method not in item:
            yield f"{name}: other methods of {path} do not reach the function, which answers 405"
        for method, operation in item.items():
            integration = operation.get("x-amazon-apigateway-integration", {})
            if integration.get("type") != "aws_proxy" or '{"Ref": "FunctionAliaslive"}' not in json.dumps(integration):
                yield f"{name}: {method} {path} does not reach the alias live"
    for path in ("/", "/{proxy+}"):
        if path not in api["Body"]["paths"]:
            yield f"{name}: {path} does not reach the function, which answers 404"
    for kind, response in api["Body"]["x-amazon-apigateway-gateway-responses"].items():
        body = response["responseTemplates"]["application/json"].replace("$context.error.messageString", '""')
        if not _is_json(body) or not json.loads(body).keys() >= {"resCode", "resDesc"}:
            yield f"{name}: gateway response {kind} is not in the protocol's shape"
        headers = {header.rpartition(".")[2] for header in response["responseParameters"]}
        if not headers >= {"X-Request-Id", "Cache-Control"}:
            yield f"{name}: gateway response {kind} has not the headers of every answer"


def a_release_rolls_back(template: Template) -> Iterator[str]:
    groups = list(properties(template, "AWS::CodeDeploy::DeploymentGroup"))
    if not groups:
        yield "Function: is released at once and for all"
    for name, group in groups:
        alarms = [alarm["Name"] for alarm in group.get("AlarmConfiguration", {}).get("Alarms", [])]
        for alarm in ("ReleaseAlarm", "ErrorsAlarm", "LatencyAlarm"):
            if {"Ref": alarm} not in alarms:
                yield f"{name}: {alarm} does not roll it back"
        events = group.get("AutoRollbackConfiguration", {}).get("Events", [])
        if "DEPLOYMENT_STOP_ON_ALARM" not in events:
            yield f"{name}: an alarm stops a release and does not roll it back"
    for _, alarm in properties(template, "AWS::CloudWatch::Alarm"):
        if alarm["AlarmName"] == {"Fn::Sub": "${AWS::StackName}-release"}:
            if "ExecutedVersion" not in {dimension["Name"] for dimension in alarm["Dimensions"]}:
                yield "ReleaseAlarm: does not tell the new version from the old"


def the_function_is_as_built(template: Template) -> Iterator[str]:
    for name, function in properties(template, "AWS::Lambda::Function"):
        if (function["Runtime"], function["Architectures"]) != ("provided.al2023", ["arm64"]):
            yield f"{name}: is not what `make build` builds"
        if function.get("TracingConfig") != {"Mode": "Active"}:
            yield f"{name}: is not traced"


def alarms_are_wired(template: Template) -> Iterator[str]:
    shown = {arn.partition(":alarm:")[2] for widget in dashboard(template)["widgets"]
             for arn in widget["properties"].get("alarms", [])}
    entries = contracts.alarm_entries()
    names = set()
    for name, alarm in properties(template, "AWS::CloudWatch::Alarm"):
        for member in ("AlarmActions", "OKActions"):
            if alarm.get(member) != [{"Ref": "AlarmTopic"}]:
                yield f"{name}: {member} tell nobody"
        if "TreatMissingData" not in alarm:
            yield f"{name}: does not say what no data means"
        short = alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        names.add(short)
        if not alarm["AlarmDescription"].endswith(f" docs/operations.md#{short}"):
            yield f"{name}: does not lead to its entry in docs/operations.md"
        if short not in entries:
            yield f"{name}: has no entry in docs/operations.md"
        if "Condition" not in template["Resources"][name] and f"${{AWS::StackName}}-{short}" not in shown:
            yield f"{name}: is not on the dashboard"
    for entry in sorted(entries - names):
        yield f"docs/operations.md: has an entry for {entry}, and there is no such alarm"


def metrics_are_the_documented_ones(template: Template) -> Iterator[str]:
    known = contracts.metrics()
    for where, metric, dimensions in _our_metrics(template):
        if metric not in known:
            yield f"{where}: {metric} is not in docs/metrics.md"
        elif dimensions not in known[metric]:
            yield f"{where}: {metric} by {sorted(dimensions)} is not in docs/metrics.md"


def codes_are_the_protocols(template: Template) -> Iterator[str]:
    """In gateway responses, the firewall's, alarms and dashboard: a code that nobody knows helps nobody."""
    places = ("AWS::ApiGateway::RestApi", "AWS::WAFv2::WebACL", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard")
    for name, resource in properties(template, *places):
        for code in sorted(set(re.findall(r"TOK\d+", json.dumps(resource))) - contracts.codes()):
            yield f"{name}: {code} is not a code of the protocol"


def _our_metrics(template: Template) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Every use of a metric of the function's: where, its name, the names of its dimensions."""
    for name, alarm in properties(template, "AWS::CloudWatch::Alarm"):
        if alarm.get("Namespace") == "TokenService":
            yield name, alarm["MetricName"], frozenset(d["Name"] for d in alarm.get("Dimensions", []))
    for widget in dashboard(template)["widgets"]:
        where = f"dashboard, {widget['properties']['title']!r}"
        for metric in widget["properties"].get("metrics", []):
            words = [part for part in metric if isinstance(part, str)]
            if words[:1] == ["TokenService"]:
                yield where, words[1], frozenset(words[2::2])
            for part in metric:
                if isinstance(part, dict) and "expression" in part:
                    schema, name = re.search(r"\{([^}]*)\} MetricName=\"(\w+)\"", part["expression"]).groups()
                    yield where, name, frozenset(schema.split(",")[1:])


def parameters_say_what_they_take(template: Template) -> Iterator[str]:
    for name, parameter in template["Parameters"].items():
        if len(parameter.get("Description", "")) < 10:
            yield f"{name}: has no description"
        if "Default" not in parameter:
            yield f"{name}: has no default, and is no output of the core"
        if "AllowedValues" in parameter:
            continue
        if "ConstraintDescription" not in parameter:
            yield f"{name}: a wrong value is not told what is right"
        if parameter["Type"] == "Number" and not {"MinValue", "MaxValue"} <= parameter.keys():
            yield f"{name}: takes any number"
        if parameter["Type"] != "Number" and not re.fullmatch(r"\^.*\$", parameter.get("AllowedPattern", "")):
            yield f"{name}: takes any text, or its pattern is not about all of it"
    for variable, (default, least, most) in contracts.ranges().items():
        parameter = template["Parameters"]["".join(word.capitalize() for word in variable.split("_"))]
        if (parameter["Default"], parameter["MinValue"], parameter["MaxValue"]) != (default, least, most):
            yield f"{variable}: default and range are not those of src/config.rs"


def queries_name_our_logs(template: Template) -> Iterator[str]:
    groups = {name for name, _ in of_type(template, "AWS::Logs::LogGroup")}
    for name, query in properties(template, "AWS::Logs::QueryDefinition"):
        for group in query.get("LogGroupNames", [{}]):
            if group not in [{"Ref": name} for name in groups]:
                yield f"{name}: asks logs that are not the template's"


RULES: list[Rule] = [
    actions_are_exact,
    resources_are_exact,
    keys_are_used_through_their_service,
    nobody_outside_is_let_in,
    everything_is_encrypted_with_our_key,
    data_outlives_stack_and_update,
    records_end,
    no_secret_is_in_the_template,
    logs_end_and_tell_nothing,
    the_api_is_guarded,
    the_api_is_the_documents,
    a_release_rolls_back,
    the_function_is_as_built,
    alarms_are_wired,
    metrics_are_the_documented_ones,
    codes_are_the_protocols,
    parameters_say_what_they_take,
    queries_name_our_logs,
]
