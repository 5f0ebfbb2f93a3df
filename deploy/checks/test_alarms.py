"""Each alarm of the templates on made-up traffic: on when it must be, within so many minutes, and else off.

A scenario begins in health and goes wrong at `T`. It is evaluated with a missing operand of metric
math as 0 and as missing, and with and without data points beyond those that are needed.
"""

import copy
import functools
import itertools
import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from ministack.services import eventbridge

from checks import alarms
from checks.alarms import Key, Metrics, Properties
from checks.template import all_written, properties, together

TEMPLATE = together(all_written())
ALARMS: dict[str, Properties] = {
    alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-"): alarm
    for _, alarm in properties(TEMPLATE, "AWS::CloudWatch::Alarm")
}

# ---- The traffic.
HOUR, DAY = 60, 1440
# When a scenario goes wrong. Health comes before it: of hours, or where the alarm looks back so far, of a day.
T = DAY + HOUR
BEFORE, EVER = range(T - 3 * HOUR, T), range(T - 3 * HOUR, T + 3 * HOUR)
DAY_BEFORE, DAYS = range(T), range(T + 2 * DAY)
SLOW, FAST = 5, 30_000  # Requests a minute: 5, and 500 a second.

STATUS = {"TOK200": 200, "TOK002": 401, "TOK004": 401, "TOK400": 400, "TOK401": 401, "TOK409": 409, "TOK422": 400,
          "TOK003": 500, "TOK503": 503, "crash": 502, "throttled": 500, "429": 429}
OPERATIONS = ("GetToken", "Renew", "Invalidate", "Introspect")


def after(minutes: int) -> range:
    return range(T, T + minutes)


@functools.cache
def _key(namespace: str, name: str, **dimensions: str) -> Key:
    return namespace, name, frozenset(dimensions.items())


api = functools.partial(_key, "AWS/ApiGateway", ApiName="*", Stage="*")
function = functools.partial(_key, "AWS/Lambda", FunctionName="*")
released = functools.partial(_key, "AWS/Lambda", FunctionName="*", Resource="*", ExecutedVersion="new")
lines = functools.partial(_key, "AWS/Logs", LogGroupName="*")
ours = functools.partial(_key, "TokenService")
WRITE_THROTTLES = _key("AWS/DynamoDB", "WriteThrottleEvents", TableName="*")
READ_THROTTLES = _key("AWS/DynamoDB", "ReadThrottleEvents", TableName="*")


