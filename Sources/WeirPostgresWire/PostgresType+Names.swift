// The ids of the server's built-in types, as its catalogue `pg_type` has them in version 15; they are the same on every server.

extension PostgresType {
    /// `boolean`.
    @inlinable public static var bool: PostgresType { PostgresType(rawValue: 16) }
    /// `bytea`.
    @inlinable public static var bytea: PostgresType { PostgresType(rawValue: 17) }
    /// `"char"`: one byte.
    @inlinable public static var char: PostgresType { PostgresType(rawValue: 18) }
    /// `name`.
    @inlinable public static var name: PostgresType { PostgresType(rawValue: 19) }
    /// `bigint`.
    @inlinable public static var int8: PostgresType { PostgresType(rawValue: 20) }
    /// `smallint`.
    @inlinable public static var int2: PostgresType { PostgresType(rawValue: 21) }
    /// `int2vector`: an array that counts from 0.
    @inlinable public static var int2vector: PostgresType { PostgresType(rawValue: 22) }
    /// `integer`.
    @inlinable public static var int4: PostgresType { PostgresType(rawValue: 23) }
    /// `regproc`.
    @inlinable public static var regproc: PostgresType { PostgresType(rawValue: 24) }
    /// `text`.
    @inlinable public static var text: PostgresType { PostgresType(rawValue: 25) }
    /// `oid`.
    @inlinable public static var oid: PostgresType { PostgresType(rawValue: 26) }
    /// `tid`.
    @inlinable public static var tid: PostgresType { PostgresType(rawValue: 27) }
    /// `xid`.
    @inlinable public static var xid: PostgresType { PostgresType(rawValue: 28) }
    /// `cid`.
    @inlinable public static var cid: PostgresType { PostgresType(rawValue: 29) }
    /// `oidvector`: an array that counts from 0.
    @inlinable public static var oidvector: PostgresType { PostgresType(rawValue: 30) }
    /// `json`.
    @inlinable public static var json: PostgresType { PostgresType(rawValue: 114) }
    /// `xml`.
    @inlinable public static var xml: PostgresType { PostgresType(rawValue: 142) }
    /// `point`.
    @inlinable public static var point: PostgresType { PostgresType(rawValue: 600) }
    /// `lseg`.
    @inlinable public static var lseg: PostgresType { PostgresType(rawValue: 601) }
    /// `path`.
    @inlinable public static var path: PostgresType { PostgresType(rawValue: 602) }
    /// `box`.
    @inlinable public static var box: PostgresType { PostgresType(rawValue: 603) }
    /// `polygon`.
    @inlinable public static var polygon: PostgresType { PostgresType(rawValue: 604) }
    /// `line`.
    @inlinable public static var line: PostgresType { PostgresType(rawValue: 628) }
    /// `cidr`.
    @inlinable public static var cidr: PostgresType { PostgresType(rawValue: 650) }
    /// `real`.
    @inlinable public static var float4: PostgresType { PostgresType(rawValue: 700) }
    /// `double precision`.
    @inlinable public static var float8: PostgresType { PostgresType(rawValue: 701) }
    /// The type of a literal nobody has typed.
    @inlinable public static var unknown: PostgresType { PostgresType(rawValue: 705) }
    /// `circle`.
    @inlinable public static var circle: PostgresType { PostgresType(rawValue: 718) }
    /// `macaddr8`.
    @inlinable public static var macaddr8: PostgresType { PostgresType(rawValue: 774) }
    /// `money`.
    @inlinable public static var money: PostgresType { PostgresType(rawValue: 790) }
    /// `macaddr`.
    @inlinable public static var macaddr: PostgresType { PostgresType(rawValue: 829) }
    /// `inet`.
    @inlinable public static var inet: PostgresType { PostgresType(rawValue: 869) }
    /// `aclitem`.
    @inlinable public static var aclitem: PostgresType { PostgresType(rawValue: 1033) }
    /// `char(n)`.
    @inlinable public static var bpchar: PostgresType { PostgresType(rawValue: 1042) }
    /// `varchar(n)`.
    @inlinable public static var varchar: PostgresType { PostgresType(rawValue: 1043) }
    /// `date`.
    @inlinable public static var date: PostgresType { PostgresType(rawValue: 1082) }
    /// `time without time zone`.
    @inlinable public static var time: PostgresType { PostgresType(rawValue: 1083) }
    /// `timestamp without time zone`.
    @inlinable public static var timestamp: PostgresType { PostgresType(rawValue: 1114) }
    /// `timestamp with time zone`.
    @inlinable public static var timestamptz: PostgresType { PostgresType(rawValue: 1184) }
    /// `interval`.
    @inlinable public static var interval: PostgresType { PostgresType(rawValue: 1186) }
    /// `time with time zone`.
    @inlinable public static var timetz: PostgresType { PostgresType(rawValue: 1266) }
    /// `bit`.
    @inlinable public static var bit: PostgresType { PostgresType(rawValue: 1560) }
    /// `bit varying`.
    @inlinable public static var varbit: PostgresType { PostgresType(rawValue: 1562) }
    /// `numeric`.
    @inlinable public static var numeric: PostgresType { PostgresType(rawValue: 1700) }
    /// `refcursor`.
    @inlinable public static var refcursor: PostgresType { PostgresType(rawValue: 1790) }
    /// `regprocedure`.
    @inlinable public static var regprocedure: PostgresType { PostgresType(rawValue: 2202) }
    /// `regoper`.
    @inlinable public static var regoper: PostgresType { PostgresType(rawValue: 2203) }
    /// `regoperator`.
    @inlinable public static var regoperator: PostgresType { PostgresType(rawValue: 2204) }
    /// `regclass`.
    @inlinable public static var regclass: PostgresType { PostgresType(rawValue: 2205) }
    /// `regtype`.
    @inlinable public static var regtype: PostgresType { PostgresType(rawValue: 2206) }
    /// An anonymous composite.
    @inlinable public static var record: PostgresType { PostgresType(rawValue: 2249) }
    /// `cstring`.
    @inlinable public static var cstring: PostgresType { PostgresType(rawValue: 2275) }
    /// What a function returns that returns nothing.
    @inlinable public static var void: PostgresType { PostgresType(rawValue: 2278) }
    /// `uuid`.
    @inlinable public static var uuid: PostgresType { PostgresType(rawValue: 2950) }
    /// `txidSnapshot`.
    @inlinable public static var txidSnapshot: PostgresType { PostgresType(rawValue: 2970) }
    /// `pg_lsn`.
    @inlinable public static var pgLSN: PostgresType { PostgresType(rawValue: 3220) }
    /// `tsvector`.
    @inlinable public static var tsvector: PostgresType { PostgresType(rawValue: 3614) }
    /// `tsquery`.
    @inlinable public static var tsquery: PostgresType { PostgresType(rawValue: 3615) }
    /// `regconfig`.
    @inlinable public static var regconfig: PostgresType { PostgresType(rawValue: 3734) }
    /// `regdictionary`.
    @inlinable public static var regdictionary: PostgresType { PostgresType(rawValue: 3769) }
    /// `jsonb`.
    @inlinable public static var jsonb: PostgresType { PostgresType(rawValue: 3802) }
    /// `int4range`.
    @inlinable public static var int4range: PostgresType { PostgresType(rawValue: 3904) }
    /// `numrange`.
    @inlinable public static var numrange: PostgresType { PostgresType(rawValue: 3906) }
    /// `tsrange`.
    @inlinable public static var tsrange: PostgresType { PostgresType(rawValue: 3908) }
    /// `tstzrange`.
    @inlinable public static var tstzrange: PostgresType { PostgresType(rawValue: 3910) }
    /// `daterange`.
    @inlinable public static var daterange: PostgresType { PostgresType(rawValue: 3912) }
    /// `int8range`.
    @inlinable public static var int8range: PostgresType { PostgresType(rawValue: 3926) }
    /// `jsonpath`.
    @inlinable public static var jsonpath: PostgresType { PostgresType(rawValue: 4072) }
    /// `regnamespace`.
    @inlinable public static var regnamespace: PostgresType { PostgresType(rawValue: 4089) }
    /// `regrole`.
    @inlinable public static var regrole: PostgresType { PostgresType(rawValue: 4096) }
    /// `regcollation`.
    @inlinable public static var regcollation: PostgresType { PostgresType(rawValue: 4191) }
    /// `int4multirange`.
    @inlinable public static var int4multirange: PostgresType { PostgresType(rawValue: 4451) }
    /// `nummultirange`.
    @inlinable public static var nummultirange: PostgresType { PostgresType(rawValue: 4532) }
    /// `tsmultirange`.
    @inlinable public static var tsmultirange: PostgresType { PostgresType(rawValue: 4533) }
    /// `tstzmultirange`.
    @inlinable public static var tstzmultirange: PostgresType { PostgresType(rawValue: 4534) }
    /// `datemultirange`.
    @inlinable public static var datemultirange: PostgresType { PostgresType(rawValue: 4535) }
    /// `int8multirange`.
    @inlinable public static var int8multirange: PostgresType { PostgresType(rawValue: 4536) }
    /// `pgSnapshot`.
    @inlinable public static var pgSnapshot: PostgresType { PostgresType(rawValue: 5038) }
    /// `xid8`.
    @inlinable public static var xid8: PostgresType { PostgresType(rawValue: 5069) }

