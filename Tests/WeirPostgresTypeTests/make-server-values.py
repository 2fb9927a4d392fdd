#!/usr/bin/env python3
"""Writes ServerValues.swift: values in binary and in text form as a real server of version 15 gives them.

    eval "$(dev/services env)" && Tests/WeirPostgresTypeTests/make-server-values.py

Each value is one SQL expression; both forms come from COPY, which sends what a query would. Types made here get ids from 16384 on, which
differ from run to run.
"""
import os
import struct
import subprocess

URL = os.environ["WEIR_POSTGRES_URL"]
DIRECTORY = os.path.dirname(os.path.abspath(__file__))

SETUP = """
drop schema if exists weir_values cascade; create schema weir_values; set search_path = weir_values, public;
create type mood as enum ('happy', 'so so', 'q"uo\\te', 'ünï');
create domain positive as int4 check (value > 0);
create type pair as (a int4, b text, c timestamptz, d int4[]);
create type floats as range (subtype = float8);
"""


def texts(*values):
    return ["$v$%s$v$" % v for v in values]


ints2 = ["0", "1", "-1", "32767", "'-32768'::int2", "256"]
ints4 = ["0", "1", "-1", "2147483647", "'-2147483648'::int4", "65536", "-70000"]
ints8 = ["0", "1", "-1", "9223372036854775807", "'-9223372036854775808'::int8", "4294967296", "-5000000000"]
floats = ["0", "'-0'::float8", "1", "-1", "0.1", "3.141592653589793", "'Infinity'::float8", "'-Infinity'::float8", "'NaN'::float8"]
strings = texts("", "a", "hello world", "quo\"te", "back\\slash", "tab\there", "new\nline", "ünïcødé", "日本語", "🐘🐘", "NULL", "null", "{}", "x" * 200, "(1,2)", "{a,b}", " lead", "trail ", "\r\f\v\b")
numerics = ["0", "0.0", "0.000", "1", "-1", "10", "100", "1000", "9999", "10000", "10001", "99999999", "100000000", "0.1", "0.01", "0.001", "0.0001", "0.00001", "0.00012", "-0.5",
            "1.10", "123.45600", "12345678901234567890.123456789012345678901234567890", "'NaN'", "'Infinity'", "'-Infinity'", "1e20", "1e-20", "-1e40", "1e-100", "10000.0001", "0.9999", "9999.9999",
            "0.00000000000000000000", "50000000.00000005", "170141183460469231731687303715884105727", "-170141183460469231731687303715884105728", "9223372036854775807", "-9223372036854775808", "18446744073709551615"]
