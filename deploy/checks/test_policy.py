"""The templates against the rules, and each rule against templates with its fault planted."""

import copy
from collections.abc import Callable

import contract
import pytest

from checks import calls, rules
from checks.template import CORE, Template, all_written, together

WRITTEN = all_written()
TOGETHER = together(WRITTEN)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_templates_keep(rule: rules.Rule) -> None:
    assert list(rule(TOGETHER)) == []


def test_the_contract_was_found() -> None:
    """An empty contract would agree with anything."""
    assert {"ISSUER": None, "TOKEN_TTL_SECONDS": range(60, 86_401)}.items() <= contract.variables().items()
    assert {"TOK002", "TOK503"} <= contract.errors().keys()
    assert {"Requests", "SecretsAge"} <= contract.metrics().keys()
    assert contract.metrics()["Requests"] >= {frozenset(), frozenset({"Outcome"})}
    assert contract.alarms()
    assert [len(paths) for paths in contract.operations().values()] == [2, 2, 2, 1]
    assert {action: len(names) for action, names in calls.attributes().items()} == {
        "dynamodb:PutItem": 10, "dynamodb:UpdateItem": 9, "dynamodb:GetItem": 4,
    }


# (rule, fault): what to do to the properties of a resource of the written template.
Fault = tuple[rules.Rule, str, Callable[[dict], None]]


def _statements_of(role: dict) -> list[dict]:
    return role["Policies"][0]["PolicyDocument"]["Statement"]


def _statement(number: int, **members: object) -> Callable[[dict], None]:
    return lambda role: _statements_of(role)[number].update(members)


def _attributes(number: int, change: Callable[[list[str]], None]) -> Callable[[dict], None]:
    return lambda role: change(
        _statements_of(role)[number]["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"])


def _set(**members: object) -> Callable[[dict], None]:
    return lambda properties: properties.update(members)


def _without(*path: str | int) -> Callable[[dict], None]:
    def remove(properties: dict) -> None:
        for member in path[:-1]:
            properties = properties[member]
        del properties[path[-1]]

    return remove


def _replace(*path: str | int) -> Callable[[dict], None]:
    *path, member, old, new = path

    def replace(properties: dict) -> None:
        for name in path:
            properties = properties[name]
        assert old in properties[member]
        properties[member] = properties[member].replace(old, new)

    return replace


def _body(change: Callable[[dict], None]) -> Callable[[dict], None]:
    return lambda api: change(api["DefinitionBody"])


def _environment(**members: object) -> Callable[[dict], None]:
    return lambda function: function["Environment"]["Variables"].update(members)


