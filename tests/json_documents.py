"""Documents of JSON that not every parser reads alike, by what is wrong with them, and odd ones that every parser does."""

REFUSED = {
    "twice": [
        b'{"a":1,"a":1}', b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b'{ "a" :1, "a" :2}', b'[{"b":{"a":1,"a":":"}}]',
        b'{"a":1,"a":2,"b":"\\u003ax"}', b'{"":1,"":2}', b'{"a\\"":1,"a\\u0022":2}', b'{"a\\\\":1,"a\\\\":2}',
        '{"\u00e9":1,"\\u00e9":2}'.encode(), b'{"a":{"x":1},"a":{"x":1}}', b'{"a":1,"a":"\\":\\":"}',
    ],
    "number that JSON does not have": [b"NaN", b"[Infinity]", b'{"a":-Infinity}', b"1e400", b"[-1E+400]", b"1" + b"0" * 400, b"1" * 400 + b".5"],
    "not every reader takes for the same": [
        b"9007199254740992", b"-9007199254740992", b"[9007199254740993]", b'{"a": 9007199254740993}', b"9007199254740993.0",
        b"9.007199254740993e15", b"18446744073709551615", b"18446744073709551616", b"100000000000000000000",
        b"1" + b"0" * 300, b"-0", b"-0.0", b"[-0]", b"[ -0e5]", b'{"a":"-0","b":-0}', b"123456789012345678.5",
        b"1e-400", b"0." + b"0" * 400 + b"1", b'["\\u0061",12345678901234567]', b'["1234567890123456789",12345678901234567]',
    ],
    "half a surrogate pair": [b'"\\ud800"', b'"\\uDC00"', b'"\\udc00\\ud800"', b'{"\\ud800":1}', b'["\\\\\\ud83d"]'],
    "not UTF-8": [b'"\xff"', b'"\xc0\xae"', b'"\xed\xa0\x80"', b'{"\xed\xa0\x80":1}', b'"\xf4\x90\x80\x80"', '{"a":1}'.encode("utf-16"), '{"a":1}'.encode("utf-32")],
    "byte order mark": [b'\xef\xbb\xbf{"a":1}'],
    "is empty": [b" ", b"\r\n\t"],
    "is no JSON": [
        b"{", b'{"a":1} x', b'{"a":1}\0', b"{}{}", b"{'a':1}", b'{"a":1,}', b"[1,]", b"01", b".5", b"1.", b"+1", b"0x1", b"1_0", b"--1",
        b'"\t"', b'"\n"', b'"\0"', b'"\\x41"', b'"\\u00"', b"\xc2\xa01", b"\x0b1", b"{a:1}", b'{"a":1}//x', b"/**/1", b"True", b"undefined",
        b"[", b"]", b'"', b"\\", b'{"a"}', b"{1:2}", b'{"a":1 "b":2}',
    ],
    "__proto__, constructor or prototype": [
        b'{"__proto__":1}', b'{"constructor":1}', b'{"prototype":1}', b'{"a":[{"__proto__":null}]}', b'{"b":1,"\\u005f_proto__":1}',
        b'{ "__proto__" : 1 }', b'{"c\\u006fnstructor":1}', b'{"\\u0070\\u0072ototype":{}}', b'{"a":"__proto__","constructor":"x"}',
    ],
    "numbers in an unusual spelling": [b"[" + b",".join(b"%d.50" % n for n in range(501)) + b"]"],
    "too many values": [b"[" * 100_000, b"[" * 50_000 + b"]" * 50_000, b"[" + b"[]," * 20_000 + b"1]", b"[" + b"1," * 2_900 + b"1]", b"[" + b"1, " * 15_000 + b"1]"],
    "more than 32 levels": [
        b"[" * 33 + b"]" * 33, b"[" * 2_000, b"[" * 1_999 + b"]" * 1_999, b'{"":' * 2_000, b'{"a":' * 33 + b"1" + b"}" * 33, b'[{"a":' * 17 + b"1" + b"}]" * 17,
        b'["\\"",' * 33 + b"1" + b"]" * 33, b'{"a":' * 2_000,
    ],
}  # fmt: skip

