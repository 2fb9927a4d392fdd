// Which built-in type is made of which.

public import WeirPostgresWire

extension PostgresType {
    /// The arrays of values of this type; nil for what is no built-in type or has none.
    ///
    /// - Complexity: O(1): a look-up in a constant table.
    public var arrayType: PostgresType? {
        switch self.rawValue {
        case 16: .boolArray
        case 17: .byteaArray
        case 18: .charArray
        case 19: .nameArray
        case 20: .int8Array
        case 21: .int2Array
        case 23: .int4Array
        case 24: .regprocArray
        case 25: .textArray
        case 26: .oidArray
        case 27: .tidArray
        case 28: .xidArray
        case 29: .cidArray
        case 114: .jsonArray
        case 142: .xmlArray
        case 600: .pointArray
        case 601: .lsegArray
        case 602: .pathArray
        case 603: .boxArray
        case 604: .polygonArray
        case 628: .lineArray
        case 650: .cidrArray
        case 700: .float4Array
        case 701: .float8Array
        case 718: .circleArray
        case 774: .macaddr8Array
        case 790: .moneyArray
        case 829: .macaddrArray
        case 869: .inetArray
        case 1033: .aclitemArray
        case 1042: .bpcharArray
        case 1043: .varcharArray
        case 1082: .dateArray
        case 1083: .timeArray
        case 1114: .timestampArray
        case 1184: .timestamptzArray
        case 1186: .intervalArray
        case 1266: .timetzArray
        case 1560: .bitArray
        case 1562: .varbitArray
        case 1700: .numericArray
        case 1790: .refcursorArray
        case 2202: .regprocedureArray
        case 2203: .regoperArray
        case 2204: .regoperatorArray
        case 2205: .regclassArray
        case 2206: .regtypeArray
        case 2249: .recordArray
        case 2275: .cstringArray
        case 2950: .uuidArray
        case 2970: .txidSnapshotArray
        case 3220: .pgLSNArray
        case 3614: .tsvectorArray
        case 3615: .tsqueryArray
        case 3734: .regconfigArray
        case 3769: .regdictionaryArray
        case 3802: .jsonbArray
        case 3904: .int4rangeArray
        case 3906: .numrangeArray
        case 3908: .tsrangeArray
        case 3910: .tstzrangeArray
        case 3912: .daterangeArray
        case 3926: .int8rangeArray
        case 4072: .jsonpathArray
        case 4089: .regnamespaceArray
        case 4096: .regroleArray
        case 4191: .regcollationArray
        case 4451: .int4multirangeArray
        case 4532: .nummultirangeArray
        case 4533: .tsmultirangeArray
        case 4534: .tstzmultirangeArray
        case 4535: .datemultirangeArray
        case 4536: .int8multirangeArray
        case 5038: .pgSnapshotArray
        case 5069: .xid8Array
        default: nil
        }
    }

    /// What the arrays of this type hold; nil for what is no built-in array.
    ///
    /// - Complexity: O(1): a look-up in a constant table.
    public var elementType: PostgresType? {
        switch self.rawValue {
        case 22: .int2
        case 30: .oid
        case 143: .xml
        case 199: .json
        case 271: .xid8
        case 629: .line
        case 651: .cidr
        case 719: .circle
        case 775: .macaddr8
        case 791: .money
        case 1000: .bool
        case 1001: .bytea
        case 1002: .char
        case 1003: .name
        case 1005: .int2
        case 1007: .int4
        case 1008: .regproc
        case 1009: .text
        case 1010: .tid
        case 1011: .xid
        case 1012: .cid
        case 1014: .bpchar
        case 1015: .varchar
        case 1016: .int8
        case 1017: .point
        case 1018: .lseg
        case 1019: .path
        case 1020: .box
        case 1021: .float4
        case 1022: .float8
        case 1027: .polygon
        case 1028: .oid
        case 1034: .aclitem
        case 1040: .macaddr
        case 1041: .inet
        case 1115: .timestamp
        case 1182: .date
        case 1183: .time
        case 1185: .timestamptz
        case 1187: .interval
        case 1231: .numeric
        case 1263: .cstring
        case 1270: .timetz
        case 1561: .bit
        case 1563: .varbit
        case 2201: .refcursor
        case 2207: .regprocedure
        case 2208: .regoper
        case 2209: .regoperator
        case 2210: .regclass
        case 2211: .regtype
        case 2287: .record
        case 2949: .txidSnapshot
        case 2951: .uuid
        case 3221: .pgLSN
        case 3643: .tsvector
        case 3645: .tsquery
        case 3735: .regconfig
        case 3770: .regdictionary
        case 3807: .jsonb
        case 3905: .int4range
        case 3907: .numrange
        case 3909: .tsrange
        case 3911: .tstzrange
        case 3913: .daterange
        case 3927: .int8range
        case 4073: .jsonpath
        case 4090: .regnamespace
        case 4097: .regrole
        case 4192: .regcollation
        case 5039: .pgSnapshot
        case 6150: .int4multirange
        case 6151: .nummultirange
        case 6152: .tsmultirange
        case 6153: .tstzmultirange
        case 6155: .datemultirange
        case 6157: .int8multirange
        default: nil
        }
    }

    /// The ranges of values of this type; nil where no built-in range has such bounds.
    public var rangeType: PostgresType? {
        switch self.rawValue {
        case 20: .int8range
        case 23: .int4range
        case 1082: .daterange
        case 1114: .tsrange
        case 1184: .tstzrange
        case 1700: .numrange
        default: nil
        }
    }

    /// The type of the bounds of this range or multirange; nil for what is no built-in one.
    public var boundType: PostgresType? {
        switch self.rawValue {
        case 3904, 4451: .int4
        case 3906, 4532: .numeric
        case 3908, 4533: .timestamp
        case 3910, 4534: .timestamptz
        case 3912, 4535: .date
        case 3926, 4536: .int8
        default: nil
        }
    }

    /// The multiranges made of this range; nil for what is no built-in range.
    public var multirangeType: PostgresType? {
        switch self.rawValue {
        case 3904: .int4multirange
        case 3906: .nummultirange
        case 3908: .tsmultirange
        case 3910: .tstzmultirange
        case 3912: .datemultirange
        case 3926: .int8multirange
        default: nil
        }
    }

    /// Whether it may be a user's own: an enum, a composite, a domain, of an extension. The server's own types have smaller ids.
    @inlinable public var isUserDefined: Bool { self.rawValue >= 16384 }

    /// No type, or that of a literal nobody has typed: as text, what it stands for is the reader's to say.
    @inlinable public var isUnknown: Bool { self.rawValue == 0 || self.rawValue == 705 }
}
