"""What must hold of the templates that CloudFormation gets. A rule yields one line for each thing that breaks it.

The templates are looked at together, as if they were one stack. `test_policy.py` holds them against every rule, and every
rule against templates with its fault planted.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from checks import calls
from checks.template import ROOT, Template, as_list, dashboard, of_type, properties, refers_to

sys.path.append(str(ROOT / "docs"))
import contract  # noqa: E402

Rule = Callable[[Template], Iterator[str]]

# What holds data, or is needed to read it.
DATA = ("AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::KMS::Key", "AWS::Logs::LogGroup")
# IAM takes these on "*" only (Service Authorization Reference, AWS X-Ray).
WITHOUT_RESOURCE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# API Gateway refuses its account's role with less.
MANAGED_POLICIES = {"ApiGatewayLogsRole": "service-role/AmazonAPIGatewayPushToCloudWatchLogs"}
# Mutual TLS excludes the newer policies.
SECURITY_POLICY = {"Fn::If": ["HasMutualTls", "TLS_1_2", "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"]}

# What apps may ask for from everywhere. Without a wildcard: the function reads a path by its end.
RENEWALS = [{"Fn::Sub": f"execute-api:/${{Stage}}/POST{path}"} for path in contract.operations()["Renew"]]


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
                # Any of this account's alarms, as DescribeAlarms names none; any version of the function.
                if "*" in json.dumps(resource).replace(":alarm:*", "").replace("${Function.Arn}:*", ""):
                    yield f"{name}: {statement['Sid']} is allowed on {resource}"
        for policy in role.get("ManagedPolicyArns", []):
            if not json.dumps(policy).endswith(MANAGED_POLICIES.get(name, "none") + '"}'):
                yield f"{name}: has the managed policy {policy}"


def the_table_is_used_as_the_code_uses_it(template: Template) -> Iterator[str]:
    """No call, attribute or returned value beyond those of src/record/store.rs."""
    restricted = {"dynamodb:GetItem": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}}
    used = calls.attributes()
    for name, role in properties(template, "AWS::IAM::Role"):
        allowed = [s for s in _statements(role) if any(a.startswith("dynamodb:") for a in as_list(s["Action"]))]
        if allowed and sorted(a for s in allowed for a in as_list(s["Action"])) != sorted(used):
            yield f"{name}: is not allowed just {sorted(used)}"
        for statement in allowed:
            condition = statement.get("Condition", {})
            attributes = set(condition.get("ForAllValues:StringEquals", {}).get("dynamodb:Attributes", []))
            for action in as_list(statement["Action"]):
                for attribute in sorted(attributes ^ used.get(action, set())):
                    yield f"{name}: {statement['Sid']}: {attribute} is not both allowed and in a call of {action}"
                if condition.get("StringEqualsIfExists") != restricted.get(action, {"dynamodb:ReturnValues": "NONE"}):
                    yield f"{name}: {statement['Sid']} may return what the code does not ask for"


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
    known = contract.variables().keys()
    for name, function in properties(template, "AWS::Lambda::Function"):
        variables = function["Environment"]["Variables"]
        for variable in sorted(variables.keys() ^ known):
            yield f"{name}: {variable} is not in both the environment and the table of docs/protocol.md"
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
            if setting.get("LoggingLevel") != "ERROR":
                yield f"{name}: has no log of API Gateway's own errors, or more than errors in it"
            if setting.get("DataTraceEnabled") is not False:
                yield f"{name}: execution logs would show whole requests"
        groups = dict(properties(template, "AWS::Logs::LogGroup"))
        execution = [group for group, named in groups.items()
                     if named.get("LogGroupName") == {"Fn::Sub": "API-Gateway-Execution-Logs_${Api}/${Stage}"}]
        if not execution or {"Ref": execution[0]} not in [tag["Value"] for tag in stage.get("Tags", [])]:
            yield f"{name}: does not wait for the group of its execution log, and API Gateway would make one"
    for name, waf in properties(template, "AWS::WAFv2::LoggingConfiguration"):
        for header in ("x-api-key", "x-api-token", "x-account-number", "authorization"):
            if {"SingleHeader": {"Name": header}} not in waf.get("RedactedFields", []):
                yield f"{name}: WAF's log would show {header}"
    for name, acl in properties(template, "AWS::WAFv2::WebACL"):
        protected = [key for protection in acl.get("DataProtectionConfig", {}).get("DataProtections", [])
                     if not protection.get("ExcludeRateBasedDetails") for key in protection["Field"].get("FieldKeys", [])]
        if "x-api-key" in json.dumps(acl["Rules"]) and "x-api-key" not in protected:
            yield f"{name}: WAF's log would show the API keys that a rate rule counts by"


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
            yield f"{name}: accepts TLS below 1.2, or a policy that excludes mutual TLS"
        statements = api["Body"].get("x-amazon-apigateway-policy", {}).get("Statement", [])
        if "aws:SourceIp" not in json.dumps(statements):
            yield f"{name}: is not limited to AllowedCidrs"
        for statement in statements:
            if "Condition" not in statement and as_list(statement["Resource"]) != RENEWALS:
                yield f"{name}: {statement['Sid']} lets more than renewals in from everywhere"
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
    for name, acl in properties(template, "AWS::WAFv2::WebACL"):
        for rule in acl["Rules"]:
            statement = rule["Statement"].get("RateBasedStatement", {})
            if "CustomKeys" in statement and _left_out(statement) != set(contract.operations()["Renew"]):
                yield f"{name}: {rule['Name']} must count all but renewals, whose X-API-KEY all apps share"
    for name, domain in properties(template, "AWS::ApiGateway::DomainName"):
        if domain.get("SecurityPolicy") != SECURITY_POLICY:
            yield f"{name}: has not the API's policy for TLS"


def _left_out(statement: dict[str, Any]) -> set[str]:
    """The protocol's paths that a rate rule does not count."""
    left_out = statement.get("ScopeDownStatement", {}).get("NotStatement", {}).get("Statement", {})
    pattern = left_out.get("RegexMatchStatement", {}).get("RegexString", "(?!)")
    return {path for paths in contract.operations().values() for path in paths if re.search(pattern, f"/dev{path}")}


