"""members.json: the rules of a request's members, for those who check before they send."""

from .jose import compact_json, encoded_jwk
from .record import canonical
from .request import members
from .session_key import wrong_points

DIGITS_20 = "12345678901234567890"


def vectors():
    return accepted() + refused() + refused_structure()


def text_of(name, rows, left_out=()):
    """The required members, with some in other words. `rows` are names and JSON texts."""
    members_of = {member: compact_json(value) for member, value in members(f"members:{name}").items()}
    for member in left_out:
        del members_of[member]
    members_of |= dict(rows)
    return "{" + ",".join(f'"{member}":{text}' for member, text in members_of.items()) + "}"


def accepted():
    made = []

    def takes(name, comment, member, text, kept):
        customer = {"accountNumber": "123123123"} | ({} if kept is None else {member: kept})
        made.append({
            "name": name, "comment": comment, "valid": True,
            "plaintextUtf8": text_of(name, [(member, text)]),
            "referenceId": f"members:{name}", "customerUtf8": canonical(customer),
        })

    rows = [
        ("accountNumber", [
            ("integer", "An integer becomes its digits.", "1000", "1000"),
            ("string", "A string of digits.", '"1000"', "1000"),
            ("zeros", "Leading zeros stay.", '"0001000"', "0001000"),
            ("zero", "One digit is enough.", "0", "0"),
            ("19-digits", "An integer of 19 digits, exactly: JavaScript and PHP would round it.", "1234567890123456789",
             "1234567890123456789"),
            ("over-64-bits", "Digits are digits: this is no 64-bit integer.", '"9999999999999999999"',
             "9999999999999999999"),
        ]),
        ("firstName", [
            ("one", "One character.", '"A"', "A"),
            ("100", "100 characters that take 4 bytes each.", compact_json("😀" * 100), "😀" * 100),
            ("space", "A space is a character.", '" "', " "),
        ]),
        ("lastName", [("one", "One character.", '"A"', "A")]),
        ("name", [("format-character", "U+200D is no control character (Cf, not Cc).", '"a\\u200db"', "a\u200db")]),
        ("email", [
            ("short", "The pattern asks for no dot.", '"a@b"', "a@b"),
            ("local", "Every special character of the pattern.", compact_json("a.!#$%&'*+/=?^_`{|}~-@example.com"),
             "a.!#$%&'*+/=?^_`{|}~-@example.com"),
            ("254", "The longest.", compact_json("e" * 242 + "@example.com"), "e" * 242 + "@example.com"),
            ("label-63", "The longest label.", compact_json(f"a@{'b' * 63}.com"), f"a@{'b' * 63}.com"),
        ]),
        ("isdCode", [
            ("integer", "An integer.", "91", "91"),
            ("plus", "A leading + is dropped.", '"+91"', "91"),
            ("zeros", "Leading zeros stay.", '"0091"', "0091"),
            ("00", "Not `0`: kept.", '"00"', "00"),
            ("zero-absent", "`0` means absent.", "0", None),
            ("plus-zero-absent", "So does what is then `0`.", '"+0"', None),
            ("empty-absent", "So does an empty string.", '""', None),
        ]),
        ("mobileNumber", [
            ("integer", "An integer.", "9642308308", "9642308308"),
            ("plus-15", "15 digits behind the +.", '"+123456789012345"', "123456789012345"),
            ("4", "The shortest.", '"0000"', "0000"),
        ]),
        ("dob", [
            ("yyyymmdd", "As the guide's table has it.", "19910807", "19910807"),
            ("ddmmyyyy", "As the guide's curl line has it.", "15051988", "19880515"),
            ("string", "A string of 8 digits, either way round.", '"07081991"', "19910807"),
            ("7-digits", "An integer has no leading zero: 07081991.", "7081991", "19910807"),
            ("leap-day", "2000 was a leap year.", '"20000229"', "20000229"),
            ("first", "The earliest.", '"19000101"', "19000101"),
            ("20th", "Both readings look like a year; one is a date.", '"20121990"', "19901220"),
        ]),
        ("data", [
            ("sorted", "Sorted by key.", '{"b":"2","a":""}', {"a": "", "b": "2"}),
            ("32-entries", "The most entries.", compact_json({f"k{n}": "" for n in range(32)}),
             {f"k{n}": "" for n in range(32)}),
            ("1024-characters", "The longest value, in characters.", compact_json({"a": "é" * 1024}),
             {"a": "é" * 1024}),
            ("key-64-characters", "The longest key.", compact_json({"é" * 64: "v"}), {"é" * 64: "v"}),
            ("8-kib", "The most in all, in bytes of keys and values.", compact_json(eight_kib()), eight_kib()),
            ("empty-absent", "Empty means absent.", "{}", None),
        ]),
        ("unknown", [
            ("member", "Unknown members are ignored, whatever they hold.", '{"a":[1,{"b":null}]}', None),
            ("7-levels", "The eighth level of nesting, counting the outermost.", "[" * 7 + "]" * 7, None),
        ]),
        ("email", [("null", "`null` is absent.", "null", None)]),
    ]
    for member, cases in rows:
        for label, comment, text, kept in cases:
            takes(f"{member}-{label}", comment, member, text, kept)
    return made