dates = ["2000-01-01", "1999-12-31", "2000-02-29", "2000-03-01", "1900-02-28", "1900-03-01", "2024-02-29", "1970-01-01", "0001-01-01", "0001-12-31 BC", "0001-01-01 BC", "0044-03-15 BC", "4713-01-01 BC", "4714-11-24 BC", "4714-12-31 BC", "5874897-12-31", "infinity", "-infinity", "9999-12-31", "10000-01-01", "99999-12-31", "0400-02-29", "0005-02-29 BC", "2400-12-31"]
times = ["00:00:00", "24:00:00", "23:59:59.999999", "12:34:56", "12:34:56.7", "12:34:56.000001", "01:02:03.100", "00:00:00.5"]
stamps = ["2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "2000-01-01 00:00:00.000001", "1970-01-01 00:00:00", "0001-01-01 00:00:00", "0001-12-31 23:59:59.5 BC", "0044-03-15 12:00:00 BC", "4713-01-02 00:00:00 BC", "4714-11-25 00:00:00 BC", "294276-12-30 23:59:59.999999", "294276-12-31 00:00:00", "infinity", "-infinity", "2024-02-29 12:34:56.789", "10000-01-01 01:01:01"]
intervals = ["0", "1 year", "-1 year", "2 years", "1 mon", "-1 mon", "13 mons", "-13 mons", "1 day", "-1 day", "2 days", "1 microsecond", "-1 microsecond", "1 year 2 mons 3 days 04:05:06.789", "-1 year -2 mons +3 days -04:05:06.789", "1 year -1 mon", "1 mon -1 day", "-1 day 02:03:04", "1 day -02:03:04", "-1 mon 1 day", "-1 mon 1 day 01:00:00", "-1 mon 1 day -01:00:00", "-1 year 1 day 00:00:00.5", "100:00:00", "-100:00:00.5", "178956970 years 7 mons", "-178956970 years -8 mons", "2147483647 days", "-2147483648 days", "2562047788:00:54.775807", "-2562047788:00:54.775807", "1 year -1 day 00:00:01", "-1 year 1 mon 1 day", "00:00:00.100000", "23:59:60"]
inets = ["0.0.0.0", "255.255.255.255", "192.168.0.1/24", "10.1.2.3/8", "1.2.3.4/32", "1.2.3.4/0", "::", "::1", "::/0", "::1/64", "fe80::1", "2001:db8::/32", "2001:db8::1/128", "1:2:3:4:5:6:7:8", "1:0:0:4:5:0:0:8", "1:0:0:0:5:0:0:8", "1:0:0:4:0:0:0:8", "0:0:1::", "1::", "1:2:3:4:5:6:7:0", "0:2:3:4:5:6:7:8", "1:0:3:4:5:6:7:8", "::ffff:1.2.3.4", "::1.2.3.4", "::0.0.0.2", "::ffff:0:1.2.3.4", "::1:0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::2", "::ffff", "0:0:0:0:0:0:1:1", "0:0:0:0:0:ffff:0:0", "::fffe:1:2", "ABCD:EF01:2345:6789:abcd:ef01:2345:6789/77"]
cidrs = ["0.0.0.0/0", "10.0.0.0/8", "192.168.1.0/24", "1.2.3.4/32", "::/0", "2001:db8::/32", "::1/128", "fe80::/10"]


def typed(name, values):
    return ["'%s'::%s" % (v.replace("'", "''"), name) for v in values]


# name, type of SQL, expressions, and settings of the session
GROUPS = [
    ("bool", "bool", ["true", "false"]),
    ("int2", "int2", ints2), ("int4", "int4", ints4), ("int8", "int8", ints8),
    ("oid", "oid", ["0", "1", "4294967295", "16384"]), ("xid", "xid", typed("xid", ["0", "1", "4294967295"])),
    ("cid", "cid", typed("cid", ["0", "7"])), ("xid8", "xid8", typed("xid8", ["0", "1", "18446744073709551615"])),
    ("regclass", "regclass", ["'pg_class'::regclass"]),
    ("float4", "float4", floats + ["'3.4028235e38'::float4", "'1.1754944e-38'::float4", "'1e-45'::float4", "'-1.5'", "1e10", "123456789"]),
    ("float8", "float8", floats + ["'1.7976931348623157e308'::float8", "'2.2250738585072014e-308'::float8", "'5e-324'::float8", "1e15", "1e16", "1e-5", "1e-4", "123456789012345678"]),
    ("text", "text", strings), ("varchar", "varchar(300)", strings), ("bpchar", "char(5)", texts("", "a", "abc", "abcde", "日本")),
    ("name", "name", texts("", "pg_class", "x" * 63)), ("json", "json", texts("{}", "{\"a\": [1, 2, null]}", "\"\\u00e9\"", " [1] ")),
    ("jsonb", "jsonb", texts("{}", "{\"a\":[1,2,null],\"b\":\"é\"}", "\"x\"", "1.50", "null")), ("xml", "xml", texts("<a>b</a>", "<a x=\"1\"/>")),
    ("char", "\"char\"", texts("a", "", "~", "1")), ("jsonpath", "jsonpath", texts("$.a[*]")), ("cstring_like", "refcursor", texts("portal")),
    ("bytea", "bytea", ["''::bytea", "'\\x00'::bytea", "'\\x00ff5c27deadbeef'::bytea", "decode(repeat('00ff41', 50), 'hex')", "'abc'::bytea"]),
    ("bytea_escape", "bytea", ["''::bytea", "'\\x00'::bytea", "'\\x00ff5c27deadbeef7f80'::bytea", "'abc'::bytea", "'a\\\\b'::bytea"], "set bytea_output = escape;"),
    ("uuid", "uuid", typed("uuid", ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000001-0002-0003-0004-000000000005"])),
    ("numeric", "numeric", numerics),
    ("numeric_scaled", "numeric(20,6)", ["0", "1", "-1.5", "12345678901234.123456"]),
    ("date", "date", typed("date", dates)), ("time", "time", typed("time", times)),
    ("timetz", "timetz", typed("timetz", [t + z for t in times[:5] for z in ["+00", "-08", "+05:30", "-03:30:15", "+15:59:59", "-15:59:59"]])),
    ("timestamp", "timestamp", typed("timestamp", stamps)),
    ("timestamptz", "timestamptz", typed("timestamptz", [s.replace(" BC", "+00 BC") if " BC" in s else (s if "infinity" in s else s + "+00") for s in stamps])),
    ("timestamptz_kathmandu", "timestamptz", typed("timestamptz", [s.replace(" BC", "+00 BC") if " BC" in s else (s if "infinity" in s else s + "+00") for s in stamps if "4714" not in s]), "set timezone = 'Asia/Kathmandu';"),
    ("timestamptz_newfoundland", "timestamptz", typed("timestamptz", ["2024-07-01 12:00:00+00", "2024-01-01 12:00:00+00", "1880-01-01 00:00:00.123+00", "0044-03-15 12:00:00+00 BC", "0001-01-01 01:00:00+00"]), "set timezone = 'America/St_Johns';"),
    ("interval", "interval", typed("interval", intervals)),
    ("inet", "inet", typed("inet", inets)), ("cidr", "cidr", typed("cidr", cidrs)),
    ("macaddr", "macaddr", typed("macaddr", ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "08:00:2b:01:02:03"])),
    ("macaddr8", "macaddr8", typed("macaddr8", ["00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff", "08:00:2b:01:02:03:04:05"])),
    ("bit", "bit(11)", ["B'00000000000'", "B'11111111111'", "B'10000000001'"]), ("varbit", "varbit", ["B''", "B'1'", "B'0'", "B'10101010'", "B'101010101'", "repeat('10', 100)::varbit"]),
    ("money", "money", ["'0'::money", "'1.23'::money", "'-92233720368547758.08'::money"]),
    ("int4range", "int4range", typed("int4range", ["empty", "[1,5)", "(1,5]", "[1,1]", "(,)", "[1,)", "(,5)", "[-2147483648,2147483647)"])),
    ("int8range", "int8range", typed("int8range", ["empty", "[1,5)", "(,-9000000000)", "(,)"])),
    ("numrange", "numrange", typed("numrange", ["empty", "[1.5,2.5]", "(1.5,2.5)", "[0.00,)", "(,)", "(,NaN]", "[-Infinity,Infinity]"])),
    ("tsrange", "tsrange", typed("tsrange", ["empty", "[2024-01-01 00:00,2024-01-02 12:00)", "[-infinity,infinity]", "(,\"2024-01-01 00:00:00\"]"])),
    ("tstzrange", "tstzrange", typed("tstzrange", ["empty", "[2024-01-01 00:00+00,2024-01-02 12:00+02)", "(,2024-01-01 00:00+00]"])),
    ("daterange", "daterange", typed("daterange", ["empty", "[2024-01-01,2024-02-01]", "(,)", "[0044-03-15 BC,infinity)"])),
    ("int4multirange", "int4multirange", typed("int4multirange", ["{}", "{[1,3)}", "{[1,3),[5,7),(9,)}", "{(,)}"])),
    ("int8multirange", "int8multirange", typed("int8multirange", ["{}", "{[1,3),[5000000000,7000000000)}"])),
    ("nummultirange", "nummultirange", typed("nummultirange", ["{}", "{[1.5,2.5],(3,4)}"])),
    ("tsmultirange", "tsmultirange", typed("tsmultirange", ["{}", "{[2024-01-01 00:00,2024-01-02 12:00),[2025-01-01 00:00,)}"])),
    ("tstzmultirange", "tstzmultirange", typed("tstzmultirange", ["{}", "{[2024-01-01 00:00+00,2024-01-02 12:00+02)}"])),
    ("datemultirange", "datemultirange", typed("datemultirange", ["{}", "{[2024-01-01,2024-02-01],[2024-03-01,)}"])),
    ("int4_array", "int4[]", typed("int4[]", ["{}", "{1}", "{1,2,3}", "{-2147483648,2147483647}"])),
    ("int4_array_null", "int4[]", typed("int4[]", ["{NULL}", "{1,NULL,3}", "{}", "{1,2}"])),
    ("int4_array_shaped", "int4[]", typed("int4[]", ["{}", "{1,2}", "{{1,2},{3,4},{5,6}}", "{{{1,2},{3,4}},{{5,6},{7,NULL}}}", "[0:1]={7,8}", "[-5:-4][3:5]={{1,2,3},{4,5,6}}", "{{{{{{1}}}}}}", "{{1}}", "{{1},{2}}"])),
    ("int2_array", "int2[]", typed("int2[]", ["{}", "{1,-1}"])), ("int8_array", "int8[]", typed("int8[]", ["{9223372036854775807,-9223372036854775808}"])),
    ("text_array", "text[]", ["'{}'::text[]", "array[" + ",".join(strings) + "]", "array['']", "array['a,b','c;d']", "array[E'\\\\','\"','{','}',' ','NULL']"]),
    ("text_array_null", "text[]", ["array[null,'NULL','null',null]", "array['a',null]"]),
    ("text_array_shaped", "text[]", ["array[['a,b','\"'],['',null]]", "'[2:3]={x,y}'::text[]"]),
    ("bool_array", "bool[]", typed("bool[]", ["{t,f,t}"])), ("float8_array", "float8[]", typed("float8[]", ["{1.5,-Infinity,1e300}"])),
    ("float4_array", "float4[]", typed("float4[]", ["{1.5,0.1}"])), ("bytea_array", "bytea[]", ["array['\\x00ff'::bytea, '']"]),
    ("uuid_array", "uuid[]", typed("uuid[]", ["{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"])), ("numeric_array", "numeric[]", typed("numeric[]", ["{1.50,NaN,-1e-10}"])),
    ("timestamptz_array", "timestamptz[]", typed("timestamptz[]", ["{\"2024-01-01 00:00:00+00\",infinity}"])), ("date_array", "date[]", typed("date[]", ["{2024-01-01,\"0044-03-15 BC\"}"])),
    ("interval_array", "interval[]", typed("interval[]", ["{\"1 day 02:00:00\",\"1 mon\"}"])), ("jsonb_array", "jsonb[]", ["array['{\"a\":\"b\\\"c\"}'::jsonb, '[1,2]']"]),
    ("inet_array", "inet[]", typed("inet[]", ["{1.2.3.4,::1/64}"])), ("cidr_array", "cidr[]", typed("cidr[]", ["{1.2.3.0/24}"])),
    ("int4range_array", "int4range[]", ["array[int4range(1,3), 'empty', int4range(null,5)]"]),
    ("box_array", "box[]", ["array['(1,2),(3,4)'::box, '(5,6),(7,8)']"]),
    ("int2vector", "int2vector", typed("int2vector", ["", "1", "1 2 3"])), ("oidvector", "oidvector", typed("oidvector", ["23 25"])),
    ("mood", "mood", typed("mood", ["happy", "so so", "q\"uo\\te", "ünï"])), ("mood_array", "mood[]", ["array['happy','so so','q\"uo\\te','ünï']::mood[]", "array['happy',null]::mood[]"]),
    ("positive", "positive", ["1", "77"]),
    ("pair", "pair", ["row(1, 'a', '2024-01-01 00:00:00+00', '{1,2}')::pair", "row(null, null, null, null)::pair", "row(-5, E'q\"u,o\\\\t)e( ''', 'infinity', '{}')::pair", "row(7, '', null, null)::pair"]),
    ("record", "record", ["row(1, 'a'::text)", "row(1, row(2, 'x y'::text), null)", "row(null)", "row('x[1]'::text, '{a}'::text, '[y'::text, ' z]'::text)"]),
    ("floats", "floats", typed("floats", ["empty", "[1.5,2.5)"])),
    ("point", "point", ["'(1.5,-2)'::point"]),
    ("void", "void", []),
]

# Too long to be written down: length and FNV-1a hash of both forms. The test makes them by the same rule.
HUGE = ["repeat('9', 131072)", "'-' || repeat('1234567890', 13107) || '12.' || repeat('0987654321', 1638) || '098'", "'0.' || repeat('0', 16382) || '1'",
        "'1' || repeat('0', 131071)", "'0.' || repeat('123', 5461)"]


def psql(script, binary=False):
    run = subprocess.run(["psql", URL, "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-"], input=script.encode(), capture_output=True)
    if run.returncode:
        raise SystemExit(script[-2000:] + run.stderr.decode())
    return run.stdout if binary else run.stdout.decode()


def fields_of(copied):
    assert copied[:11] == b"PGCOPY\n\xff\r\n\0"
    (extension,) = struct.unpack_from(">i", copied, 15)
    at = 19 + extension
    (count,) = struct.unpack_from(">h", copied, at)
    at += 2
    fields = []
    for _ in range(count):
        (length,) = struct.unpack_from(">i", copied, at)
        at += 4
        fields.append(copied[at : at + length])
        at += length
    return fields


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def values(type_name, expressions, settings):
    settings = "set search_path = weir_values, public; set datestyle = ISO; set timezone = 'UTC'; set intervalstyle = postgres; " + settings
    cast = "%s" if type_name == "record" else "(%%s)::%s" % type_name
    query = "select " + ", ".join(cast % e for e in expressions)
    binary = fields_of(psql(settings + "copy (%s) to stdout (format binary);" % query, binary=True))
    text = psql(settings + "copy (%s) to stdout;" % query).rstrip("\n").split("\t")
    assert len(binary) == len(text) == len(expressions), (type_name, len(binary), len(text))
    return binary, text


def main():
    psql(SETUP)
    out = ["// Written by make-server-values.py; not to be changed by hand. " + psql("show server_version").strip() + ".", ""]
    out += ["/// Of each type: its id, and values in binary (hexadecimal) and in text (as COPY escapes it), a tab between."]
    out += ["let serverValues: [String: (type: UInt32, rows: String)] = ["]
    for name, type_name, expressions, *settings in GROUPS:
        if not expressions:
            continue
        oid = psql("set search_path = weir_values, public; select '%s'::regtype::oid" % type_name.split("(")[0]).strip()
        binary, text = values(type_name, expressions, settings[0] if settings else "")
        out.append('    "%s": (\n        type: %s,\n        rows: #"""' % (name, oid))
        out += ["        %s\t%s" % (b.hex(), t) for b, t in zip(binary, text)]
        out.append('        """#\n    ),')
    out += ["]", "", "/// The length and the hash of the binary form of long numerics, and of the text form.", "let hugeNumerics: [(binary: (Int, UInt64), text: (Int, UInt64))] = ["]
    binary, text = values("numeric", HUGE, "")
    for b, t in zip(binary, text):
        out.append("    (binary: (%d, 0x%016x), text: (%d, 0x%016x))," % (len(b), fnv(b), len(t), fnv(t.encode())))
    out += ["]", ""]
    with open(os.path.join(DIRECTORY, "ServerValues.swift"), "w") as file:
        file.write("\n".join(out))
    psql("drop schema weir_values cascade")


main()