READ = [
    b"null", b" true ", b'"a"', b"0", b"-1", b"0.5", b"-0.05", b"1.50", b"100.00", b"0.00", b"1e5", b"1E5", b"1e+21", b"1e16", b"1e20", b"1e23",
    b"1.7976931348623157e308", b"5e-324", b"1e-05", b"9007199254740991", b"-9007199254740991", b"9007199254740991.0", b"9007199254740992.0",
    b"0.30000000000000004", b"0.1234567890123456789", b"3.141592653589793238", b'"9007199254740993"', b'{"9007199254740993":"-0"}',
    b'{"a":"__proto__","b":["constructor","prototype"]}', b'{"a":",\\"__proto__\\":1"}', b'{"proto":1,"constructors":2,"x__proto__":3}',
    b'{",\\"__proto__":1}', b'{"Name":1,"name":2}', b'{"a":{"b":1},"b":{"a":1}}', b'{"a":":","b":"\\u003a"}', b'[{"a":1},{"a":1}]',
    b'{"a" : "\\u00e9\\ud83d\\ude00\\/" , "b" : [ ] }\n', '{"a":"\u00e9\U0001f600\u2028","b":"\\u2028"}'.encode(), b'"\\u0000\\u001f"', b'"\x7f"',
    b"[" + b"1e9, " * 400 + b"1]", b"[" + b",".join(b"%d.50" % n for n in range(500)) + b"]", b"[" + b"1.50," * 2_000 + b"-1]",
    b"[" * 32 + b"]" * 32, b'"' + b"[" * 60_000 + b'"', b"[" + b"1," * 2_499 + b"1]", b"[" + b'{"id":"12","correct":true},' * 1_500 + b"1]", b'["' + b"," * 60_000 + b'"]', b'{"a":"\\"[[[[{{{{","b":[' + b"{}," * 60 + b"[]]}", b'["' + b"[" * 50 + b'\\\\",[]]',
]  # fmt: skip

LONG = 65_536
UNITS = ['"",', '"\\u0061",', "1e9,", "1.0e9,", "1.50,", "{},", "[],", "1,", "-0.05,", '{"a":1},', '{"a":{}},', '"\\"\\\\",', '"proto",', '"__proto__",', "0.30000000000000004,", "9007199254740991,", "true,"]  # fmt: skip
MOST_VALUES = 6_400
"""Values that a body of ``LONG`` bytes may have, about."""


def filled(unit: str, space: str = "") -> bytes:
    """As many of ``unit`` as a body may have, and blanks behind them."""
    count = min((LONG - 4) // len(unit), MOST_VALUES // (unit.count(",") + unit.count("{") + unit.count("[")))
    return f"[{space}{unit * count}1{' ' * (LONG - 4 - count * len(unit) if space else 0)}]".encode()


HOSTILE = {
    **{unit: filled(unit) for unit in UNITS},
    **{f"{unit} spaced": filled(unit, " ") for unit in UNITS},
    **{f"{unit} without end": unit.encode() * (LONG // len(unit)) for unit in UNITS},
    "deep": b"[" + b",".join([b"[" * 31 + b"]" * 31] * 180) + b" " * 50_000 + b"]",
    "deeper": b"[" * (LONG // 2) + b"]" * (LONG // 2),
    "exponents": ("[" + ",".join(f"{number}e3" for number in range(1_000, 7_000)) + "]").encode(),
    "tiny": ("[" + ",".join(f"{number}e-05" for number in range(1, 6_000)) + "]").encode(),
    "as large as can be": b"[" + b",".join([b"1e300"] * 1_900) + b"]",
    "as small as can be": b"[" + b",".join([b"1e-300"] * 1_900) + b"]",
    "huge": ("[" + ",".join(f"{number}e20" for number in range(1, 490)) + ",1e+99]").encode(),
    "wide": ("[" + ",".join(str(2**53 - 1 - number) for number in range(3_800)) + "]").encode(),
    "keys": ("{" + ",".join(f'"{number:x}":1' for number in range(6_000)) + " }").encode(),
    "a key twice": ("{" + ",".join(f'"{number:x}":1' for number in range(6_000)) + ',"0":1}').encode(),
    "digits": b"1." + b"1" * LONG,
    "zeros": b"0." + b"0" * LONG,
    "integer": b"1" * LONG,
    "blank": b" " * LONG,
    "escapes": b'["' + b"\\u00e9" * 10_900 + b'"]',
    "halves": b'["' + b"\\ud83d\\ude00" * 5_400 + b'\\ud83d"]',
    "no end": b'["a",' * 13_000,
    "NaN": b"[" + b"NaN," * 16_000 + b"1]",
}
"""Bodies of 64 KiB that take long to read, by what is in them."""
