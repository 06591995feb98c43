"""What is read quickly is what every parser reads, and each kind of document that two read differently is refused by its name."""

import json

import orjson
import pytest

from gateway.policy.base.quick_json import read_quickly

DEPTH = 32

REFUSED = {
    "twice": [
        b'{"a":1,"a":1}', b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b'{ "a" :1, "a" :2}', b'[{"b":{"a":1,"a":":"}}]',
        b'{"a":1,"a":2,"b":"\\u003ax"}', b'{"":1,"":2}', b'{"a\\"":1,"a\\u0022":2}', b'{"a\\\\":1,"a\\\\":2}',
        '{"\u00e9":1,"\\u00e9":2}'.encode(), b'{"a":{"x":1},"a":{"x":1}}', b'{"a":1,"a":"\\":\\":"}',
    ],
    "number that JSON does not have": [b"NaN", b"[Infinity]", b'{"a":-Infinity}', b"1e400", b"[-1E+400]", b"1" + b"0" * 400, b"1" * 400 + b".5"],
    "does not read exactly": [
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
    "name of a prototype": [
        b'{"__proto__":1}', b'{"constructor":1}', b'{"prototype":1}', b'{"a":[{"__proto__":null}]}', b'{"b":1,"\\u005f_proto__":1}',
        b'{ "__proto__" : 1 }', b'{"c\\u006fnstructor":1}', b'{"\\u0070\\u0072ototype":{}}', b'{"a":"__proto__","constructor":"x"}',
    ],
    "more than 32 levels": [
        b"[" * 33 + b"]" * 33, b"[" * 100_000, b"[" * 50_000 + b"]" * 50_000, b'{"a":' * 33 + b"1" + b"}" * 33, b'[{"a":' * 17 + b"1" + b"}]" * 17,
        b'["\\"",' * 33 + b"1" + b"]" * 33, b"{" * 100_000,
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "content"), [(kind, one) for kind, all_of in REFUSED.items() for one in all_of])
def test_what_two_parsers_read_differently_is_refused_by_its_kind(kind: str, content: bytes) -> None:
    with pytest.raises(ValueError, match=kind):
        read_quickly(content, DEPTH)


READ = [
    b"null", b" true ", b'"a"', b"0", b"-1", b"0.5", b"-0.05", b"1.50", b"100.00", b"0.00", b"1e5", b"1E5", b"1e+21", b"1e16", b"1e20", b"1e23",
    b"1.7976931348623157e308", b"5e-324", b"1e-05", b"9007199254740991", b"-9007199254740991", b"9007199254740991.0", b"9007199254740992.0",
    b"0.30000000000000004", b"0.1234567890123456789", b"3.141592653589793238", b'"9007199254740993"', b'{"9007199254740993":"-0"}',
    b'{"a":"__proto__","b":["constructor","prototype"]}', b'{"a":",\\"__proto__\\":1"}', b'{"proto":1,"constructors":2,"x__proto__":3}',
    b'{",\\"__proto__":1}', b'{"Name":1,"name":2}', b'{"a":{"b":1},"b":{"a":1}}', b'{"a":":","b":"\\u003a"}', b'[{"a":1},{"a":1}]',
    b'{"a" : "\\u00e9\\ud83d\\ude00\\/" , "b" : [ ] }\n', '{"a":"\u00e9\U0001f600\u2028","b":"\\u2028"}'.encode(), b'"\\u0000\\u001f"', b'"\x7f"',
    b"[" * 32 + b"]" * 32, b'"' + b"[" * 60_000 + b'"', b'{"a":"\\"[[[[{{{{","b":[' + b"{}," * 60 + b"[]]}", b'["' + b"[" * 50 + b'\\\\",[]]',
]  # fmt: skip


@pytest.mark.parametrize("content", READ)
def test_what_every_parser_reads_alike_is_read(content: bytes) -> None:
    assert read_quickly(content, DEPTH) == json.loads(content) == orjson.loads(content)
