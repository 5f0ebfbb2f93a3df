"""Which members of a request fail by the schema TokenRequest: just those that the service must name."""

import contract
import partner

TWICE = {"OneSpellingOfFirstName": ("firstName", "firstname"), "OneSpellingOfLastName": ("lastName", "lastname")}


def failing(validator, request):
    """The names of the top-level members at fault."""
    members, twice = set(), set()
    for error in validator.iter_errors(request):
        if error.instance_path:
            members.add(error.instance_path[0])
        elif error.kind.name == "required":
            members.add(error.kind.property)
        else:
            twice.update(TWICE[name] for name in map(str, error.schema_path) if name in TWICE)
            assert twice, f"{error.kind.name} at the top: {error.message}"
    # To JSON Schema 1.0 is an integer; the service wants digits only.
    members.update(name for name in contract.members() if isinstance(request.get(name), float))
    # Two spellings are one fault, whatever the values.
    for usual, other in twice:
        members = (members | {usual}) - {other}
    return members


def put_right(request, failing, dob):
    """Repairs what the schema lets through and the service cannot: a key that is none, an sdkApiKey that is nobody's, ..."""
    request = dict(request)
    if "sdkPublicKey" in request and "sdkPublicKey" not in failing:
        request["sdkPublicKey"] = partner.SdkKeyPair().public_key
    if "sdkApiKey" in request and "sdkApiKey" not in failing:
        request["sdkApiKey"] = partner.SDK_API_KEY
    if request.get("dob") is not None and "dob" not in failing:
        request["dob"] = int(dob) if isinstance(request["dob"], int) else dob
    if request.get("data") and "data" not in failing:
        request["data"] = _cut(request["data"])
    return request


def _cut(data, at_most=8192):
    kept, size = {}, 0
    for key, value in data.items():
        size += len(key.encode()) + len(value.encode())
        if size <= at_most:
            kept[key] = value
    return kept


def depth(value):
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, children), default=0) if isinstance(value, (dict, list)) else 0


def texts(value):
    """Every string in it, names of members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from texts(part)