ANY = "x-amazon-apigateway-any-method"
APPS = ("x-amazon-apigateway-policy", "Statement", 1, "Resource", 0)
FAULTS: list[Fault] = [
    (rules.actions_are_exact, "FunctionRole", _statement(0, Action="dynamodb:*")),
    (rules.actions_are_exact, "FunctionRole", _statement(3, Action=["secretsmanager:Get*"])),
    (rules.resources_are_exact, "FunctionRole", _statement(0, Resource="*")),
    (rules.resources_are_exact, "FunctionRole", _statement(0, Resource={"Fn::Sub": "${TokensTable.Arn}*"})),
    (rules.resources_are_exact, "FunctionRole",
     _set(ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"])),
    (rules.the_table_is_used_as_the_code_uses_it, "FunctionRole", _statement(2, Action=["dynamodb:GetItem", "dynamodb:Query"])),
    (rules.the_table_is_used_as_the_code_uses_it, "FunctionRole", _statement(2, Condition={})),
    (rules.the_table_is_used_as_the_code_uses_it, "FunctionRole", _attributes(0, lambda names: names.append("previousJti"))),
    (rules.the_table_is_used_as_the_code_uses_it, "FunctionRole", _attributes(1, lambda names: names.remove("revokedAt"))),
    (rules.the_table_is_used_as_the_code_uses_it, "FunctionRole",
     lambda role: _statements_of(role)[1]["Condition"].update(StringEqualsIfExists={"dynamodb:ReturnValues": "ALL_OLD"})),
    (rules.keys_are_used_through_their_service, "FunctionRole", _statement(4, Condition={})),
    (rules.nobody_outside_is_let_in, "ApiKeysPolicy", _set(BlockPublicPolicy=False)),
    (rules.nobody_outside_is_let_in, "ServerKeysPolicy", _set(SecretId={"Ref": "ApiKeysSecret"})),
    (rules.nobody_outside_is_let_in, "ApiKeysPolicy",
     lambda policy: policy["ResourcePolicy"]["Statement"][0].update(Effect="Allow")),
    (rules.nobody_outside_is_let_in, "Key",
     lambda key: key["KeyPolicy"]["Statement"][0].update(Principal="*")),
    (rules.nobody_outside_is_let_in, "Key", lambda key: key["KeyPolicy"]["Statement"][1].pop("Condition")),
    (rules.everything_is_encrypted_with_our_key, "TokensTable", _set(SSESpecification={"SSEEnabled": True})),
    (rules.everything_is_encrypted_with_our_key, "ApiKeysSecret", _without("KmsKeyId")),
    (rules.everything_is_encrypted_with_our_key, "FunctionLogs", _without("KmsKeyId")),
    (rules.everything_is_encrypted_with_our_key, "AlarmTopic", _set(KmsMasterKeyId="alias/aws/sns")),
    (rules.everything_is_encrypted_with_our_key, "Key", _set(EnableKeyRotation=False)),
    (rules.data_outlives_stack_and_update, "TokensTable", _set(DeletionProtectionEnabled=False)),
    (rules.data_outlives_stack_and_update, "TokensTable", _without("PointInTimeRecoverySpecification")),
    (rules.records_end, "TokensTable", _set(TimeToLiveSpecification={"AttributeName": "expireAt", "Enabled": True})),
    (rules.no_secret_is_in_the_template, "ServerKeysSecret", _set(GenerateSecretString={})),
    (rules.no_secret_is_in_the_template, "Function", _environment(API_KEY="secret")),
    (rules.no_secret_is_in_the_template, "Function",
     _environment(ISSUER={"Fn::Sub": "{{resolve:secretsmanager:${ApiKeysSecret}}}"})),
    (rules.logs_end_and_tell_nothing, "AccessLogs", _without("RetentionInDays")),
    (rules.logs_end_and_tell_nothing, "Function", _without("LoggingConfig")),
    (rules.logs_end_and_tell_nothing, "Function",
     lambda function: function["LoggingConfig"].update(ApplicationLogLevel="WARN")),
    (rules.logs_end_and_tell_nothing, "Api", _without("AccessLogSetting")),
    (rules.logs_end_and_tell_nothing, "Api",
     _replace("AccessLogSetting", "Format", "$context.resourcePath", "$context.path")),
    (rules.logs_end_and_tell_nothing, "Api",
     _replace("AccessLogSetting", "Format", "$context.xrayTraceId", "$input.body")),
    (rules.logs_end_and_tell_nothing, "Api", lambda api: api["MethodSettings"][0].update(LoggingLevel="INFO")),
    (rules.logs_end_and_tell_nothing, "Api", lambda api: api["MethodSettings"][0].update(DataTraceEnabled=True)),
    (rules.logs_end_and_tell_nothing, "Api", _without("Tags")),
    (rules.logs_end_and_tell_nothing, "ExecutionLogs", _replace("LogGroupName", "Fn::Sub", "${Stage}", "dev")),
    (rules.logs_end_and_tell_nothing, "WafLogging", _without("RedactedFields")),
    (rules.logs_end_and_tell_nothing, "WafLogging", lambda logging: logging["RedactedFields"].pop()),
    (rules.logs_end_and_tell_nothing, "WebAcl", _without("DataProtectionConfig")),
    (rules.the_api_is_guarded, "Api", _set(EndpointConfiguration={"Type": "EDGE"})),
    (rules.the_api_is_guarded, "Api", _without("SecurityPolicy")),
    (rules.the_api_is_guarded, "Api", _set(CacheClusterEnabled=True)),
    (rules.the_api_is_guarded, "Api", lambda api: api["MethodSettings"][0].pop("ThrottlingRateLimit")),
    (rules.the_api_is_guarded, "Api", _body(_without("x-amazon-apigateway-policy"))),
    (rules.the_api_is_guarded, "Api", _body(_replace(*APPS, "Fn::Sub", "/v2/token", "/*"))),
    (rules.the_api_is_guarded, "Api", _body(_replace(*APPS, "Fn::Sub", "/app/renew/", "/server/new/"))),
    (rules.the_api_is_guarded, "Api", _body(_without("x-amazon-apigateway-policy", "Statement", 0, "Condition"))),
    (rules.the_api_is_guarded, "Api", _body(_set(security=[{"apiKey": []}]))),
    (rules.the_api_is_guarded, "Api", _set(SecurityPolicy="SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09")),
    (rules.the_api_is_guarded, "WebAcl",
     lambda acl: acl["Rules"][1]["Statement"]["RateBasedStatement"].pop("ScopeDownStatement")),
    (rules.the_api_is_guarded, "WebAcl",
     _replace("Rules", 1, "Statement", "RateBasedStatement", "ScopeDownStatement", "NotStatement", "Statement",
              "RegexMatchStatement", "RegexString", "/app/renew", "")),
    (rules.the_api_is_guarded, "Domain", _set(SecurityPolicy="TLS_1_0")),
    (rules.every_request_reaches_the_function, "Api", _body(_without("paths", "/"))),
    (rules.every_request_reaches_the_function, "Api", _body(_without("paths", "/{proxy+}", ANY))),
    (rules.every_request_reaches_the_function, "Api",
     _body(lambda body: body["paths"]["/"][ANY]["x-amazon-apigateway-integration"].update(
         uri={"Fn::Sub": "arn:aws:apigateway:x:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"}))),
    (rules.every_request_reaches_the_function, "Api",
     _body(lambda body: body["paths"]["/{proxy+}"][ANY].update(
         parameters=[{"name": "X-API-KEY", "in": "header", "required": True, "schema": {"type": "string"}}]))),
    (rules.every_request_reaches_the_function, "Api",
     _body(lambda body: body["paths"]["/{proxy+}"][ANY].update({"x-amazon-apigateway-request-validator": "headers"}))),
    (rules.gateway_responses_are_the_protocols, "Api",
     _body(lambda body: body["x-amazon-apigateway-gateway-responses"]["THROTTLED"].update(
         responseTemplates={"application/json": '{"message":$context.error.messageString}'}))),
    (rules.gateway_responses_are_the_protocols, "Api",
     _body(lambda body: body["x-amazon-apigateway-gateway-responses"]["THROTTLED"]["responseParameters"].clear())),
    (rules.a_release_rolls_back, "Function", _without("DeploymentPreference")),
    (rules.a_release_rolls_back, "Function", _without("DeploymentPreference", "Alarms")),
    (rules.a_release_rolls_back, "Function",
     lambda function: function["DeploymentPreference"].update(Alarms=function["DeploymentPreference"]["Alarms"]["Fn::If"][1])),
    (rules.a_release_rolls_back, "Function",
     lambda function: function["DeploymentPreference"]["Alarms"]["Fn::If"][1].pop()),
    (rules.a_release_rolls_back, "ReleaseAlarm", lambda alarm: alarm["Dimensions"].pop()),
    (rules.a_release_rolls_back, "RefusalsAlarm",
     lambda alarm: [query["MetricStat"]["Metric"].pop("Dimensions", None) for query in alarm["Metrics"] if "MetricStat" in query]),
    (rules.the_function_is_as_built, "Function", _set(Architectures=["x86_64"])),
    (rules.the_function_is_as_built, "Function", _without("Tracing")),
    (rules.a_changed_setting_is_a_release, "Function", _environment(TOKEN_TTL_SECONDS={"Ref": "LogRetentionDays"})),
    (rules.a_changed_setting_is_a_release, "Function", _environment(AUDIENCE={"Fn::Sub": "sdk-${DomainName}"})),
    (rules.a_changed_setting_is_a_release, "Function", _set(MemorySize={"Fn::If": ["HasDomain", 512, 256]})),
    (rules.a_changed_setting_is_a_release, "Function",
     _set(MemorySize={"Fn::FindInMap": ["Settings", {"Ref": "Stage"}, "Memory"]})),
    (rules.settings_are_in_range, "Function", _environment(TOKEN_TTL_SECONDS="59")),
    (rules.settings_are_in_range, "Function", _environment(TOKEN_TTL_SECONDS=1800)),
    (rules.settings_are_in_range, "Function", _environment(TOKEN_TTL_SECONDS="1800 s")),
    (rules.settings_are_in_range, "Function", _environment(SESSION_TTL_SECONDS="2592001")),
    (rules.settings_are_in_range, "Function", _environment(RECORD_RETENTION_SECONDS={"Fn::If": ["HasDomain", "299", "300"]})),
    (rules.settings_are_in_range, "Function", _environment(SECRETS_MIN_REFRESH_SECONDS="301")),
    (rules.settings_are_in_range, "Function", _environment(SECRETS_MAX_STALE_SECONDS="329")),
    (rules.settings_are_in_range, "Function", _environment(ISSUER="caf\u00e9")),
    (rules.alarms_are_wired, "ErrorsAlarm", _without("AlarmActions")),
    (rules.alarms_are_wired, "LatencyAlarm", _without("TreatMissingData")),
    (rules.alarms_are_wired, "KeyWearAlarm", _replace("AlarmDescription", "#key-wear", "")),
    (rules.alarms_are_wired, "SilenceAlarm", _set(AlarmName={"Fn::Sub": "${AWS::StackName}-quiet"})),
    (rules.alarms_are_wired, "Dashboard", _replace("DashboardBody", "Fn::Sub", "-unopenable", "-errors")),
    (rules.alarms_are_wired, "KeyTamperingRule", _set(Targets=[])),
    (rules.alarms_are_wired, "SecretsTamperingRule", _set(Description="Tampering. docs/operations.md#fiddling")),
    (rules.metrics_are_the_documented_ones, "UnopenableAlarm",
     lambda alarm: alarm["Metrics"][3]["MetricStat"]["Metric"].update(MetricName="Request")),
    (rules.metrics_are_the_documented_ones, "SecretsAgeAlarm", _set(MetricName="SecretAge")),
    (rules.metrics_are_the_documented_ones, "SecretsAgeAlarm", _set(Dimensions=[{"Name": "Secret", "Value": "x"}])),
    (rules.metrics_are_the_documented_ones, "Dashboard", _replace("DashboardBody", "Fn::Sub", '"Replays"', '"Repeats"')),
    (rules.metrics_are_the_documented_ones, "Dashboard",
     _replace("DashboardBody", "Fn::Sub", "{TokenService,TokenKid}", "{TokenService,Kid}")),
    (rules.codes_are_the_protocols, "UnopenableAlarm", _set(Dimensions=[{"Name": "Outcome", "Value": "TOK499"}])),
    (rules.codes_are_the_protocols, "Api",
     _body(lambda body: body["x-amazon-apigateway-gateway-responses"]["THROTTLED"].update(
         responseTemplates={"application/json": '{"resCode":"TOK429","resDesc":""}'}))),
    (rules.queries_name_our_logs, "SlowQuery", _set(LogGroupNames=["/aws/lambda/token-service"])),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[0].__name__}-{fault[1]}")
def test_a_planted_fault_is_found(fault: Fault) -> None:
    rule, resource, plant = fault
    templates = copy.deepcopy(WRITTEN)
    plant(_with(templates, resource)["Resources"][resource]["Properties"])
    assert list(rule(together(templates))), f"{rule.__name__} did not see it"


def _with(templates: dict[str, Template], resource: str) -> Template:
    template, = (template for template in templates.values() if resource in template["Resources"])
    return template


# (rule, file, fault): what to do to a whole template.
OUTSIDE: list[tuple[rules.Rule, str, Callable[[Template], None]]] = [
    (rules.data_outlives_stack_and_update, CORE, lambda t: t["Resources"]["TokensTable"].pop("DeletionPolicy")),
    (rules.data_outlives_stack_and_update, CORE, lambda t: t["Resources"]["ApiKeysSecret"].pop("UpdateReplacePolicy")),
    (rules.data_outlives_stack_and_update, CORE, lambda t: t["Resources"]["Key"].update(DeletionPolicy="Delete")),
    (rules.data_outlives_stack_and_update, "deploy/firewall.yaml",
     lambda t: t["Resources"]["WafLogs"].update(Condition="HasWaf")),
    (rules.nobody_outside_is_let_in, CORE, lambda t: t["Resources"].pop("ServerKeysPolicy")),
    (rules.parameters_say_what_they_take, CORE, lambda t: t["Parameters"]["ReservedConcurrency"].pop("MinValue")),
    (rules.parameters_say_what_they_take, CORE, lambda t: t["Parameters"]["Stage"].update(AllowedPattern="[a-z]{1,64}")),
    (rules.parameters_say_what_they_take, CORE, lambda t: t["Parameters"]["Stage"].pop("Description")),
    (rules.parameters_say_what_they_take, CORE, lambda t: t["Outputs"].pop("FunctionLogGroup")),
]


@pytest.mark.parametrize("rule, file, plant", OUTSIDE)
def test_a_fault_planted_beside_the_properties_is_found(
    rule: rules.Rule, file: str, plant: Callable[[Template], None]
) -> None:
    templates = copy.deepcopy(WRITTEN)
    plant(templates[file])
    assert list(rule(together(templates))), f"{rule.__name__} did not see it"


def test_every_rule_has_a_fault() -> None:
    assert {fault[0] for fault in FAULTS} | {rule for rule, _, _ in OUTSIDE} == set(rules.RULES)