    /// An array of ``bool``.
    @inlinable public static var boolArray: PostgresType { PostgresType(rawValue: 1000) }
    /// An array of ``bytea``.
    @inlinable public static var byteaArray: PostgresType { PostgresType(rawValue: 1001) }
    /// An array of ``char``.
    @inlinable public static var charArray: PostgresType { PostgresType(rawValue: 1002) }
    /// An array of ``name``.
    @inlinable public static var nameArray: PostgresType { PostgresType(rawValue: 1003) }
    /// An array of ``int8``.
    @inlinable public static var int8Array: PostgresType { PostgresType(rawValue: 1016) }
    /// An array of ``int2``.
    @inlinable public static var int2Array: PostgresType { PostgresType(rawValue: 1005) }
    /// An array of ``int4``.
    @inlinable public static var int4Array: PostgresType { PostgresType(rawValue: 1007) }
    /// An array of ``regproc``.
    @inlinable public static var regprocArray: PostgresType { PostgresType(rawValue: 1008) }
    /// An array of ``text``.
    @inlinable public static var textArray: PostgresType { PostgresType(rawValue: 1009) }
    /// An array of ``oid``.
    @inlinable public static var oidArray: PostgresType { PostgresType(rawValue: 1028) }
    /// An array of ``tid``.
    @inlinable public static var tidArray: PostgresType { PostgresType(rawValue: 1010) }
    /// An array of ``xid``.
    @inlinable public static var xidArray: PostgresType { PostgresType(rawValue: 1011) }
    /// An array of ``cid``.
    @inlinable public static var cidArray: PostgresType { PostgresType(rawValue: 1012) }
    /// An array of ``json``.
    @inlinable public static var jsonArray: PostgresType { PostgresType(rawValue: 199) }
    /// An array of ``xml``.
    @inlinable public static var xmlArray: PostgresType { PostgresType(rawValue: 143) }
    /// An array of ``point``.
    @inlinable public static var pointArray: PostgresType { PostgresType(rawValue: 1017) }
    /// An array of ``lseg``.
    @inlinable public static var lsegArray: PostgresType { PostgresType(rawValue: 1018) }
    /// An array of ``path``.
    @inlinable public static var pathArray: PostgresType { PostgresType(rawValue: 1019) }
    /// An array of ``box``.
    @inlinable public static var boxArray: PostgresType { PostgresType(rawValue: 1020) }
    /// An array of ``polygon``.
    @inlinable public static var polygonArray: PostgresType { PostgresType(rawValue: 1027) }
    /// An array of ``line``.
    @inlinable public static var lineArray: PostgresType { PostgresType(rawValue: 629) }
    /// An array of ``cidr``.
    @inlinable public static var cidrArray: PostgresType { PostgresType(rawValue: 651) }
    /// An array of ``float4``.
    @inlinable public static var float4Array: PostgresType { PostgresType(rawValue: 1021) }
    /// An array of ``float8``.
    @inlinable public static var float8Array: PostgresType { PostgresType(rawValue: 1022) }
    /// An array of ``circle``.
    @inlinable public static var circleArray: PostgresType { PostgresType(rawValue: 719) }
    /// An array of ``macaddr8``.
    @inlinable public static var macaddr8Array: PostgresType { PostgresType(rawValue: 775) }
    /// An array of ``money``.
    @inlinable public static var moneyArray: PostgresType { PostgresType(rawValue: 791) }
    /// An array of ``macaddr``.
    @inlinable public static var macaddrArray: PostgresType { PostgresType(rawValue: 1040) }
    /// An array of ``inet``.
    @inlinable public static var inetArray: PostgresType { PostgresType(rawValue: 1041) }
    /// An array of ``aclitem``.
    @inlinable public static var aclitemArray: PostgresType { PostgresType(rawValue: 1034) }
    /// An array of ``bpchar``.
    @inlinable public static var bpcharArray: PostgresType { PostgresType(rawValue: 1014) }
    /// An array of ``varchar``.
    @inlinable public static var varcharArray: PostgresType { PostgresType(rawValue: 1015) }
    /// An array of ``date``.
    @inlinable public static var dateArray: PostgresType { PostgresType(rawValue: 1182) }
    /// An array of ``time``.
    @inlinable public static var timeArray: PostgresType { PostgresType(rawValue: 1183) }
    /// An array of ``timestamp``.
    @inlinable public static var timestampArray: PostgresType { PostgresType(rawValue: 1115) }
    /// An array of ``timestamptz``.
    @inlinable public static var timestamptzArray: PostgresType { PostgresType(rawValue: 1185) }
    /// An array of ``interval``.
    @inlinable public static var intervalArray: PostgresType { PostgresType(rawValue: 1187) }
    /// An array of ``timetz``.
    @inlinable public static var timetzArray: PostgresType { PostgresType(rawValue: 1270) }
    /// An array of ``bit``.
    @inlinable public static var bitArray: PostgresType { PostgresType(rawValue: 1561) }
    /// An array of ``varbit``.
    @inlinable public static var varbitArray: PostgresType { PostgresType(rawValue: 1563) }
    /// An array of ``numeric``.
    @inlinable public static var numericArray: PostgresType { PostgresType(rawValue: 1231) }
    /// An array of ``refcursor``.
    @inlinable public static var refcursorArray: PostgresType { PostgresType(rawValue: 2201) }
    /// An array of ``regprocedure``.
    @inlinable public static var regprocedureArray: PostgresType { PostgresType(rawValue: 2207) }
    /// An array of ``regoper``.
    @inlinable public static var regoperArray: PostgresType { PostgresType(rawValue: 2208) }
    /// An array of ``regoperator``.
    @inlinable public static var regoperatorArray: PostgresType { PostgresType(rawValue: 2209) }
    /// An array of ``regclass``.
    @inlinable public static var regclassArray: PostgresType { PostgresType(rawValue: 2210) }
    /// An array of ``regtype``.
    @inlinable public static var regtypeArray: PostgresType { PostgresType(rawValue: 2211) }
    /// An array of ``record``.
    @inlinable public static var recordArray: PostgresType { PostgresType(rawValue: 2287) }
    /// An array of ``cstring``.
    @inlinable public static var cstringArray: PostgresType { PostgresType(rawValue: 1263) }
    /// An array of ``uuid``.
    @inlinable public static var uuidArray: PostgresType { PostgresType(rawValue: 2951) }
    /// An array of ``txidSnapshot``.
    @inlinable public static var txidSnapshotArray: PostgresType { PostgresType(rawValue: 2949) }
    /// An array of ``pgLSN``.
    @inlinable public static var pgLSNArray: PostgresType { PostgresType(rawValue: 3221) }
    /// An array of ``tsvector``.
    @inlinable public static var tsvectorArray: PostgresType { PostgresType(rawValue: 3643) }
    /// An array of ``tsquery``.
    @inlinable public static var tsqueryArray: PostgresType { PostgresType(rawValue: 3645) }
    /// An array of ``regconfig``.
    @inlinable public static var regconfigArray: PostgresType { PostgresType(rawValue: 3735) }
    /// An array of ``regdictionary``.
    @inlinable public static var regdictionaryArray: PostgresType { PostgresType(rawValue: 3770) }
    /// An array of ``jsonb``.
    @inlinable public static var jsonbArray: PostgresType { PostgresType(rawValue: 3807) }
    /// An array of ``int4range``.
    @inlinable public static var int4rangeArray: PostgresType { PostgresType(rawValue: 3905) }
    /// An array of ``numrange``.
    @inlinable public static var numrangeArray: PostgresType { PostgresType(rawValue: 3907) }
    /// An array of ``tsrange``.
    @inlinable public static var tsrangeArray: PostgresType { PostgresType(rawValue: 3909) }
    /// An array of ``tstzrange``.
    @inlinable public static var tstzrangeArray: PostgresType { PostgresType(rawValue: 3911) }
    /// An array of ``daterange``.
    @inlinable public static var daterangeArray: PostgresType { PostgresType(rawValue: 3913) }
    /// An array of ``int8range``.
    @inlinable public static var int8rangeArray: PostgresType { PostgresType(rawValue: 3927) }
    /// An array of ``jsonpath``.
    @inlinable public static var jsonpathArray: PostgresType { PostgresType(rawValue: 4073) }
    /// An array of ``regnamespace``.
    @inlinable public static var regnamespaceArray: PostgresType { PostgresType(rawValue: 4090) }
    /// An array of ``regrole``.
    @inlinable public static var regroleArray: PostgresType { PostgresType(rawValue: 4097) }
    /// An array of ``regcollation``.
    @inlinable public static var regcollationArray: PostgresType { PostgresType(rawValue: 4192) }
    /// An array of ``int4multirange``.
    @inlinable public static var int4multirangeArray: PostgresType { PostgresType(rawValue: 6150) }
    /// An array of ``nummultirange``.
    @inlinable public static var nummultirangeArray: PostgresType { PostgresType(rawValue: 6151) }
    /// An array of ``tsmultirange``.
    @inlinable public static var tsmultirangeArray: PostgresType { PostgresType(rawValue: 6152) }
    /// An array of ``tstzmultirange``.
    @inlinable public static var tstzmultirangeArray: PostgresType { PostgresType(rawValue: 6153) }
    /// An array of ``datemultirange``.
    @inlinable public static var datemultirangeArray: PostgresType { PostgresType(rawValue: 6155) }
    /// An array of ``int8multirange``.
    @inlinable public static var int8multirangeArray: PostgresType { PostgresType(rawValue: 6157) }
    /// An array of ``pgSnapshot``.
    @inlinable public static var pgSnapshotArray: PostgresType { PostgresType(rawValue: 5039) }
    /// An array of ``xid8``.
    @inlinable public static var xid8Array: PostgresType { PostgresType(rawValue: 271) }
}

extension PostgresType {
    /// Compared by number: written out so that decoders in other modules inline it.
    @inlinable
    public static func == (left: PostgresType, right: PostgresType) -> Bool { left.rawValue == right.rawValue }
}