def eight_kib():
    """8 values of 1,022 bytes under keys of 2."""
    return {f"k{n}": "v" * 1022 for n in range(8)}


def fails(name, comment, text, fault, fields, reference=True):
    return {
        "name": name, "comment": comment, "valid": False, "fault": fault, "plaintextUtf8": text, "fields": fields,
        "referenceId": f"members:{name}" if reference else None,
    }


def refused():
    rows = [
        ("referenceId", [
            ("empty", "At least one character.", '""'),
            ("65", "At most 64.", compact_json("r" * 65)),
            ("slash", "Not of `A-Z a-z 0-9 . _ : -`.", '"a/b"'),
            ("number", "A string.", "1"),
        ]),
        ("sdkApiKey", [
            ("empty", "At least one character.", '""'),
            ("129", "At most 128.", compact_json("k" * 129)),
            ("not-ascii", "Printable ASCII.", '"k\u00e9"'),
            ("control", "Printable ASCII.", r'"k\n"'),
        ]),
        ("sdkPublicKey", [
            ("object", "The JWK's base64, not the JWK.", '{"kty":"EC"}'),
            ("empty", "An empty string is a value.", '""'),
            ("off-curve", "The rest of its rules is in sdk-public-key.json.",
             compact_json(encoded_jwk(wrong_points()[0][3]))),
        ]),
        ("accountNumber", [
            ("20-digits", "At most 19 digits.", DIGITS_20),
            ("20-digits-string", "At most 19 digits.", f'"{DIGITS_20}"'),
            ("empty", "At least one digit.", '""'),
            ("negative", "No sign.", "-1"),
            ("minus-zero", "No sign.", "-0"),
            ("plus", "No sign.", '"+1"'),
            ("fraction", "No fraction, not even one of 0.", "1.0"),
            ("exponent", "No exponent.", "1e3"),
            ("space", "Digits only.", '"1 000"'),
            ("arabic-digits", "ASCII digits.", '"\u0661\u0662"'),
            ("array", "An integer or a string.", "[1]"),
        ]),
        ("firstName", [("empty", "At least one character.", '""'), ("101", "At most 100.", compact_json("a" * 101))]),
        ("lastName", [("control", "No control characters.", r'"a\u0000b"'), ("number", "A string.", "1")]),
        ("name",
         [("c1", "U+0085 is a control character too.", '"a\\u0085b"'), ("del", "So is U+007F.", '"a\\u007fb"')]),
        ("email", [
            ("no-at", "An address has an @.", '"example.com"'),
            ("two-ats", "And one only.", '"a@b@c"'),
            ("not-ascii", "ASCII.", '"zo\u00eb@example.com"'),
            ("255", "At most 254 characters.", compact_json("e" * 243 + "@example.com")),
            ("label-64", "A label has at most 63.", compact_json(f"a@{'b' * 64}.com")),
            ("label-hyphen", "A label does not begin with a hyphen.", '"a@-b.com"'),
            ("trailing-dot", "No label is empty.", '"a@b."'),
            ("space", "No spaces around it.", '" a@b.com"'),
        ]),
        ("isdCode", [
            ("5-digits", "At most 4 digits.", "12345"),
            ("plus-alone", "At least one digit.", '"+"'),
            ("two-pluses", "One +.", '"++91"'),
            ("fraction", "No fraction.", "91.0"),
        ]),
        ("mobileNumber", [
            ("3-digits", "At least 4 digits.", "123"),
            ("16-digits", "At most 15 digits.", '"1234567890123456"'),
            ("hyphen", "Digits only.", '"96423-08308"'),
            ("empty", "Empty is not absent here.", '""'),
        ]),
        ("dob", [
            ("30-february", "A real date.", "19910230"),
            ("29-february-1900", "1900 was no leap year.", '"19000229"'),
            ("1899", "From 1900 on.", '"18991231"'),
            ("future", "At most today (UTC).", '"20991231"'),
            ("7-digit-string", "Only an integer may lack its zero.", '"7081991"'),
            ("hyphens", "Digits only.", '"1991-08-07"'),
            ("6-digits", "Eight digits.", "910807"),
        ]),
        ("data", [
            ("33-entries", "At most 32 entries.", compact_json({f"k{n}": "" for n in range(33)})),
            ("1025-characters", "A value has at most 1,024 characters.", compact_json({"a": "v" * 1025})),
            ("key-empty", "A key has at least one character.", '{"":"v"}'),
            ("key-65-characters", "A key has at most 64 characters.", compact_json({"k" * 65: "v"})),
            ("over-8-kib", "At most 8 KiB in all.", compact_json(eight_kib() | {"k": ""})),
            ("number", "Values are strings.", '{"a":1}'),
            ("null", "`null` is no string.", '{"a":null}'),
            ("nested", "Flat.", '{"a":{"b":"c"}}'),
            ("array", "An object.", '["a"]'),
            ("string", "An object.", '"a"'),
        ]),
    ]
    made = []
    for member, cases in rows:
        for label, comment, text in cases:
            name = f"{member}-{label}"
            made.append(fails(name, comment, text_of(name, [(member, text)]), member, [member],
                              member != "referenceId"))
    for member in ("referenceId", "sdkPublicKey", "sdkApiKey", "accountNumber"):
        name = f"{member}-missing"
        made.append(fails(name, "Required.", text_of(name, [], [member]), "required", [member],
                          member != "referenceId"))
        name = f"{member}-null"
        made.append(fails(name, "`null` is absent.", text_of(name, [(member, "null")]), "required", [member],
                          member != "referenceId"))
    for member, alias in (("firstName", "firstname"), ("lastName", "lastname")):
        name = f"{member}-twice"
        made.append(fails(name, "One of both spellings.", text_of(name, [(member, '"a"'), (alias, '"a"')]),
                          "two-spellings",
                          [member]))
        name = f"{alias}-empty"
        made.append(fails(name, "Named as it was spelt.", text_of(name, [(alias, '""')]), alias, [alias]))
    name = "all-at-once"
    made.append(fails(name, "Every failing member is named, once, and not the first alone.",
                      text_of(name,
                              [("accountNumber", '"12-34"'), ("email", '"no"'), ("dob", '"19910230"'),
                               ("data", '{"a":1}')],
                              ["sdkPublicKey"]),
                      "several", ["sdkPublicKey", "accountNumber", "email", "dob", "data"]))
    return made