def every_request_reaches_the_function(template: Template) -> Iterator[str]:
    (name, api), = properties(template, "AWS::ApiGateway::RestApi")
    any_method = "x-amazon-apigateway-any-method"
    if {path: set(item) for path, item in api["Body"]["paths"].items()} != {"/": {any_method}, "/{proxy+}": {any_method}}:
        yield f"{name}: has other paths and methods than the two that take them all"
    for path, item in api["Body"]["paths"].items():
        for method, operation in item.items():
            integration = operation.get("x-amazon-apigateway-integration", {})
            if integration.get("type") != "aws_proxy" or '{"Ref": "FunctionAliaslive"}' not in json.dumps(integration):
                yield f"{name}: {method} {path} does not reach the alias live"
    for member in _members(api["Body"]):
        # API Gateway compares header names with their case; most clients do not send X-API-KEY in that one.
        if member in ("parameters", "requestBody") or member.startswith("x-amazon-apigateway-request-validator"):
            yield f"{name}: has {member}, and would refuse requests that the function serves"


def _members(value: Any) -> Iterator[str]:
    """The name of every member at every depth."""
    if isinstance(value, dict):
        yield from value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _members(member)


def gateway_responses_are_the_protocols(template: Template) -> Iterator[str]:
    (name, api), = properties(template, "AWS::ApiGateway::RestApi")
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
        condition, configuration, none = group.get("AlarmConfiguration", {}).get("Fn::If", ("", {}, {}))
        if (condition, configuration.get("Enabled"), none) != ("RollsBackOnAlarm", True, {}):
            yield f"{name}: alarms roll it back always or never, and not as RollbackOnAlarm says"
        alarms = [alarm["Name"] for alarm in configuration.get("Alarms", [])]
        for alarm in ("ReleaseAlarm", "RefusalsAlarm", "ErrorsAlarm", "LatencyAlarm"):
            if {"Ref": alarm} not in alarms:
                yield f"{name}: {alarm} does not roll it back"
        events = group.get("AutoRollbackConfiguration", {}).get("Events", [])
        if "DEPLOYMENT_STOP_ON_ALARM" not in events:
            yield f"{name}: an alarm stops a release and does not roll it back"
    for name, dimension in (("release", "ExecutedVersion"), ("refusals", "Version")):
        for _, alarm in properties(template, "AWS::CloudWatch::Alarm"):
            if alarm["AlarmName"] == {"Fn::Sub": f"${{AWS::StackName}}-{name}"}:
                of = [part for metric in _metrics_of(alarm) for part in metric.get("Dimensions", []) if part["Name"] == dimension]
                if not of or any(part["Value"].get("Fn::GetAtt", ["", ""])[1] != "Version" for part in of):
                    yield f"{name}: does not tell the new version from the old"


