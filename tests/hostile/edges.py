# SPDX-License-Identifier: BSD-3-Clause
"""Numbers at the edge of what a type holds: each row's commands answer as redis-server's do.

A row is a list of commands; every reply must be the oracle's, errors word for word, and both must
end with the same data. Scores are compared as numbers where Redis 7.2 writes fewer digits.
"""

import math

from harness import ORACLE, Client, ServerError, equal

MAX, MIN = 2**63 - 1, -2**63
ID_MAX = f"{2**64 - 1}-{2**64 - 1}"
BIG = "1" + "0" * 308

EDGES = {
    "ZaddNan": ["ZADD z nan a", "ZADD z NaN a", "ZADD z -nan a", "EXISTS z"],
    "ZaddInfinities": ["ZADD z inf a -inf b +inf c Infinity d", "ZRANGE z 0 -1 WITHSCORES",
                       "ZINCRBY z -inf a", "ZINCRBY z inf b", "ZADD z INCR -inf c", "ZSCORE z a",
                       "ZRANGEBYSCORE z (-inf (inf", "ZCOUNT z -inf +inf", "ZCOUNT z nan 1"],
    "ZaddMinusZero": ["ZADD z -0 a 0 b", "ZSCORE z a", "ZRANGE z 0 -1 WITHSCORES", "ZADD z CH 0 a",
                      "ZRANGEBYSCORE z 0 0", "ZRANGEBYSCORE z -0 -0", "ZINCRBY z -0 a",
                      "ZADD n -0.0 x", "ZSCORE n x", "ZRANGEBYSCORE z (0 (0"],
    "ZaddTexts": ["ZADD z 0x10 a", "ZSCORE z a", "ZADD z 1e400 b", "ZADD z 1e-400 c",
                  "ZADD z 1e c", "ZADD z ' 1' d", "ZADD z '1 ' d", "ZADD z '' d", "ZADD z 1_0 d",
                  "ZADD z 1.7976931348623157e308 m", "ZINCRBY z 1.7976931348623157e308 m",
                  "ZSCORE z m", "ZADD z 4.9e-324 t", "ZCARD z"],
    "ZunionInfinities": ["ZADD p inf a", "ZADD q -inf a", "ZUNIONSTORE d 2 p q", "ZSCORE d a",
                         "ZUNIONSTORE d 1 p WEIGHTS 0", "ZSCORE d a", "ZINTER 2 p q WITHSCORES",
                         "ZUNIONSTORE d 1 p WEIGHTS nan", "ZUNION 2 p q AGGREGATE MIN WITHSCORES"],
    "ZrangeEdges": ["ZADD z 1 a 2 b 3 c", f"ZRANGE z {MIN} {MAX}", f"ZRANGE z {MAX} {MIN}",
                    f"ZRANGE z {2**63} 1", "ZRANGEBYSCORE z 1 3 LIMIT 0 -1",
                    f"ZRANGEBYSCORE z 1 3 LIMIT {MAX} {MAX}", "ZRANGEBYSCORE z 1 3 LIMIT -1 2",
                    f"ZREMRANGEBYRANK z {MIN} {MIN}", f"ZPOPMIN z {2**63}", "ZPOPMIN z -1",
                    f"ZPOPMAX z {MAX}", "EXISTS z"],
    "ZrandmemberEdges": ["ZADD z 1 a", f"ZRANDMEMBER z {MIN}", f"ZRANDMEMBER z {MIN} WITHSCORES",
                         f"ZRANDMEMBER z {MAX}", f"ZRANDMEMBER z {MAX} WITHSCORES",
                         "ZRANDMEMBER z 0", f"ZRANDMEMBER z {2**63}"],
    "HrandfieldEdges": ["HSET h f v", f"HRANDFIELD h {MIN}", f"HRANDFIELD h {MIN} WITHVALUES",
                        f"HRANDFIELD h {MAX} WITHVALUES", f"HRANDFIELD h {MAX}"],
    "SrandmemberEdges": ["SADD s a", f"SRANDMEMBER s {MIN}", f"SRANDMEMBER s {MAX}",
                         "SRANDMEMBER s -0", "SPOP s -1", f"SPOP s {MAX}", "EXISTS s"],
    "HincrbyEdges": [f"HSET h n {MAX}", "HINCRBY h n 1", "HINCRBY h n -1", f"HINCRBY h n {MIN}",
                     f"HINCRBY h n {MIN}", "HINCRBY h n 0", "HSET h n ' 1'", "HINCRBY h n 1",
                     "HSET h n 01", "HINCRBY h n 1", "HSET h n 1.0", "HINCRBY h n 1",
                     "HSET h n ''", "HINCRBY h n 1"],
    "HincrbyfloatEdges": ["HINCRBYFLOAT h n inf", "HINCRBYFLOAT h n nan", "HINCRBYFLOAT h n -inf",
                          f"HINCRBYFLOAT h n {BIG}", f"HINCRBYFLOAT h n {BIG}",
                          f"HINCRBYFLOAT h n -{BIG}", "HINCRBYFLOAT h m 1e-17",
                          "HINCRBYFLOAT h k 1e-18", "HINCRBYFLOAT h k -0", "HGET h k",
                          "HINCRBYFLOAT h x 3.0e3", "HINCRBYFLOAT h x 0.1", "HINCRBYFLOAT h x 0.2",
                          "HSET h t inf", "HINCRBYFLOAT h t 1", "HSET h t abc",
                          "HINCRBYFLOAT h t 1", "HINCRBYFLOAT h x 1e4932"],
    "IncrbyfloatEdges": ["INCRBYFLOAT a inf", "SET a inf", "INCRBYFLOAT a 1", "SET a 1e4000",
                         "INCRBYFLOAT a 1e4932", "SET b 3.0", "INCRBYFLOAT b 1.1e1",
                         "INCRBYFLOAT b -0.000000000000000001", "SET c -0", "INCRBYFLOAT c 0",
                         "SET d ' 1'", "INCRBYFLOAT d 1", "SET e 0x1p3", "INCRBYFLOAT e 1"],
    "ListEdges": ["RPUSH l a b c", f"LSET l {MAX} x", f"LSET l {MIN} x", "LSET l 3 x",
                  "LSET l -4 x", "LSET l -3 first", "LSET l 2 last", "LSET none 0 x",
                  f"LSET l {2**63} x", "LINSERT l BEFORE first z", "LINSERT l AFTER last y",
                  "LINSERT l BEFORE none x", "LINSERT none BEFORE a b", "LINSERT l MIDDLE a b",
                  f"LRANGE l {MIN} {MAX}", f"LRANGE l {MAX} {MIN}", f"LTRIM l {MIN} {MAX}",
                  f"LINDEX l {MIN}", f"LINDEX l {MAX}", f"LREM l {MAX} a", f"LPOP l {MAX}",
                  "LPOP l 0", "LPOP none 0", "RPUSH l a", "LPOP l -1", f"LPOP l {2**63}",
                  f"LMPOP 1 l LEFT COUNT {MAX}", "LMPOP 0 l LEFT", f"LMPOP {MAX} l LEFT",
                  f"LMPOP {MIN} l LEFT", "LMPOP 1 l LEFT COUNT 0", "RPUSH l a",
                  f"LTRIM l {MAX} {MIN}", "EXISTS l"],
    "LposEdges": ["RPUSH l a b a", "LPOS l a RANK 0", f"LPOS l a RANK {MAX}",
                  f"LPOS l a COUNT {MAX}", f"LPOS l a MAXLEN {MAX} COUNT 0", "LPOS l a COUNT -1",
                  "LPOS l a MAXLEN -1", f"LPOS l a RANK {MIN + 1}"],
    "XaddEdges": [f"XADD x {ID_MAX} f v", "XADD x * f v", f"XADD x {2**64 - 1}-* f v",
                  f"XADD x {ID_MAX} f v", "XADD y 0-0 f v", "XADD y 0 f v", "XADD y 0-* f v",
                  f"XADD y {2**64 - 2}-{2**64 - 1} f v",
                  f"XADD y {2**64 - 1}-* f v", f"XADD y {2**64} f v", f"XADD y {2**64}-1 f v",
                  f"XADD y 1-{2**64} f v", "XADD y -1 f v", "XADD y 1-1-1 f v", "XADD y - f v",
                  "XADD y + f v", "XADD y $ f v", "XADD y 1-1 f", "XADD y '' f v", "XADD y *-1 f v",
                  f"XRANGE x {ID_MAX} +", f"XRANGE x ({ID_MAX} +", "XRANGE x - (0-0",
                  f"XREVRANGE x + ({ID_MAX}", f"XREAD STREAMS x {ID_MAX}", "XLEN x",
                  f"XRANGE x - + COUNT {MAX}", "XRANGE x - + COUNT 0", "XRANGE x - + COUNT -5"],
    "XtrimEdges": ["XADD x 1-1 f v", "XADD x 2-1 f v", "XTRIM x MAXLEN -1", f"XTRIM x MAXLEN {MAX}",
                   f"XTRIM x MAXLEN {2**63}", "XTRIM x MAXLEN ~ 0 LIMIT 0", "XTRIM x MAXLEN = 1 "
                   "LIMIT 5", "XTRIM x MAXLEN ~ 1 LIMIT -1", f"XTRIM x MINID {ID_MAX}",
                   "XTRIM x MINID - ", "XTRIM x MINID 1-1-1", "XLEN x",
                   f"XADD x MAXLEN ~ {MAX} LIMIT {MAX} 3-1 f v",
                   "XADD x NOMKSTREAM MAXLEN 0 4-1 f v",
                   "XLEN x", "EXISTS x"],
    "XsetidEdges": ["XADD x 5-1 f v", "XSETID x 4-1", f"XSETID x {ID_MAX}", "XADD x * f v",
                    "XSETID x 6-1 ENTRIESADDED -1 MAXDELETEDID 0-0", "XSETID x 6-1 ENTRIESADDED 0 "
                    "MAXDELETEDID 0-0", f"XSETID x 6-1 ENTRIESADDED {MAX} MAXDELETEDID 0-0",
                    "XSETID x 6-1 ENTRIESADDED 9 MAXDELETEDID 7-0", "XSETID none 1-1",
                    "XGROUP CREATE x g 0 ENTRIESREAD -2", f"XGROUP CREATE x g {ID_MAX} ENTRIESREAD "
                    f"{MAX}", "XINFO GROUPS x", "XGROUP CREATE x $ $", "XGROUP CREATE x h *"],
    "XclaimEdges": ["XADD x 1-1 f v", "XGROUP CREATE x g 0", "XREADGROUP GROUP g c STREAMS x >",
                    f"XCLAIM x g d {MAX} 1-1", "XCLAIM x g d -1 1-1 JUSTID",
                    f"XCLAIM x g d 0 1-1 IDLE {MAX} JUSTID", f"XCLAIM x g d 0 1-1 RETRYCOUNT {MAX}",
                    "XCLAIM x g d 0 1-1 RETRYCOUNT -1", f"XCLAIM x g d {2**63} 1-1",
                    f"XCLAIM x g d 0 {ID_MAX}", f"XCLAIM x g d 0 1-1 LASTID {ID_MAX} JUSTID",
                    "XADD x 2-1 f v", "XREADGROUP GROUP g c STREAMS x >",
                    f"XAUTOCLAIM x g d 0 {ID_MAX}", f"XAUTOCLAIM x g d 0 ({ID_MAX}",
                    f"XAUTOCLAIM x g d 0 0 COUNT {MAX}", "XAUTOCLAIM x g d 0 0 COUNT 0",
                    "XAUTOCLAIM x g d 0 0 COUNT 1000000000", "XPENDING x g",
                    "XPENDING x g IDLE 0 - + 0",
                    "XPENDING x g - + -1"],
    "GeoEdges": ["GEOADD g 180 85.05112878 a -180 -85.05112878 b", "GEOADD g 180.1 0 c",
                 "GEOADD g 0 85.05112879 c", "GEOADD g -180.000001 0 c", "GEOADD g nan 0 c",
                 "GEOADD g inf 0 c", "GEOADD g 0 -inf c", "GEOADD g -0 -0 zero",
                 "GEOPOS g zero a b",
                 "GEOHASH g a b zero none", "GEODIST g a b", "GEODIST g a a",
                 "GEODIST g a b furlong",
                 "GEOSEARCH g FROMMEMBER zero BYRADIUS 0 m", "GEOSEARCH g FROMMEMBER zero BYRADIUS "
                 "-1 m", "GEOSEARCH g FROMMEMBER zero BYRADIUS 1e9 km ASC",
                 "GEOSEARCH g FROMMEMBER "
                 "zero BYRADIUS inf m", "GEOSEARCH g FROMMEMBER zero BYRADIUS nan m",
                 "GEOSEARCH g FROMLONLAT 180 85.05 BYBOX 1 1 km", "GEOSEARCH g FROMLONLAT 179.9 0 "
                 "BYBOX 50000 1 km ASC", "GEOSEARCH g FROMLONLAT 0 0 BYBOX -1 1 km",
                 "GEOSEARCH g FROMLONLAT 0 90 BYRADIUS 1 km",
                 "GEOSEARCH g FROMMEMBER zero BYRADIUS "
                 f"1 m COUNT {MAX}", "GEOSEARCH g FROMMEMBER zero BYRADIUS 1 m COUNT 0",
                 "GEORADIUS g 0 0 1e300 km", "GEORADIUS g 0 0 1 m STORE d STOREDIST e",
                 "GEORADIUSBYMEMBER g none 1 m", "ZADD g inf far", "GEOPOS g far",
                 "ZADD g -1 minus 1e300 huge 0.5 half", "GEOHASH g minus huge half",
                 "GEODIST g minus huge", "GEOSEARCH g FROMMEMBER far BYRADIUS 1 km"],
    "StringEdges": ["SETRANGE s 0 ''", "EXISTS s", "SETRANGE s 536870911 x", "STRLEN s",
                    "GETRANGE s -3 -1", "SETRANGE s 536870912 x", "APPEND s y", "DEL s",
                    "SETBIT b 4294967295 1", "STRLEN b", "BITPOS b 1", "BITCOUNT b",
                    "BITCOUNT b -1 -1", "GETBIT b 4294967296", "SETBIT b 4294967296 1",
                    "BITFIELD b SET u8 4294967295 1", "BITFIELD b GET i64 4294967232",
                    "BITFIELD b INCRBY u63 4294967232 1 OVERFLOW FAIL INCRBY u2 0 5",
                    f"BITPOS b 0 {MIN} {MAX}", f"BITPOS b 1 {MAX} {MIN}",
                    f"BITCOUNT b {MIN} {MAX} BIT", "BITOP NOT n b", "STRLEN n", "DEL b n"],
    "ExpiryEdges": ["SET a 1", f"PEXPIREAT a {MAX}", "PEXPIRETIME a", f"PEXPIRE a {MAX}",
                    f"EXPIREAT a {MAX // 1000}", "EXPIRETIME a", f"EXPIREAT a {MAX // 1000 + 1}",
                    f"EXPIRE a {MIN}", f"PEXPIRE a {MIN}", "EXISTS a", "SET a 1 PX 0",
                    "SET a 1 EX -1", f"SET a 1 PXAT {MAX}", f"SET a 1 EXAT {MAX // 1000}",
                    f"SET a 1 EXAT {MAX}", f"GETEX a EXAT {MAX}", f"PSETEX a {MAX} 1",
                    f"SETEX a {MIN} 1", "PEXPIREAT a -1", "EXISTS a"],
    "NumkeysEdges": [f"{c} {n} a b" for n in (0, -1, 3, MAX, MIN, 2**63, "x")
                     for c in ("SINTERCARD", "ZINTER", "ZUNION", "ZDIFF", "ZINTERCARD")] +
                    [f"{c} {n} a MIN" for n in (0, -1, 2, MAX) for c in ("ZMPOP", "BZMPOP 0.01")] +
                    [f"BLMPOP 0.01 {n} a LEFT" for n in (0, -1, 2, MAX)],
    # Infinite ones and those beyond the clock are "negative" to 7.0, "out of range" since.
    "TimeoutEdges": [f"{c} {t}" for t in ("-1", "-1e300", "nan", "abc", "''", "1_0")
                     for c in ("BLPOP a", "BZPOPMIN a", "BRPOPLPUSH a b", "BLMOVE a b LEFT LEFT")] +
                    [f"XREAD BLOCK {t} STREAMS x $" for t in ("-1", "abc", 2**63, "1.5")],
    "SelfInMulti": ["MULTI", "CLIENT KILL ID 1 SKIPME no", "SET a 1", "DISCARD", "MULTI",
                    "CLIENT KILL ADDR 1.2.3.4:5", "EXEC"],
    "BlockInMulti": ["MULTI", "BLPOP a 0", "BZPOPMIN z 0", "XREAD BLOCK 0 STREAMS x $",
                     "BLMOVE a b LEFT LEFT 0", "BRPOPLPUSH a b 0", "BLMPOP 0 1 a LEFT",
                     "BZMPOP 0 1 a MIN", "WAIT 1 0", "EXEC"],
    "MultiNested": ["MULTI", "MULTI", "WATCH a", "NOPE", "GET", "SET a", "EXEC", "EXEC", "DISCARD",
                    "MULTI", "SUBSCRIBE", "EXEC"],
    "SortEdges": ["RPUSH l 3 1 2", f"SORT l LIMIT {MIN} {MAX}", f"SORT l LIMIT {MAX} {MAX}",
                  "SORT l LIMIT 0 -1", "SORT l LIMIT -1 1", "SORT l LIMIT 1 0", "RPUSH l nan",
                  "SORT l", "SORT l ALPHA", "RPUSH m inf -inf 1e309 0x10", "SORT m",
                  "SORT l GET '' "
                  "ALPHA", "SORT l BY '' ALPHA LIMIT 0 1", "SORT l BY * ALPHA GET # GET *"],
    "ScanEdges": [f"SCAN 0 COUNT {MAX}", f"SCAN 0 COUNT {MIN}", "SCAN -1", f"SCAN {2**64}",
                  "SCAN 0 COUNT 0", "SCAN 0 TYPE", "SSCAN none abc", f"HSCAN none 0 COUNT {2**63}",
                  "ZSCAN none 0 COUNT -1"],
    "SwapAndMove": ["SET a 1", "SWAPDB 0 16", "SWAPDB -1 0", f"SWAPDB 0 {MAX}", "SWAPDB a 0",
                    "MOVE a 16", "MOVE a 0", f"MOVE a {MAX}", "COPY a b DB 16", "COPY a a",
                    "COPY a b DB -1", f"SELECT {MIN}"],
    "LcsEdges": ["SET a abc", "SET b abd", "LCS a b MINMATCHLEN -1 IDX",
                 f"LCS a b MINMATCHLEN {MAX} "
                 "IDX", f"LCS a b MINMATCHLEN {MIN} IDX", "LCS a b IDX LEN", "LCS none none IDX"],
    "ObjectAndDebug": ["OBJECT FREQ none", "OBJECT HELP x", "DEBUG", "DEBUG OBJECT none",
                       "MEMORY USAGE none SAMPLES -1", "SET a 1", "MEMORY USAGE a SAMPLES -1",
                       f"MEMORY USAGE none SAMPLES {MAX}"],
}


def words_of(line):
    """Split at spaces; '' and ' x' in single quotes are words."""
    words, quoted = [], False
    for part in line.split("'"):
        words += [part] if quoted else part.split()
        quoted = not quoted
    return words


def same(ours, theirs):
    """As numbers where both are: 7.2 writes a score with fewer digits than 7.0."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if ours == theirs:
        return True
    if isinstance(ours, ServerError) or isinstance(theirs, ServerError):
        return False
    try:
        return math.isclose(float(ours), float(theirs), rel_tol=1e-15)
    except (TypeError, ValueError):
        return False


def answers(server, lines):
    """The replies, each alone."""
    with Client(server.port) as client:
        client.call("FLUSHALL")
        return [client.call(*words_of(line)) for line in lines]


def add(suite, server_of):
    """One case a row. Without the oracle each row still has to be survived."""
    @suite.table("Edge", {name: (lines,) for name, lines in EDGES.items()})
    def edges(lines):
        ours = answers(server_of("ours "), lines)
        if not ORACLE:
            return
        theirs = answers(server_of("oracle "), lines)
        for line, got, wanted in zip(lines, ours, theirs):
            if not same(got, wanted):
                equal(got, wanted, line)
