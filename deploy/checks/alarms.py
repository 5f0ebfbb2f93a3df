"""Evaluates a CloudWatch alarm of the templates on made-up metrics, as CloudWatch's guide describes it.

- A window slides: it ends at the minute of the evaluation (Alarm evaluation window). An alarm is
  evaluated every minute; one with a period of more than an hour is taken to be evaluated once an
  hour, which is the worst case.
- CloudWatch reads more data points than `EvaluationPeriods`, and replaces a missing one only where
  too few are there (Configuring how alarms treat missing data). How many more is not documented:
  the caller says.
- Of metric math (Metric math syntax and functions) it knows what the templates use: arithmetic,
  comparison, `AND`, `OR`, `IF` and `SUM`. Everything else is refused.
- A missing operand of arithmetic counts as 0, says the guide; practitioners report that the result
  is missing. The caller says which; an alarm should do the same in both cases.
"""

import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

Key = tuple[str, str, frozenset[tuple[str, str]]]
# A data point for each window, the newest last; None where it is missing.
Series = list[float | None]
Value = float | Series | list[Series]
Properties = dict[str, Any]


class Metrics:
    """What services have sent to CloudWatch: for each metric and minute, values and how often each came."""

    def __init__(self, declared: set[Key], missing_is_zero: bool = True) -> None:
        self._samples: dict[Key, dict[int, list[tuple[float, float]]]] = {key: defaultdict(list) for key in declared}
        self._totals: dict[tuple[Key, str], tuple[int, list[float]]] = {}
        self._statistics: dict[tuple[Key, str, int, int], float | None] = {}
        self.missing_is_zero = missing_is_zero

    def add(self, key: Key, minute: int, value: float, times: float = 1) -> None:
        if times:
            self._samples[key][minute].append((value, times))
            self._totals.clear()
            self._statistics.clear()

    def statistic(self, key: Key, stat: str, first: int, end: int) -> float | None:
        """The statistic over the minutes from `first` to before `end`; None if there was no sample."""
        asked = key, stat, first, end
        if asked not in self._statistics:
            self._statistics[asked] = self._statistic(*asked)
        return self._statistics[asked]

    def _statistic(self, key: Key, stat: str, first: int, end: int) -> float | None:
        if key not in self._samples:
            raise KeyError(f"nothing sends the metric {key[0]} {key[1]} {dict(key[2])}")
        if stat == "Maximum":
            values = [value for minute in range(first, end) for value, _ in self._samples[key].get(minute, [])]
            return max(values, default=None)
        count = self._total(key, "SampleCount", first, end)
        if not count:
            return None
        if stat.startswith("PR"):
            return 100 * self._total(key, stat, first, end) / count
        return self._total(key, stat, first, end)

    def _total(self, key: Key, stat: str, first: int, end: int) -> float:
        """By prefix sums, as windows overlap."""
        if (key, stat) not in self._totals:
            samples = self._samples[key]
            start = min(samples, default=0)
            sums = [0.0]
            for minute in range(start, max(samples, default=-1) + 1):
                sums.append(sums[-1] + sum(_weight(stat, value) * times for value, times in samples.get(minute, [])))
            self._totals[key, stat] = start, sums
        start, sums = self._totals[key, stat]

        def until(minute: int) -> float:
            return sums[min(max(minute - start, 0), len(sums) - 1)]

        return until(end) - until(first)


def _weight(stat: str, value: float) -> float:
    match stat:
        case "Sum":
            return value
        case "SampleCount":
            return 1
    low, high = re.fullmatch(r"PR\((\d+):(\d+)\)", stat).groups()
    return int(low) < value <= int(high)


def alarm_minutes(alarm: Properties, metrics: Metrics, minutes: range, spare: int) -> list[int]:
    """The minutes of these in which the alarm is in ALARM. `spare` data points more than needed are read."""
    count = alarm["EvaluationPeriods"] + spare
    watched = _watched(alarm)
    every = 60 if _period(alarm) > 3600 else 1
    state, found = False, []
    for minute in minutes:
        if (minute - minutes.start) % every == 0:
            state = _is_breached(watched(metrics, minute, count), alarm)
        if state:
            found.append(minute)
    return found


def _is_breached(points: Series, alarm: Properties) -> bool:
    needed = alarm["EvaluationPeriods"]
    breach = _COMPARISONS[alarm["ComparisonOperator"]]
    present = [breach(point, alarm["Threshold"]) for point in points if point is not None]
    missing = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    judged = present[-needed:] if len(present) >= needed else present + [missing] * (needed - len(present))
    return sum(judged) >= alarm.get("DatapointsToAlarm", needed)


_COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}

Watched = Callable[[Metrics, int, int], Series]


def _watched(alarm: Properties) -> Watched:
    """What the alarm compares with its threshold: the data points of the windows up to a minute."""
    if "Metrics" not in alarm:
        return _reading(alarm, alarm["Statistic"], alarm["Period"])
    parts: dict[str, Watched] = {}
    expressions = {}
    for query in alarm["Metrics"]:
        if "Expression" in query:
            expressions[query["Id"]] = parse(query["Expression"])
        else:
            stat = query["MetricStat"]
            parts[query["Id"]] = _reading(stat["Metric"], stat["Stat"], stat["Period"])
    result, = (query["Id"] for query in alarm["Metrics"] if query.get("ReturnData", True))

    def points(metrics: Metrics, minute: int, count: int) -> Series:
        known: dict[str, Value] = {}

        def named(name: str) -> Value:
            if name not in known:
                known[name] = (parts[name](metrics, minute, count) if name in parts
                               else expressions[name](named, metrics.missing_is_zero))
            return known[name]

        value = named(result)
        if not isinstance(value, list):
            raise ValueError(f"{result}: the result of an alarm's expression must be a time series")
        return value

    return points


def _reading(metric: Properties, stat: str, period: int) -> Watched:
    key = key_of(metric)
    length = period // 60
    return lambda metrics, minute, count: [
        metrics.statistic(key, stat, minute - (n + 1) * length, minute - n * length) for n in reversed(range(count))
    ]


def key_of(metric: Properties) -> Key:
    """Names a metric. A dimension that the template looks up, such as a table, has the value `*`; the released version, `new`."""
    dimensions = set()
    for dimension in metric.get("Dimensions", []):
        value = dimension["Value"]
        if not isinstance(value, str):
            value = "new" if value.get("Fn::GetAtt", [""])[-1] == "Version" else "*"
        dimensions.add((dimension["Name"], value))
    return metric["Namespace"], metric["MetricName"], frozenset(dimensions)


def _period(alarm: Properties) -> int:
    if "Period" in alarm:
        return alarm["Period"]
    return max(query["MetricStat"]["Period"] for query in alarm["Metrics"] if "MetricStat" in query)


def broken_limits(alarm: Properties) -> Iterator[str]:
    """CloudWatch's own rules for an alarm, where it would refuse it or evaluate it otherwise than here."""
    queries = alarm.get("Metrics", [])
    read = [query for query in queries if "MetricStat" in query]
    if len(read) > 10 or len(queries) - len(read) > 10:
        yield "has more than 10 metrics or 10 expressions"
    if len({query["MetricStat"]["Period"] for query in read}) > 1:
        yield "has metrics of different periods"
    if queries and sum(query.get("ReturnData", True) for query in queries) != 1:
        yield "must return one of its metrics and expressions"
    if queries and {"MetricName", "Namespace", "Period", "Statistic", "Dimensions"} & alarm.keys():
        yield "has both one metric and an array of them"
    period = _period(alarm)
    if period % 60:
        yield "has a period that is not of whole minutes"
    if period * alarm["EvaluationPeriods"] > (604_800 if period >= 3600 else 86_400):
        yield "looks back over more than a day, or over more than a week by periods of an hour and more"
    for query in queries:
        if not re.fullmatch(r"[a-z]\w*", query["Id"]):
            yield f"{query['Id']}: an id begins with a lower-case letter"
        if "Expression" in query:
            try:
                parse(query["Expression"])
            except ValueError as error:
                yield f"{query['Id']}: {error}"


# ---- Metric math: each parser returns a function of the named values and of what a missing operand is.
Expression = Callable[[Callable[[str], Value], bool], Value]

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|(&&|\|\||[<>=!]=|[-+*/^()<>,\[\]])|([A-Za-z_]\w*))")
_LEVELS: list[dict[str, Callable[[float, float], float]]] = [
    {"OR": lambda a, b: float(bool(a or b)), "||": lambda a, b: float(bool(a or b))},
    {"AND": lambda a, b: float(bool(a and b)), "&&": lambda a, b: float(bool(a and b))},
    {"==": lambda a, b: float(a == b), "!=": lambda a, b: float(a != b), "<=": lambda a, b: float(a <= b),
     ">=": lambda a, b: float(a >= b), "<": lambda a, b: float(a < b), ">": lambda a, b: float(a > b)},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.truediv},
    {"^": operator.pow},
]