def the_function_is_as_built(template: Template) -> Iterator[str]:
    for name, function in properties(template, "AWS::Lambda::Function"):
        if (function["Runtime"], function["Architectures"]) != ("provided.al2023", ["arm64"]):
            yield f"{name}: is not what `make build` builds"
        if function.get("TracingConfig") != {"Mode": "Active"}:
            yield f"{name}: is not traced"


def a_changed_setting_is_a_release(template: Template) -> Iterator[str]:
    """SAM publishes a version when a property of the function changes as it is written: a literal, and no parameter's value."""
    for name, function in properties(template, "AWS::Lambda::Function"):
        # No part of a version.
        settings = {key: value for key, value in function.items() if key != "ReservedConcurrentExecutions"}
        for parameter in sorted(_changeable(settings, template)):
            yield f"{name}: depends on {parameter}, and a change of that would reach $LATEST only"


def _changeable(value: Any, template: Template) -> set[str]:
    """The parameters and mappings that a value depends on, but Stage, which is the same for the stack's life."""
    match value:
        case {"Ref": name}:
            return {name} & template["Parameters"].keys() - {"Stage"}
        case {"Fn::FindInMap": [name, *_]}:
            return {f"the mapping {name}"}
        case {"Fn::Sub": text}:
            names = set(re.findall(r"\$\{(\w+)\}", json.dumps(text)))
            return names & template["Parameters"].keys() - {"Stage"}
        case {"Fn::If": [condition, *values]}:
            return _changeable(template["Conditions"][condition], template) | _changeable(values, template)
        case dict():
            return set().union(*(_changeable(member, template) for member in value.values()))
        case list():
            return set().union(*(_changeable(member, template) for member in value))
    return set()


def settings_are_in_range(template: Template) -> Iterator[str]:
    """A value that stops the function at its start is found before it is deployed."""
    for name, function in properties(template, "AWS::Lambda::Function"):
        variables = function["Environment"]["Variables"]
        seconds = {}
        for variable, allowed in contract.variables().items():
            if allowed is None:
                continue
            values = _written_values(variables.get(variable))
            # CloudFormation's type is text.
            seconds[variable] = [int(value) for value in values if isinstance(value, str) and value.isdecimal()]
            if len(seconds[variable]) < len(values) or not all(value in allowed for value in seconds[variable]):
                yield f"{name}: {variable} must be a quoted integer from {allowed[0]} to {allowed[-1]}"
        ages = [seconds[f"SECRETS_{age}_SECONDS"] for age in ("MIN_REFRESH", "TTL", "MAX_STALE")]
        if all(ages):
            # The worst of what the stages have: so it holds for each.
            if max(ages[0]) > min(ages[1]):
                yield f"{name}: SECRETS_MIN_REFRESH_SECONDS must be at most SECRETS_TTL_SECONDS"
            if max(ages[0]) + max(ages[1]) > min(ages[2]):
                yield f"{name}: SECRETS_MIN_REFRESH_SECONDS and SECRETS_TTL_SECONDS together must be at most SECRETS_MAX_STALE_SECONDS"
        for variable in ("ISSUER", "AUDIENCE"):
            for value in _written_values(variables.get(variable)):
                if not isinstance(value, str) or not re.fullmatch("[ -~]{1,64}", value):
                    yield f"{name}: {variable} must be 1-64 printable ASCII characters"


def _written_values(value: Any) -> list[Any]:
    """A setting's value, or its values where it differs by stage."""
    match value:
        case {"Fn::If": [_, *values]}:
            return [written for each in values for written in _written_values(each)]
    return [value]