def refused_structure():
    """What is wrong with the JSON itself: nothing was read, so there is no `referenceId`."""
    def broken(name, comment, fault, text, fields=()):
        return fails(name, comment, text, fault, list(fields), reference=False)

    def with_member(name, text):
        return text_of(name, [])[:-1] + f",{text}}}"

    return [
        broken("empty", "No JSON.", "not-json", ""),
        broken("trailing-comma", "No JSON.", "not-json", text_of("trailing-comma", [])[:-1] + ",}"),
        broken("curly-quotes", "Quotes as a word processor writes them.", "not-json",
               text_of("curly-quotes", []).replace('"', "“", 1).replace('"', "”", 1)),
        broken("unquoted-name", "As in the guide's sample.", "not-json",
               text_of("unquoted-name", []).replace('"referenceId"', "referenceId")),
        broken("missing-comma", "As in the guide's sample.", "not-json",
               text_of("missing-comma", []).replace(',"sdkApiKey"', '"sdkApiKey"')),
        broken("two-objects", "One object.", "not-json", text_of("two-objects", []) + "{}"),
        broken("byte-order-mark", "No byte order mark.", "not-json", "\ufeff" + text_of("byte-order-mark", [])),
        broken("leading-zero-number", "JSON numbers have no leading zeros: send a string.", "not-json",
               text_of("leading-zero-number", [("accountNumber", "0001")])),
        broken("array", "An object.", "not-an-object", "[" + text_of("array", []) + "]"),
        broken("string", "An object: this is its JSON as a string.", "not-an-object",
               compact_json(text_of("string", []))),
        broken("repeated", "No member twice.", "repeated-member",
               with_member("repeated", '"accountNumber":"123123123"'),
               ["accountNumber"]),
        broken("repeated-escaped", "Compared after unescaping.", "repeated-member",
               with_member("repeated-escaped", r'"account\u004eumber":"1"'), ["accountNumber"]),
        broken("repeated-null", "Not even as `null`.", "repeated-member",
               with_member("repeated-null", '"sdkApiKey":null'),
               ["sdkApiKey"]),
        broken("repeated-in-data", "Nor inside.", "repeated-member",
               with_member("repeated-in-data", '"data":{"a":"1","a":"1"}'), ["data"]),
        broken("repeated-unknown", "Unknown members are not exempt, and not named.", "repeated-member",
               with_member("repeated-unknown", '"x":1,"x":1')),
        broken("repeated-deep", "At any depth.", "repeated-member",
               with_member("repeated-deep", '"x":[[{"y":1,"y":2}]]')),
        broken("ninth-level", "Eight levels, the outermost being the first.", "too-deep",
               with_member("ninth-level", '"x":' + "[" * 8 + "]" * 8)),
        broken("ninth-level-in-data", "The same, in a member that is named.", "too-deep",
               with_member("ninth-level-in-data", '"data":{"a":' + "[" * 7 + "]" * 7 + "}"), ["data"]),
        broken("lone-surrogate", "Half of a surrogate pair is no character.", "lone-surrogate",
               with_member("lone-surrogate", r'"name":"\ud83d"'), ["name"]),
        broken("lone-surrogate-unknown", "Nor in an unknown member.", "lone-surrogate",
               with_member("lone-surrogate-unknown", r'"x":"\ude00"')),
    ]