def parse(text: str) -> Expression:
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if not match:
            raise ValueError(f"cannot read {text[at:]!r}")
        tokens.append(match)
        at = match.end()
    expression, rest = _binary(tokens, 0)
    if rest:
        raise ValueError(f"did not expect {rest[0][0].strip()!r} in {text!r}")
    return expression


Tokens = list[re.Match]


def _next(tokens: Tokens) -> str:
    return tokens[0][0].strip() if tokens else ""


def _binary(tokens: Tokens, level: int) -> tuple[Expression, Tokens]:
    if level == len(_LEVELS):
        return _unary(tokens)
    left, tokens = _binary(tokens, level + 1)
    while _next(tokens) in _LEVELS[level]:
        function = _LEVELS[level][_next(tokens)]
        right, tokens = _binary(tokens[1:], level + 1)
        left = _combined(function, left, right)
    return left, tokens


def _combined(function: Callable[[float, float], float], left: Expression, right: Expression) -> Expression:
    return lambda named, zero: _apply(function, left(named, zero), right(named, zero), zero)


def _unary(tokens: Tokens) -> tuple[Expression, Tokens]:
    if not tokens:
        raise ValueError("ends too early")
    number, sign, word = tokens[0].groups()
    if number:
        return lambda named, zero: float(number), tokens[1:]
    if word and _next(tokens[1:]) == "(":
        arguments, rest = _list(tokens[1:], ")")
        return _call(word, arguments), rest
    if word:
        return lambda named, zero: named(word), tokens[1:]
    if sign == "-":
        inner, rest = _unary(tokens[1:])
        return lambda named, zero: _apply(operator.sub, 0.0, inner(named, zero), zero), rest
    if sign == "(":
        (inner,), rest = _list(tokens, ")")
        return inner, rest
    if sign == "[":
        items, rest = _list(tokens, "]")
        return lambda named, zero: [item(named, zero) for item in items], rest
    raise ValueError(f"did not expect {sign!r}")


def _list(tokens: Tokens, end: str) -> tuple[list[Expression], Tokens]:
    items, tokens = [], tokens[1:]
    while True:
        item, tokens = _binary(tokens, 0)
        items.append(item)
        if _next(tokens) == end:
            return items, tokens[1:]
        if _next(tokens) != ",":
            raise ValueError(f"did not expect {_next(tokens)!r}, where a comma or {end!r} should be")
        tokens = tokens[1:]


def _call(name: str, arguments: list[Expression]) -> Expression:
    if name == "IF" and len(arguments) == 3:
        return lambda named, zero: _if(*(argument(named, zero) for argument in arguments))
    if name == "SUM" and len(arguments) == 1:
        return lambda named, zero: _sum(arguments[0](named, zero))
    raise ValueError(f"{name} of {len(arguments)} is not evaluated here, or not fit for an alarm")


def _apply(function: Callable[[float, float], float], left: Value, right: Value, missing_is_zero: bool) -> Value:
    if not isinstance(left, list) and not isinstance(right, list):
        return _number(function, left, right)
    if not isinstance(left, list):
        return [None if b is None else _number(function, left, b) for b in right]
    if not isinstance(right, list):
        return [None if a is None else _number(function, a, right) for a in left]
    return [
        None if (a is None and b is None) or (not missing_is_zero and None in (a, b)) else _number(function, a or 0.0, b or 0.0)
        for a, b in zip(left, right, strict=True)
    ]


def _number(function: Callable[[float, float], float], left: float, right: float) -> float | None:
    try:
        value = function(left, right)
    except ZeroDivisionError:
        return None  # The data point is dropped.
    return None if isinstance(value, complex) else value


def _if(condition: Value, yes: Value, no: Value) -> Series:
    if not isinstance(condition, list):
        raise ValueError("the condition of IF must be a time series here")

    def at(value: Value, index: int) -> float | None:
        return value[index] if isinstance(value, list) else value

    chosen: Series = []
    for index, truth in enumerate(condition):
        if truth is None:
            chosen.append(None)
        elif truth:
            chosen.append(at(yes, index) or 0.0)
        else:
            chosen.append(at(no, index))
    return chosen


def _sum(value: Value) -> float | Series:
    """Of an array one time series; of a time series a number, over all data points that are read."""
    if not isinstance(value, list):
        raise ValueError("SUM takes a time series or an array of them")
    if not all(isinstance(series, list) for series in value):
        return sum(point or 0.0 for point in value)
    return [None if all(point is None for point in points) else sum(point or 0.0 for point in points)
            for points in zip(*value, strict=True)]