class Service:
    """Sends the metrics that API Gateway, Lambda and the function send of requests."""

    def __init__(self) -> None:
        declared = {api(name) for name in ("Count", "4XXError", "5XXError", "Latency")}
        declared |= {function(name) for name in ("Invocations", "Errors", "Throttles")} | {released("Errors")}
        declared |= {lines("EMFParsingErrors"), lines("EMFValidationErrors"), WRITE_THROTTLES, READ_THROTTLES}
        declared |= {ours(name) for name in ("Requests", "Latency", "ConsumedWriteCapacity", "ConsumedReadCapacity",
                                             "GatewayThrottles", "Superseded", "SecretsAge", "SecretsFallbacks",
                                             "SecretsRefreshFailures")}
        for outcome, operation in itertools.product(STATUS, OPERATIONS):
            declared |= {ours("Requests", Operation=operation, Outcome=outcome), ours("Latency", Operation=operation)}
        for outcome, version in itertools.product(STATUS, ("old", "new")):
            declared |= {ours("Requests", Outcome=outcome), ours("Requests", Version=version),
                         ours("Requests", Version=version, Outcome=outcome)}
        self.metrics = Metrics(declared)

    def answers(self, minutes: range, per_minute: float, code: str = "TOK200", version: str = "old", ms: float = 40,
                operation: str = "GetToken") -> None:
        for minute in minutes:
            # Below one a minute: every so many minutes.
            times = math.floor((minute + 1) * per_minute + 1e-6) - math.floor(minute * per_minute + 1e-6)
            self.answer(minute, times, code, version, ms, operation)

    def answer(self, minute: int, times: float, code: str, version: str = "old", ms: float = 40,
               operation: str = "GetToken") -> None:
        add, status = self.metrics.add, STATUS[code]
        add(api("Count"), minute, 1, times)
        add(api("4XXError"), minute, status // 100 == 4, times)
        add(api("5XXError"), minute, status // 100 == 5, times)
        add(api("Latency"), minute, ms, times)
        if code == "429":
            add(ours("GatewayThrottles"), minute, 1, times)
            return
        add(function("Throttles"), minute, code == "throttled", times)
        if code == "throttled":
            return
        add(function("Invocations"), minute, 1, times)
        add(function("Errors"), minute, code == "crash", times)
        if version == "new":
            add(released("Errors"), minute, code == "crash", times)
        if code == "crash":
            return
        for dimensions in ({}, {"Outcome": code}, {"Version": version}, {"Version": version, "Outcome": code},
                           {"Operation": operation, "Outcome": code}):
            add(ours("Requests", **dimensions), minute, 1, times)
        for dimensions in ({}, {"Operation": operation}):
            add(ours("Latency", **dimensions), minute, ms, times)
        if code == "TOK200":
            add(ours("ConsumedReadCapacity" if operation == "Introspect" else "ConsumedWriteCapacity"), minute, 1, times)

    def send(self, key: Key, minutes: range, value: float = 1, times: float = 1) -> None:
        for minute in minutes:
            self.metrics.add(key, minute, value, times)


# ---- The scenarios.
@dataclass(frozen=True)
class Scenario:
    alarm: str
    what: str
    build: Callable[[Service], None]
    # Within how many minutes from T the alarm is on; None: it never is.
    on: tuple[int, int] | None = None
    # Within how many minutes from T it is off again.
    off: tuple[int, int] | None = None
    # How long it is looked at.
    minutes: int = HOUR


SCENARIOS: list[Scenario] = []


def scenario(alarm: str, what: str, on: tuple[int, int] | None = None, **more: Any) -> Callable:
    def register(build: Callable[[Service], None]) -> Callable[[Service], None]:
        SCENARIOS.append(Scenario(alarm, what, build, on, **more))
        return build

    return register


def mixed(*parts: tuple[range, float, str] | tuple[range, float, str, str], version: str = "old") -> Callable[[Service], None]:
    """Parts of traffic, each of a time, a rate, a code and, where it is not Get Token, an operation."""
    def build(service: Service) -> None:
        for minutes, per_minute, code, *operation in parts:
            service.answers(minutes, per_minute, code, version, operation=(operation or ["GetToken"])[0])

    return build


def leak(
    rate: float, share: float, code: str = "TOK503", operation: str = "GetToken", days: bool = False, beside: tuple = ()
) -> Callable[[Service], None]:
    """A share of the requests fails from T on, `beside` other parts of the traffic."""
    before, since = (DAY_BEFORE, after(2 * DAY)) if days else (BEFORE, after(3 * HOUR))
    return mixed((before, rate, "TOK200", operation), (since, rate * (1 - share), "TOK200", operation),
                 (since, rate * share, code, operation), *beside)


STRANGERS = (EVER, 600, "TOK002")  # Ten a second.
# Two hundred to a token, at 5 tokens a minute.
INTROSPECTIONS = (EVER, 1000, "TOK200", "Introspect")
scenario("errors", "outage at 5 a minute", (1, 2))(leak(SLOW, 1))
scenario("errors", "outage at 500 a second", (1, 1))(leak(FAST, 1))
scenario("errors", "the function crashes at 5 a minute", (1, 2))(leak(SLOW, 1, "crash"))
scenario("errors", "outage at 1 a minute", (5, 5))(leak(1, 1))
scenario("errors", "outage at 5 a minute, strangers knock", (1, 2))(
    mixed((BEFORE, SLOW, "TOK200"), (after(3 * HOUR), SLOW, "TOK503"), STRANGERS))
scenario("errors", "an outage of 10 minutes is over", (1, 2), off=(14, 15))(
    mixed((BEFORE, SLOW, "TOK200"), (after(10), SLOW, "TOK503"), (range(T + 10, T + 3 * HOUR), SLOW, "TOK200")))
scenario("errors", "a quiet night, one failure, retried three times")(
    mixed((EVER, 0.1, "TOK200"), (after(1), 4, "TOK503")))
scenario("errors", "an outage of 5 seconds at 500 a second")(
    mixed((EVER, FAST, "TOK200"), (after(1), FAST / 12, "TOK503")))
scenario("errors", "as many failures as the objective allows, at 500 a second")(leak(FAST, 0.001))
scenario("errors", "partners send what cannot be opened")(leak(SLOW, 1, "TOK422"))
scenario("errors", "no traffic")(mixed())

scenario("burn-fast", "a leak of 2 % at 500 a second", (42, 45))(leak(FAST, 0.02))
scenario("burn-fast", "a leak of 3 % at 5 a minute", (20, 45))(leak(SLOW, 0.03))
scenario("burn-fast", "outage at 5 a minute, strangers knock", (1, 2))(
    mixed((BEFORE, SLOW, "TOK200"), (after(3 * HOUR), SLOW, "TOK503"), STRANGERS))
scenario("burn-fast", "as many failures as the objective allows, at 500 a second", minutes=DAY)(leak(FAST, 0.001, days=True))
scenario("burn-fast", "as many failures as the objective allows, at 5 a minute", minutes=2 * DAY)(leak(SLOW, 0.001, days=True))
scenario("burn-fast", "a quiet night, one failure, retried three times")(
    mixed((EVER, 0.1, "TOK200"), (after(1), 4, "TOK503")))

scenario("burn-slow", "a slow leak of 0.5 % at 500 a second", (864, 925), minutes=2 * DAY)(leak(FAST, 0.005, days=True))
scenario("burn-slow", "a slow leak of 1 % at 5 a minute", (432, 500), minutes=2 * DAY)(leak(SLOW, 0.01, days=True))
scenario("burn-slow", "as many failures as the objective allows, at 500 a second", minutes=2 * DAY)(leak(FAST, 0.001, days=True))
scenario("burn-slow", "as many failures as the objective allows, at 5 a minute", minutes=2 * DAY)(leak(SLOW, 0.001, days=True))
scenario("burn-slow", "a quiet day, two failures, each retried three times", minutes=2 * DAY)(
    mixed((DAYS, 0.05, "TOK200"), (after(1), 4, "TOK503"), (range(T + HOUR, T + HOUR + 1), 4, "TOK503")))


def slowed(rate: float, share: float, ms: float) -> Callable[[Service], None]:
    def build(service: Service) -> None:
        service.answers(BEFORE, rate)
        service.answers(after(3 * HOUR), rate * (1 - share))
        service.answers(after(3 * HOUR), rate * share, ms=ms)

    return build


scenario("latency", "every request takes 3 s at 5 a minute", (1, 2))(slowed(SLOW, 1, 3000))
scenario("latency", "every request takes 3 s at 500 a second", (1, 1))(slowed(FAST, 1, 3000))
scenario("latency", "a canary of 10 % takes 3 s at 500 a second", (2, 4))(slowed(FAST, 0.1, 3000))
scenario("latency", "a canary of 10 % takes 3 s at 60 a minute", (2, 4))(slowed(60, 0.1, 3000))


@scenario("latency", "every request takes 3 s at 5 a minute, strangers knock", (1, 2))
def _slow_among_strangers(service: Service) -> None:
    slowed(SLOW, 1, 3000)(service)
    mixed(STRANGERS)(service)


scenario("latency", "one request in a hundred takes 3 s at 500 a second")(slowed(FAST, 0.01, 3000))
scenario("latency", "a quiet night: each request is a cold start of 1.2 s")(slowed(0.1, 1, 1200))
scenario("latency", "a quiet night: each request takes 3 s, four in all")(
    lambda service: service.answers(range(T, T + 4), 1, ms=3000))

scenario("release", "the new version crashes once", (1, 1))(
    mixed((BEFORE, SLOW, "TOK200"), (after(1), 1, "crash"), version="new"))
scenario("release", "the version before crashes")(leak(SLOW, 1, "crash"))
scenario("release", "the new version answers")(mixed((EVER, FAST, "TOK200"), version="new"))


def canary(
    rate: float, refused: float, usual: float = 0.02, strangers: float = 0, minutes: int = 10
) -> Callable[[Service], None]:
    """10 % of the traffic goes to the new version, which refuses this share; then all of it."""
    def build(service: Service) -> None:
        for minutes_, part, version, share in (
            (BEFORE, 1, "old", usual), (after(minutes), 0.9, "old", usual), (after(minutes), 0.1, "new", refused),
            (range(T + minutes, T + 3 * HOUR), 1, "new", usual),
        ):
            service.answers(minutes_, rate * part * (1 - share), version=version)
            service.answers(minutes_, rate * part * share, "TOK422", version)
            service.answers(minutes_, strangers * part, "TOK002", version)

    return build


scenario("refusals", "refuses all, at 20 a minute", (2, 4))(canary(20, 1))
scenario("refusals", "refuses all, at 5 a minute, where a canary of ten minutes sees five requests", (6, 10), off=(30, 45))(
    canary(SLOW, 1))
scenario("refusals", "refuses all, at 2 a minute, a canary of half an hour", (15, 20))(canary(2, 1, minutes=30))
scenario("refusals", "refuses one partner in thirty, at 500 a second", (1, 10))(canary(FAST, 0.02 + 1 / 30))
scenario("refusals", "refuses half, at 2 a second", (1, 3))(canary(120, 0.5))
scenario("refusals", "refuses all, at 1 a second, among ten strangers a second", (1, 5))(canary(60, 1, strangers=600))
scenario("refusals", "fails", (2, 4))(
    lambda service: (service.answers(EVER, 18), service.answers(after(10), 2, "TOK503", "new")))
scenario("refusals", "a good release at 1 a second, strangers begin to knock in the middle of the canary")(
    lambda service: (canary(60, 0.02)(service), service.answers(range(T + 5, T + 10), 540, "TOK002"),
                     service.answers(range(T + 5, T + 10), 60, "TOK002", "new")))
scenario("refusals", "cannot see: refuses all, at 5 a minute, among ten times as many strangers")(canary(SLOW, 1, strangers=50))
scenario("refusals", "cannot see: refuses all, among a hundred times as many strangers")(canary(3000, 1, strangers=300_000))
scenario("refusals", "cannot see: all at once")(
    lambda service: (service.answers(BEFORE, SLOW), service.answers(after(HOUR), SLOW, "TOK422", "new")))
scenario("refusals", "a good release, strangers knock ten times a second")(canary(SLOW, 0.02, strangers=600))
scenario("refusals", "a good release at 500 a second, 30 % are refused as ever")(canary(FAST, 0.3, usual=0.3))
scenario("refusals", "a good release at 5 a minute")(canary(SLOW, 0.02))
scenario("refusals", "no release: the version in use refuses all from T on")(
    mixed((BEFORE, SLOW, "TOK200"), (after(3 * HOUR), SLOW, "TOK422"), version="new"))


def rollbacks(releases: int, rate: int, usual: float, refused: float, steps: list[float]) -> float:
    """The share of releases that the alarm sees, with requests that arrive and are refused at random."""
    chance, seen = random.Random(20261130), 0
    for _ in range(releases):
        service = Service()
        for minute, new in enumerate(steps):
            for _ in range(sum(chance.random() < 0.5 for _ in range(2 * rate))):
                version = "new" if chance.random() < new else "old"
                bad = chance.random() < (refused if version == "new" else usual)
                service.answer(minute, 1, "TOK422" if bad else "TOK200", version)
        seen += bool(alarms.alarm_minutes(ALARMS["refusals"], service.metrics, range(len(steps), len(steps) + 1), 0))
    return seen / releases


CANARY, LINEAR = [0.1] * 10, [number / 10 for number in range(1, 10)]


@pytest.mark.parametrize("steps", [CANARY, [*CANARY, *[0.5] * 5], LINEAR], ids=["canary", "canary, then half", "linear"])
@pytest.mark.parametrize("rate, usual", [(5, 0.1), (5, 0.3), (20, 0.02), (20, 0.1), (100, 0.3), (100, 0.7)])
def test_good_releases_go_on(rate: int, usual: float, steps: list[float]) -> None:
    assert rollbacks(50, rate, usual, usual, steps) <= 0.02


@pytest.mark.parametrize("rate, share", [(5, 0.6), (10, 0.9), (20, 1.0)])
def test_releases_that_refuse_all_are_rolled_back(rate: int, share: float) -> None:
    assert rollbacks(100, rate, 0.02, 1, CANARY) >= share


scenario("gateway-throttles", "one request in twenty over the limit, at 500 a second", (2, 3))(leak(FAST, 0.05, "429"))
scenario("gateway-throttles", "a partner's loop beside 5 a minute", (1, 1))(
    mixed((EVER, SLOW, "TOK200"), (after(10), 60, "429")))
scenario("gateway-throttles", "a burst of ten")(mixed((EVER, SLOW, "TOK200"), (after(1), 10, "429")))
scenario("gateway-throttles", "a burst of 1,000 at 500 a second")(mixed((EVER, FAST, "TOK200"), (after(1), 1000, "429")))
scenario("gateway-throttles", "none")(mixed((EVER, FAST, "TOK200")))

scenario("throttles", "no concurrency left, at 5 a minute", (1, 1))(leak(SLOW, 1, "throttled"))
scenario("throttles", "3 % at 500 a second", (2, 3))(leak(FAST, 0.03, "throttled"))
scenario("throttles", "0.5 % at 500 a second, which retries carry")(leak(FAST, 0.005, "throttled"))
scenario("throttles", "two in a quiet night")(mixed((EVER, 0.1, "TOK200"), (after(1), 2, "throttled")))


def table_throttled(
    rate: float, per_minute: int, minutes: int, operation: str = "GetToken", beside: tuple = ()
) -> Callable[[Service], None]:
    def build(service: Service) -> None:
        mixed((EVER, rate, "TOK200", operation), *beside)(service)
        service.send(READ_THROTTLES if operation == "Introspect" else WRITE_THROTTLES, after(minutes), times=per_minute)

    return build


scenario("table-throttles", "each read at 5 a minute", (1, 1))(table_throttled(SLOW, 5, HOUR, "Introspect"))
scenario("table-throttles", "3 % of the reads at 500 a second", (2, 3))(table_throttled(FAST, 900, HOUR, "Introspect"))
scenario("table-throttles", "3 % of the writes at 2 a second, beside 500 reads a second", (2, 3))(
    table_throttled(120, 4, HOUR, beside=((EVER, FAST, "TOK200", "Introspect"),)))
scenario("table-throttles", "3 % of the reads at 2 a second, beside 500 writes a second", (2, 3))(
    table_throttled(120, 4, HOUR, "Introspect", beside=((EVER, FAST, "TOK200"),)))
scenario("table-throttles", "each write at 5 a minute", (1, 1))(table_throttled(SLOW, 5, HOUR))
scenario("table-throttles", "3 % at 500 a second", (2, 3))(table_throttled(FAST, 900, HOUR))
scenario("table-throttles", "0.3 % at 500 a second, which retries carry")(table_throttled(FAST, 90, HOUR))
scenario("table-throttles", "two in a quiet night")(table_throttled(0.1, 2, 1))

REFRESH = ours("SecretsRefreshFailures")
scenario("secrets-refresh", "each attempt at 5 a minute", (10, 15))(
    lambda service: service.send(REFRESH, after(3 * HOUR), times=2))
scenario("secrets-refresh", "each attempt of 20 instances", (10, 15))(
    lambda service: service.send(REFRESH, after(3 * HOUR), times=40))
scenario("secrets-refresh", "each attempt at a request every 10 minutes", (20, 31))(
    lambda service: service.send(REFRESH, range(T, T + 3 * HOUR, 10)))
scenario("secrets-refresh", "20 instances within a minute, once")(lambda service: service.send(REFRESH, after(1), times=20))
scenario("secrets-refresh", "one an hour")(lambda service: service.send(REFRESH, range(T, T + 3 * HOUR, HOUR)))

scenario("secrets-fallback", "a bad write, a new instance", (1, 1))(
    lambda service: service.send(ours("SecretsFallbacks"), after(1)))
scenario("secrets-fallback", "a bad write, no new instance: each keeps its last good value")(
    lambda service: service.send(REFRESH, after(3 * HOUR), times=2))

scenario("secrets-age", "no refresh for over an hour, a request every 10 minutes", (61, 75), minutes=2 * HOUR)(
    lambda service: [service.send(ours("SecretsAge"), range(T + minute, T + minute + 1), minute * 60)
                     for minute in range(0, 3 * HOUR, 10)])
scenario("secrets-age", "an age up to the refresh, at both rates")(
    lambda service: [service.send(ours("SecretsAge"), EVER, age, 1000) for age in (0, 150, 310)])

scenario("key-wear", "333 writes a second", (270, 345), minutes=DAY)(
    mixed((DAY_BEFORE, 15_000, "TOK200"), (after(DAY), 20_000, "TOK200")))
scenario("key-wear", "200 tokens and 133 renewals a second", (270, 345), minutes=DAY)(
    mixed((DAY_BEFORE, 9000, "TOK200"), (DAY_BEFORE, 6000, "TOK200", "Renew"),
          (after(DAY), 12_000, "TOK200"), (after(DAY), 8000, "TOK200", "Renew")))
scenario("key-wear", "250 writes a second, beside 250 introspections", minutes=DAY)(
    mixed((DAYS, 15_000, "TOK200"), (DAYS, 15_000, "TOK200", "Introspect")))
scenario("key-wear", "250 writes a second", minutes=DAY)(mixed((DAYS, 15_000, "TOK200")))
scenario("key-wear", "5 a minute", minutes=DAY)(mixed((DAYS, SLOW, "TOK200")))

for name, code, allowed in (("unauthorized", "TOK002", 2), ("sdk-api-key", "TOK004", 1), ("unopenable", "TOK422", 1)):
    scenario(name, "the only partner's requests at 5 a minute", (7, 9))(leak(SLOW, 1, code, days=True))
    scenario(name, "the only partner's requests at 5 a minute, beside introspections", (7, 9))(
        leak(SLOW, 1, code, beside=(INTROSPECTIONS,)))
    scenario(name, "a partner of 5 % at 500 a second", (6, 10))(leak(FAST, 0.05, code))
    scenario(name, "one a minute beside 5 a minute")(mixed((EVER, SLOW, "TOK200"), (after(3 * HOUR), 1, code)))
    scenario(name, "less than the allowed share at 500 a second")(leak(FAST, allowed * 0.008, code))
    scenario(name, "a burst of 500 within a minute")(mixed((EVER, SLOW, "TOK200"), (after(1), 500, code)))
scenario("sdk-api-key", "5 a minute, strangers knock", (7, 9))(
    mixed((BEFORE, SLOW, "TOK200"), (after(3 * HOUR), SLOW, "TOK004"), STRANGERS))
scenario("unopenable", "5 a minute, strangers knock", (7, 9))(
    mixed((BEFORE, SLOW, "TOK200"), (after(3 * HOUR), SLOW, "TOK422"), STRANGERS))

for name, code in (("unauthorized", "TOK002"), ("unopenable", "TOK422")):
    scenario(name, "the only partner's invalidations at 5 a minute, beside introspections", (7, 9))(
        leak(SLOW, 1, code, "Invalidate", beside=(INTROSPECTIONS,)))
    scenario(name, "renewals, which have their own alarm")(
        leak(SLOW, 1, code, "Renew", beside=((EVER, SLOW, "TOK200"), INTROSPECTIONS)))
scenario("unauthorized", "the only resource server's introspections at 5 a minute, beside 500 tokens a second", (7, 9))(
    leak(SLOW, 1, "TOK002", "Introspect", beside=((EVER, FAST, "TOK200"),)))
scenario("unauthorized", "a resource server of 5 % at 500 a second", (6, 10))(leak(FAST, 0.05, "TOK002", "Introspect"))

scenario("unauthorized", "the only partner's requests at 5 a minute, 20 minutes long", (7, 9), off=(22, 26))(
    mixed((BEFORE, SLOW, "TOK200"), (after(20), SLOW, "TOK002"), (range(T + 20, T + 3 * HOUR), SLOW, "TOK200")))

TOKENS = (EVER, SLOW, "TOK200")
scenario("renewals", "no token is known: each at 5 a minute", (9, 10))(leak(SLOW, 1, "TOK401", "Renew", beside=(TOKENS,)))
scenario("renewals", "no token is known: each at 500 a second", (7, 9))(leak(FAST, 1, "TOK401", "Renew", beside=(TOKENS,)))
for code in ("TOK002", "TOK422"):
    scenario("renewals", f"{code} for each at 5 a minute, beside introspections", (7, 9))(
        leak(SLOW, 1, code, "Renew", beside=(TOKENS, INTROSPECTIONS)))
    scenario("renewals", f"{code} for a partner of 5 % at 500 a second", (6, 10))(leak(FAST, 0.05, code, "Renew"))
    scenario("renewals", f"{code} of partners' servers, which have their own alarms")(
        leak(SLOW, 1, code, beside=((EVER, SLOW, "TOK200", "Renew"),)))
scenario("renewals", "each at 5 a minute, 20 minutes long", (7, 9), off=(22, 26))(
    mixed((BEFORE, SLOW, "TOK200", "Renew"), (after(20), SLOW, "TOK002", "Renew"),
          (range(T + 20, T + 3 * HOUR), SLOW, "TOK200", "Renew")))
scenario("renewals", "a third is of sessions that have ended, at 5 a minute")(leak(SLOW, 1 / 3, "TOK401", "Renew"))
scenario("renewals", "a third is of sessions that have ended, at 500 a second")(leak(FAST, 1 / 3, "TOK401", "Renew"))
scenario("renewals", "a burst of 500 within a minute")(
    mixed((EVER, SLOW, "TOK200", "Renew"), (after(1), 500, "TOK401", "Renew")))


def superseded(rate: float, minutes: range, times: float = 1) -> Callable[[Service], None]:
    def build(service: Service) -> None:
        mixed((EVER, rate, "TOK200", "Renew"), INTROSPECTIONS)(service)
        service.send(ours("Superseded"), minutes, times=times)

    return build


scenario("superseded", "three in half an hour at 5 a minute", (21, 21), off=(61, 61), minutes=2 * HOUR)(
    superseded(SLOW, range(T, T + 30, 10)))
scenario("superseded", "one in 500 at 500 a second", (30, 33))(superseded(FAST, after(3 * HOUR), 60))
scenario("superseded", "two in an hour at 5 a minute")(superseded(SLOW, range(T, T + 20, 10)))
scenario("superseded", "three in half an hour at 500 a second")(superseded(FAST, range(T, T + 30, 10)))
scenario("superseded", "none")(superseded(SLOW, range(0)))

scenario("metrics-lost", "one line", (1, 1))(lambda service: service.send(lines("EMFValidationErrors"), after(1)))
scenario("metrics-lost", "no line")(mixed((EVER, FAST, "TOK200")))

scenario("silence", "5 a minute end", (15, 18))(mixed((BEFORE, SLOW, "TOK200")))
scenario("silence", "500 a second end, strangers knock on", (15, 18))(mixed((BEFORE, FAST, "TOK200"), STRANGERS))
scenario("silence", "5 a minute end, introspections and renewals go on", (15, 18))(
    mixed((BEFORE, SLOW, "TOK200"), INTROSPECTIONS, (EVER, SLOW, "TOK200", "Renew")))
scenario("silence", "each request fails", (15, 18))(leak(SLOW, 1))
scenario("silence", "a canary every 5 minutes ends", (11, 18))(mixed((BEFORE, 0.2, "TOK200")))
scenario("silence", "a canary every 5 minutes, and nobody else")(mixed((EVER, 0.2, "TOK200")))
scenario("silence", "5 a minute")(mixed((EVER, SLOW, "TOK200")))


@functools.cache
def _metrics(case: Scenario) -> Metrics:
    service = Service()
    case.build(service)
    return service.metrics


def complaint(alarm: Properties, case: Scenario) -> str | None:
    """What the alarm does that the scenario does not ask for."""
    metrics = _metrics(case)
    # Of one metric no operand is missing. The sums of `refusals` are over all points that are read.
    zeros = (True, False) if "Metrics" in alarm else (True,)
    for zero, spare in itertools.product(zeros, (0, 30) if case.alarm == "refusals" else (0, 2)):
        metrics.missing_is_zero = zero
        minutes = range(T - 59, T + case.minutes)
        on = alarms.alarm_minutes(alarm, metrics, minutes, spare)
        how = f"missing is {'0' if zero else 'missing'}, {spare} spare points"
        if case.on is None:
            if on:
                return f"on after {on[0] - T} minutes ({how})"
            continue
        if not on or not case.on[0] <= on[0] - T <= case.on[1]:
            return f"on after {on[0] - T if on else 'never'}, not {case.on} minutes ({how})"
        if case.off and not case.off[0] <= on[-1] + 1 - T <= case.off[1]:
            return f"off after {on[-1] + 1 - T}, not {case.off} minutes ({how})"
    return None


@pytest.mark.parametrize("case", SCENARIOS, ids=lambda case: f"{case.alarm}: {case.what}")
def test_alarm(case: Scenario) -> None:
    assert complaint(ALARMS[case.alarm], case) is None


def test_each_alarm_has_both_kinds_of_scenario() -> None:
    assert {case.alarm for case in SCENARIOS if case.on} == ALARMS.keys()
    assert {case.alarm for case in SCENARIOS if not case.on} == ALARMS.keys()


# ---- Planted faults.
def _changed(**members: Any) -> Callable[[Properties], None]:
    return lambda alarm: alarm.update(members)


def _expression(old: str, new: str) -> Callable[[Properties], None]:
    def change(alarm: Properties) -> None:
        query, = (query for query in alarm["Metrics"] if old in query.get("Expression", ""))
        query["Expression"] = query["Expression"].replace(old, new)

    return change


def _one_metric(query: str, **members: Any) -> Callable[[Properties], None]:
    """Watches one of the metrics alone."""
    def change(alarm: Properties) -> None:
        stat, = (part["MetricStat"] for part in alarm.pop("Metrics") if part["Id"] == query)
        alarm.update(stat["Metric"], Statistic=stat["Stat"], Period=stat["Period"])
        alarm.update(members)

    return change


def _period(period: int) -> Callable[[Properties], None]:
    def change(alarm: Properties) -> None:
        for query in alarm["Metrics"]:
            query.get("MetricStat", {}).update(Period=period)

    return change


def _of_every_operation(alarm: Properties) -> None:
    stats = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    for metric in stats or [alarm]:
        if "Dimensions" in metric:
            metric["Dimensions"] = [part for part in metric["Dimensions"] if part["Name"] != "Operation"]


FAULTS: list[tuple[str, str, Callable[[Properties], None]]] = [
    ("errors", "five failures a minute, at any rate",
     _one_metric("failed", Period=60, Threshold=5, ComparisonOperator="GreaterThanOrEqualToThreshold",
                 EvaluationPeriods=3, DatapointsToAlarm=2)),
    ("errors", "one failure is enough", _expression("failed >= 5", "failed >= 1")),
    ("errors", "a share of all requests", _expression("(all - refused)", "all")),
    ("errors", "an hour long", _period(3600)),
    ("errors", "missing is an alarm", _changed(TreatMissingData="breaching")),
    ("burn-fast", "a share of all requests", _expression("(all - refused)", "all")),
    ("burn-fast", "the objective itself", _changed(Threshold=0.1)),
    ("burn-fast", "a minute long", _period(60)),
    ("burn-slow", "the objective itself", _changed(Threshold=0.09)),
    ("burn-slow", "one failure is enough", _expression("failed >= 10", "failed >= 1")),
    ("burn-slow", "as steep as the fast one", _changed(Threshold=1.44)),
    ("latency", "asks for a thousand samples", _expression("slow * all >= 500", "slow * all >= 100000")),
    ("latency", "a share of all requests", _expression("(all - refused)", "all")),
    ("latency", "a cold start is slow",
     lambda alarm: [query["MetricStat"].update(Stat="PR(1000:30000)") for query in alarm["Metrics"] if query["Id"] == "slow"]
     and _expression("slow * all >= 500", "slow * all >= 100")(alarm)),
    ("release", "ten crashes", _changed(Threshold=10)),
    ("release", "any version", lambda alarm: [alarm["Dimensions"].pop(), alarm["Dimensions"].pop()]),
    ("refusals", "not compared with the version before", _expression("new - kept - new * share", "new - kept")),
    ("refusals", "compared over all minutes together", _period(600)),
    ("refusals", "asks for 10 refusals", _expression("SUM(excess) - 2", "SUM(excess) - 10")),
    ("refusals", "blind where nothing is answered 200", _expression("SUM([new_ok, 0 * new])", "new_ok")),
    ("gateway-throttles", "one is enough", _expression("throttled - 10", "throttled")),
    ("gateway-throttles", "only a large share", _changed(Threshold=50)),
    ("throttles", "each one", _one_metric("throttled", Threshold=0)),
    ("throttles", "only a large share", _changed(Threshold=20)),
    ("table-throttles", "each one", _one_metric("throttled_writes", Threshold=0)),
    ("table-throttles", "blind to reads", _expression("SUM([of_writes, of_reads])", "of_writes")),
    ("table-throttles", "a share of all calls", _expression("SUM([writes, written])", "SUM([writes, written, served])")),
    ("table-throttles", "only a large share", _changed(Threshold=20)),
    ("secrets-refresh", "three failures in a quarter of an hour",
     _changed(Period=900, Threshold=3, EvaluationPeriods=1, DatapointsToAlarm=1)),
    ("secrets-refresh", "one failure", _changed(DatapointsToAlarm=1)),
    ("secrets-fallback", "two in a period", _changed(Threshold=2)),
    ("secrets-fallback", "missing is an alarm", _changed(TreatMissingData="breaching")),
    ("secrets-age", "the average age", _changed(Threshold=7200)),
    ("secrets-age", "below the refresh", _changed(Threshold=300)),
    ("key-wear", "an hour long", _period(3600)),
    ("key-wear", "of every operation", _of_every_operation),
    ("key-wear", "blind to renewals", _expression("SUM([issued, conflicts, renewed, refused])", "SUM([issued, conflicts])")),
    ("key-wear", "a tenth", _changed(Threshold=2_300_000)),
    ("unauthorized", "a hundred at any rate", _one_metric("unknown_issues", Threshold=100)),
    ("unauthorized", "of every operation", _of_every_operation),
    ("unauthorized", "does not end", _expression("unknown_ends, 0 * issues", "unknown_ends")),
    ("unauthorized", "blind to resource servers", _expression("SUM([partners, resources])", "partners")),
    ("unauthorized", "blind to invalidations", _expression("unknown_ends, ", "")),
    ("sdk-api-key", "of every operation", _of_every_operation),
    ("sdk-api-key", "twenty at any rate", _one_metric("wrong", Threshold=20)),
    ("sdk-api-key", "one period", _changed(EvaluationPeriods=1, DatapointsToAlarm=1)),
    ("unopenable", "a hundred at any rate", _one_metric("unopenable_issues", Threshold=100)),
    ("unopenable", "of every operation", _of_every_operation),
    ("unopenable", "blind to invalidations", _expression("SUM([unopenable_issues, unopenable_ends])", "unopenable_issues")),
    ("unopenable", "blind where nothing is answered 200", _expression("SUM([unopenable, ok])", "ok")),
    ("renewals", "of every operation", _of_every_operation),
    ("renewals", "an ended session is a mistake", _expression("4 * (refused - 10)", "100 * (refused - 10)")),
    ("renewals", "blind to tokens that are not known", _expression("SUM([ended, mistaken])", "mistaken")),
    ("renewals", "blind to what does not open", _expression("SUM([unknown, unopenable])", "unknown")),
    ("renewals", "blind to unknown keys", _expression("SUM([unknown, unopenable])", "unopenable")),
    ("renewals", "does not end", _expression("SUM([unauthorized, 0 * renewals])", "unauthorized")),
    ("renewals", "one period", _changed(EvaluationPeriods=1)),
    ("superseded", "one is enough", _expression("replaced >= 3", "replaced >= 1")),
    ("superseded", "three at any rate", _one_metric("superseded", Threshold=2)),
    ("superseded", "does not end", _expression("SUM([superseded, 0 * renewals])", "superseded")),
    ("superseded", "five minutes long", _period(300)),
    ("superseded", "of every operation", _of_every_operation),
    ("metrics-lost", "only both kinds at once", _expression("SUM([unread, invalid])", "unread * invalid")),
    ("metrics-lost", "missing is an alarm", _changed(TreatMissingData="breaching")),
    ("silence", "missing is no alarm", _changed(TreatMissingData="notBreaching")),
    ("silence", "of every operation", _of_every_operation),
    ("silence", "one minute", _changed(EvaluationPeriods=1, DatapointsToAlarm=1)),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[0]}: {fault[1]}")
def test_a_planted_fault_is_found(fault: tuple[str, str, Callable[[Properties], None]]) -> None:
    name, _, plant = fault
    alarm = copy.deepcopy(ALARMS[name])
    plant(alarm)
    assert any(_fails(alarm, case) for case in SCENARIOS if case.alarm == name), "no scenario saw it"


def _fails(alarm: Properties, case: Scenario) -> bool:
    try:
        return complaint(alarm, case) is not None
    except KeyError:
        return True  # It watches a metric that nothing sends.


def test_each_alarm_has_a_planted_fault() -> None:
    assert {name for name, _, _ in FAULTS} == ALARMS.keys()


# ---- The evaluator.
@pytest.mark.parametrize("name", ALARMS)
def test_alarm_keeps_the_limits_of_cloudwatch(name: str) -> None:
    assert list(alarms.broken_limits(ALARMS[name])) == []


@pytest.mark.parametrize("plant", [
    _changed(MetricName="5XXError"),
    _changed(EvaluationPeriods=289),
    _period(90),
    _expression("failed", "SEARCH(failed)"),
    _expression("failed", "SUM(failed)+"),
    lambda alarm: alarm["Metrics"][1]["MetricStat"].update(Period=60),
    lambda alarm: alarm["Metrics"][1].update(ReturnData=True),
    lambda alarm: alarm["Metrics"][1].update(Id="Failed"),
    lambda alarm: alarm["Metrics"].extend(alarm["Metrics"][1:] * 3),
])
def test_a_broken_limit_is_found(plant: Callable[[Properties], None]) -> None:
    alarm = copy.deepcopy(ALARMS["errors"])
    plant(alarm)
    assert list(alarms.broken_limits(alarm))


# CloudWatch User Guide, "How alarm state is evaluated when data is missing": five points are read of three that are needed.
# The columns are `breaching` and `notBreaching`.
@pytest.mark.parametrize("points, needed, breaching, not_breaching", [
    ("0-X-X", 3, False, False), ("0----", 3, False, False), ("-----", 3, True, False),
    ("0XX-X", 3, True, True), ("----X", 3, True, False), ("X----", 3, True, False),
    ("0-X-X", 2, True, True), ("00X0X", 2, True, True), ("0-X--", 2, True, False),
    ("----0", 2, True, False), ("----X", 2, True, False),
])
def test_missing_points_count_as_the_guide_says(points: str, needed: int, breaching: bool, not_breaching: bool) -> None:
    metrics = Metrics({_key("N", "m")})
    for minute, point in enumerate(points):
        if point != "-":
            metrics.add(_key("N", "m"), minute, point == "X")
    for treatment, expected in (("breaching", breaching), ("notBreaching", not_breaching)):
        alarm = {"Namespace": "N", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 3, "Threshold": 0,
                 "DatapointsToAlarm": needed, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": treatment}
        assert bool(alarms.alarm_minutes(alarm, metrics, range(5, 6), spare=2)) == expected


# The first six are the guide's own examples ("Metric math syntax and functions"), `None` a missing value.
@pytest.mark.parametrize("expression, result", [
    ("a < b", [0, 0, 1, 0]),
    ("a >= 30", [1, 0, 0, 0]),
    ("a > 15 AND b > 15", [1, 0, 0, 0]),
    ("IF(c, d, 5)", [30, 0, 5, 5, None]),
    ("IF(c, 5, e)", [5, 5, 20, None, None]),
    ("IF(c, d, e)", [30, 0, 20, None, None]),
    ("1 + 2 * a ^ 2 / 100", [19, 9, 1, 1]),
    ("-(a - 10) * 2", [-40, -20, 20, 20]),
    ("a / b", [1.5, None, 0, None]),
    ("100 * (a - 10) / SUM([a, b])", [40, 50, -50, None]),
    ("(a - 25) ^ 0.5", [5**0.5, None, None, None]),
])
def test_metric_math_is_evaluated(expression: str, result: list[float | None]) -> None:
    series = {"a": [30, 20, 0, 0], "b": [20, None, 20, None], "c": [1, 1, 0, 0, None],
              "d": [30, None, 0, 0, 30], "e": [0, 0, 20, None, 20]}
    assert alarms.parse(expression)(series.__getitem__, True) == result


# ---- Requests answered 429, and tampering.
def test_the_filter_finds_what_the_access_log_writes() -> None:
    (_, metric_filter), = properties(TEMPLATE, "AWS::Logs::MetricFilter")
    (_, stage), = properties(TEMPLATE, "AWS::ApiGateway::Stage")
    line = json.loads(stage["AccessLogSetting"]["Format"].replace("$context.status", "429"))
    assert line["status"] == "429" and metric_filter["FilterPattern"] == '{ $.status = "429" }'
    transformation, = metric_filter["MetricTransformations"]
    assert (transformation["MetricNamespace"], transformation["MetricName"]) == ("TokenService", "GatewayThrottles")
    assert transformation["MetricValue"] == "1"


ACCOUNT = "arn:aws:iam::123456789012:"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234"
SSO = "role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_"
OPERATORS = [f"{ACCOUNT}{SSO}TokenOperator_*", f"{ACCOUNT}role/break-glass"]
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ApiKeysSecret-1a2B3c4D5e6F-AbCdEf"


def resolved(value: Any) -> Any:
    match value:
        case {"Fn::Split": [",", {"Fn::Join": [",", [{"Fn::GetAtt": ["FunctionRole", "Arn"]}, _]]}]}:
            return [ACCOUNT + "role/function", *OPERATORS]
        case {"Fn::GetAtt": ["Key", "Arn"]}:
            return KEY
        case dict():
            return {key: resolved(member) for key, member in value.items()}
        case list():
            return [resolved(member) for member in value]
    return value


def told(event: dict[str, Any], rules: dict[str, Any] | None = None) -> bool:
    """Whether a rule of the template matches an event of CloudTrail's, by the emulator's TestEventPattern."""
    matches = []
    for rule in (rules or dict(properties(TEMPLATE, "AWS::Events::Rule"))).values():
        question = {"Event": json.dumps(event), "EventPattern": json.dumps(resolved(rule["EventPattern"]))}
        status, _, answer = eventbridge._test_event_pattern(question)
        assert status == 200, answer
        matches.append(json.loads(answer)["Result"])
    return any(matches)


def call(name: str, role: str | None = "role/admin", secret: str = SECRET) -> dict[str, Any]:
    """CloudTrail's event of a call, shortened; without a role it is a user's, or root's."""
    service = "secretsmanager" if "Secret" in name or "ResourcePolicy" in name else "kms"
    identity = {"type": "Root", "arn": ACCOUNT + "root"}
    if role:
        identity = {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ACCOUNT + role}}}
    detail = {"eventSource": f"{service}.amazonaws.com", "eventName": name, "userIdentity": identity}
    if service == "kms":
        detail |= {"requestParameters": {"keyId": KEY}, "resources": [{"type": "AWS::KMS::Key", "ARN": KEY}]}
    else:
        detail["requestParameters"] = {"secretId": secret}
    return {"source": f"aws.{service}", "detail-type": "AWS API Call via CloudTrail", "account": "123456789012",
            "region": "eu-west-1", "time": "2026-11-30T06:00:00Z", "id": "1", "resources": [], "detail": detail}


OPERATOR = SSO + "TokenOperator_0123456789abcdef"


@pytest.mark.parametrize("event", [
    *(call(name) for name in ("ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy", "CreateGrant")),
    *(call(name) for name in ("GetSecretValue", "PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage")),
    # What protects a secret is nobody's daily work, the operator's included.
    *(call(name, OPERATOR) for name in ("PutResourcePolicy", "DeleteResourcePolicy", "DeleteSecret", "ReplicateSecretToRegions")),
    call("GetSecretValue", None),
    call("GetSecretValue", "role/function-2"),
    call("GetSecretValue", SSO + "Administrator_0123456789abcdef"),
    call("GetSecretValue", secret="ApiKeysSecret-1a2B3c4D5e6F"),
    call("GetSecretValue", secret=SECRET.removesuffix("-AbCdEf").replace("ApiKeys", "ServerKeys")),
], ids=lambda event: f"{event['detail']['eventName']}, {event['detail']['userIdentity']['type']}")
def test_tampering_is_told(event: dict[str, Any]) -> None:
    assert told(event)


@pytest.mark.parametrize("event", [
    call("Decrypt"),
    call("DescribeSecret"),
    call("GetSecretValue", "role/function"),
    call("GetSecretValue", OPERATOR),
    call("PutSecretValue", "role/break-glass"),
    call("GetSecretValue", secret="another"),
], ids=lambda event: event["detail"]["eventName"])
def test_daily_work_is_not_told(event: dict[str, Any]) -> None:
    assert not told(event)


@pytest.mark.parametrize("rule, plant, event, expected", [
    ("KeyTamperingRule", lambda detail: detail["eventName"].remove("DisableKey"), call("DisableKey"), True),
    ("SecretsTamperingRule", lambda detail: detail["$or"].pop(), call("GetSecretValue", None), True),
    ("SecretsTamperingRule", lambda detail: detail["requestParameters"].update(secretId=[SECRET]),
     call("GetSecretValue", secret="ApiKeysSecret-1a2B3c4D5e6F"), True),
    ("SecretsTamperingRule", lambda detail: detail["$or"][1].pop("userIdentity"), call("GetSecretValue", OPERATOR), False),
])
def test_a_fault_planted_in_a_pattern_is_found(rule: str, plant: Callable, event: dict[str, Any], expected: bool) -> None:
    faulty = copy.deepcopy(dict(properties(TEMPLATE, "AWS::Events::Rule"))[rule])
    plant(faulty["EventPattern"]["detail"])
    assert told(event) == expected and told(event, {rule: faulty}) != expected


def test_a_reading_call_reaches_its_rule() -> None:
    rules = dict(properties(TEMPLATE, "AWS::Events::Rule"))
    (_, rule), = ((name, rule) for name, rule in rules.items() if told(call("GetSecretValue"), {name: rule}))
    assert rule["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


def test_tampering_reaches_the_topic() -> None:
    rules = dict(properties(TEMPLATE, "AWS::Events::Rule"))
    for rule in rules.values():
        assert [target["Arn"] for target in rule["Targets"]] == [{"Ref": "AlarmTopic"}]
        assert "RoleArn" not in rule["Targets"][0]
    (_, policy), = properties(TEMPLATE, "AWS::SNS::TopicPolicy")
    assert all("Condition" in statement for statement in policy["PolicyDocument"]["Statement"])
    statement, = (statement for statement in policy["PolicyDocument"]["Statement"] if statement["Sid"] == "Tampering")
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": [name, "Arn"]} for name in rules]}}
    (_, key), = properties(TEMPLATE, "AWS::KMS::Key")
    statement, = (statement for statement in key["KeyPolicy"]["Statement"] if statement["Sid"] == "Events")
    # EventBridge publishes to no encrypted topic whose key asks for aws:SourceAccount or aws:SourceArn.
    assert json.dumps(statement["Condition"]).count("aws:Source") == 0
    assert set(statement["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