def alarms_are_wired(template: Template) -> Iterator[str]:
    shown = {arn.partition(":alarm:")[2] for widget in dashboard(template)["widgets"]
             for arn in widget["properties"].get("alarms", [])}
    entries = contract.alarms()
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
    for name, rule in properties(template, "AWS::Events::Rule"):
        entry = rule["Description"].rpartition(" docs/operations.md#")[2]
        names.add(entry)
        if entry not in entries:
            yield f"{name}: does not lead to its entry in docs/operations.md"
        if [target["Arn"] for target in rule["Targets"]] != [{"Ref": "AlarmTopic"}]:
            yield f"{name}: tells nobody"
    for entry in sorted(entries - names):
        yield f"docs/operations.md: has an entry for {entry}, and there is no such alarm"


def metrics_are_the_documented_ones(template: Template) -> Iterator[str]:
    known = contract.metrics()
    for where, metric, dimensions in _our_metrics(template):
        if metric not in known:
            yield f"{where}: {metric} is not in docs/metrics.md"
        elif dimensions not in known[metric]:
            yield f"{where}: {metric} by {sorted(dimensions)} is not in docs/metrics.md"


def codes_are_the_protocols(template: Template) -> Iterator[str]:
    """In gateway responses, the firewall's, alarms and dashboard: a code that nobody knows helps nobody."""
    places = ("AWS::ApiGateway::RestApi", "AWS::WAFv2::WebACL", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard")
    for name, resource in properties(template, *places):
        for code in sorted(set(re.findall(r"TOK\d+", json.dumps(resource))) - {"TOK200", *contract.errors()}):
            yield f"{name}: {code} is not a code of the protocol"


def _our_metrics(template: Template) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Every use of a metric of the function's: where, its name, the names of its dimensions."""
    for name, alarm in properties(template, "AWS::CloudWatch::Alarm"):
        for metric in _metrics_of(alarm):
            if metric["Namespace"] == "TokenService":
                yield name, metric["MetricName"], frozenset(d["Name"] for d in metric.get("Dimensions", []))
    for widget in dashboard(template)["widgets"]:
        where = f"dashboard, {widget['properties']['title']!r}"
        for metric in widget["properties"].get("metrics", []):
            words = [part for part in metric if isinstance(part, str)]
            if words[:1] == ["TokenService"]:
                yield where, words[1], frozenset(words[2::2])
            for part in metric:
                if isinstance(part, dict) and part.get("expression", "").startswith("SEARCH"):
                    schema, name = re.search(r"\{([^}]*)\} MetricName=\"(\w+)\"", part["expression"]).groups()
                    yield where, name, frozenset(schema.split(",")[1:])


def _metrics_of(alarm: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The metrics that an alarm reads: one, or those of its metric math."""
    if "MetricName" in alarm:
        yield alarm
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            yield query["MetricStat"]["Metric"]


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


def queries_name_our_logs(template: Template) -> Iterator[str]:
    groups = {name for name, _ in of_type(template, "AWS::Logs::LogGroup")}
    for name, query in properties(template, "AWS::Logs::QueryDefinition"):
        for group in query.get("LogGroupNames", [{}]):
            if group not in [{"Ref": name} for name in groups]:
                yield f"{name}: asks logs that are not the template's"


RULES: list[Rule] = [
    actions_are_exact,
    resources_are_exact,
    the_table_is_used_as_the_code_uses_it,
    keys_are_used_through_their_service,
    nobody_outside_is_let_in,
    everything_is_encrypted_with_our_key,
    data_outlives_stack_and_update,
    records_end,
    no_secret_is_in_the_template,
    logs_end_and_tell_nothing,
    the_api_is_guarded,
    every_request_reaches_the_function,
    gateway_responses_are_the_protocols,
    a_release_rolls_back,
    the_function_is_as_built,
    a_changed_setting_is_a_release,
    settings_are_in_range,
    alarms_are_wired,
    metrics_are_the_documented_ones,
    codes_are_the_protocols,
    parameters_say_what_they_take,
    queries_name_our_logs,
]
