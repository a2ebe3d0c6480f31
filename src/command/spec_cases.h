// SPDX-License-Identifier: BSD-3-Clause
// Real command lines and what Redis 7.0.15's COMMAND INFO says of them: arity, first, last, step,
// movablekeys and key specifications. For the tests of command/.
//
// The lines are the documentation's, except where it is not exact about the number of words
// (PFMERGE, GEOPOS take none) or where our notation is shorter ("[...]" in BITFIELD).
#ifndef CAIRN_COMMAND_SPEC_CASES_H_
#define CAIRN_COMMAND_SPEC_CASES_H_

#include <string_view>

#include "command/spec.h"

namespace cairn::command {

inline void RunNothing(Call&) {}

#define ROW(line, key_access)     \
  Spec({.syntax = (line),         \
        .access = (key_access),   \
        .since = "1.0.0",         \
        .group = Group::kGeneric, \
        .complexity = "O(1)",     \
        .summary = "A case.",     \
        .run = &RunNothing})

struct SpecCase {
  Spec spec;
  // "arity (first last step) [movable] {; key specification}", the latter as "index 1 range last
  // step limit", "index 1 keynum count first step", "keyword WORD from ..." or "unknown".
  std::string_view expected;
};

inline constexpr SpecCase kSpecCasesAToM[] = {
    {ROW("ACL DRYRUN username command [arg [arg ...]]", ""), "-4 (0 0 0)"},
    {ROW("APPEND key value", "RW INSERT"), "3 (1 1 1); index 1 range 0 1 0"},
    {ROW("BITCOUNT key [start end [BYTE | BIT]]", "RO ACCESS"), "-2 (1 1 1); index 1 range 0 1 0"},
    {ROW("BITFIELD key [<GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset "
         "value | INCRBY encoding offset increment>> [...]]",
         "RW ACCESS UPDATE VARIABLE_FLAGS"),
     "-2 (1 1 1); index 1 range 0 1 0"},
    {ROW("BITFIELD_RO key [GET encoding offset [GET encoding offset ...]]", "RO ACCESS"),
     "-2 (1 1 1); index 1 range 0 1 0"},
    {ROW("BITOP <AND | OR | XOR | NOT> destkey key [key ...]", "OW UPDATE; RO ACCESS"),
     "-4 (2 -1 1); index 2 range 0 1 0; index 3 range -1 1 0"},
    {ROW("BITPOS key bit [start [end [BYTE | BIT]]]", "RO ACCESS"),
     "-3 (1 1 1); index 1 range 0 1 0"},
    {ROW("BLMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
         "RW ACCESS DELETE; RW INSERT"),
     "6 (1 2 1); index 1 range 0 1 0; index 2 range 0 1 0"},
    {ROW("BLMPOP timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", "RW ACCESS DELETE"),
     "-5 (0 0 0) movable; index 2 keynum 0 1 1"},
    {ROW("BLPOP key [key ...] timeout", "RW ACCESS DELETE"), "-3 (1 -2 1); index 1 range -2 1 0"},
    {ROW("BRPOP key [key ...] timeout", "RW ACCESS DELETE"), "-3 (1 -2 1); index 1 range -2 1 0"},
    {ROW("BRPOPLPUSH source destination timeout", "RW ACCESS DELETE; RW INSERT"),
     "4 (1 2 1); index 1 range 0 1 0; index 2 range 0 1 0"},
    {ROW("BZMPOP timeout numkeys key [key ...] <MIN | MAX> [COUNT count]", "RW ACCESS DELETE"),
     "-5 (0 0 0) movable; index 2 keynum 0 1 1"},
    {ROW("BZPOPMAX key [key ...] timeout", "RW ACCESS DELETE"),
     "-3 (1 -2 1); index 1 range -2 1 0"},
    {ROW("BZPOPMIN key [key ...] timeout", "RW ACCESS DELETE"),
     "-3 (1 -2 1); index 1 range -2 1 0"},
    {ROW("CLIENT KILL <ip:port | <ID client-id | TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB> "
         "| USER username | ADDR ip:port | LADDR ip:port | SKIPME yes/no> [...]>",
         ""),
     "-3 (0 0 0)"},
    {ROW("CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
         ""),
     "-2 (0 0 0)"},
    {ROW("CLIENT REPLY <ON | OFF | SKIP>", ""), "3 (0 0 0)"},
    {ROW("CLIENT TRACKING <ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] "
         "[BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
         ""),
     "-3 (0 0 0)"},
    {ROW("CLUSTER ADDSLOTSRANGE start-slot end-slot [start-slot end-slot ...]", ""), "-4 (0 0 0)"},
    {ROW("CLUSTER DELSLOTSRANGE start-slot end-slot [start-slot end-slot ...]", ""), "-4 (0 0 0)"},
    {ROW("CLUSTER SETSLOT slot <IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>",
         ""),
     "-4 (0 0 0)"},
    {ROW("COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]", ""),
     "-2 (0 0 0)"},
    {ROW("CONFIG SET parameter value [parameter value ...]", ""), "-4 (0 0 0)"},
    {ROW("COPY source destination [DB destination-db] [REPLACE]", "RO ACCESS; OW UPDATE"),
     "-3 (1 2 1); index 1 range 0 1 0; index 2 range 0 1 0"},
    {ROW("DECR key", "RW ACCESS UPDATE"), "2 (1 1 1); index 1 range 0 1 0"},
    {ROW("DECRBY key decrement", "RW ACCESS UPDATE"), "3 (1 1 1); index 1 range 0 1 0"},
    {ROW("DEL key [key ...]", "RM DELETE"), "-2 (1 -1 1); index 1 range -1 1 0"},
    {ROW("DUMP key", "RO ACCESS"), "2 (1 1 1); index 1 range 0 1 0"},
    {ROW("EVAL script numkeys [key [key ...]] [arg [arg ...]]", "RW ACCESS UPDATE"),
     "-3 (0 0 0) movable; index 2 keynum 0 1 1"},
    {ROW("EVALSHA sha1 numkeys [key [key ...]] [arg [arg ...]]", "RW ACCESS UPDATE"),
     "-3 (0 0 0) movable; index 2 keynum 0 1 1"},
    {ROW("EXISTS key [key ...]", "RO"), "-2 (1 -1 1); index 1 range -1 1 0"},
    {ROW("EXPIRE key seconds [NX | XX | GT | LT]", "RW UPDATE"), "-3 (1 1 1); index 1 range 0 1 0"},
    {ROW("EXPIREAT key unix-time-seconds [NX | XX | GT | LT]", "RW UPDATE"),
     "-3 (1 1 1); index 1 range 0 1 0"},
    {ROW("EXPIRETIME key", "RO ACCESS"), "2 (1 1 1); index 1 range 0 1 0"},
    {ROW("FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]", ""), "-1 (0 0 0)"},
    {ROW("FCALL function numkeys [key [key ...]] [arg [arg ...]]", "RW ACCESS UPDATE"),
     "-3 (0 0 0) movable; index 2 keynum 0 1 1"},
    {ROW("FUNCTION RESTORE serialized-value [FLUSH | APPEND | REPLACE]", ""), "-3 (0 0 0)"},
    {ROW("GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
         "RW UPDATE"),
     "-5 (1 1 1); index 1 range 0 1 0"},
    {ROW("GEODIST key member1 member2 [M | KM | FT | MI]", "RO ACCESS"),
     "-4 (1 1 1); index 1 range 0 1 0"},
    {ROW("GEORADIUS key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] "
         "[WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key] [STOREDIST key]",
         "RO ACCESS; OW UPDATE; OW UPDATE"),
     "-6 (1 1 1) movable; index 1 range 0 1 0; keyword STORE 6 range 0 1 0; keyword STOREDIST 6 "
     "range 0 1 0"},
    {ROW("GEORADIUSBYMEMBER key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] "
         "[COUNT count [ANY]] [ASC | DESC] [STORE key] [STOREDIST key]",
         "RO ACCESS; OW UPDATE; OW UPDATE"),
     "-5 (1 1 1) movable; index 1 range 0 1 0; keyword STORE 5 range 0 1 0; keyword STOREDIST 5 "
     "range 0 1 0"},
    {ROW("GEOSEARCH key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | "
         "KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] "
         "[WITHCOORD] [WITHDIST] [WITHHASH]",
         "RO ACCESS"),
     "-7 (1 1 1); index 1 range 0 1 0"},
    {ROW("GEOSEARCHSTORE destination source <FROMMEMBER member | FROMLONLAT longitude latitude> "
         "<BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | "
         "DESC] [COUNT count [ANY]] [STOREDIST]",
         "OW UPDATE; RO ACCESS"),
     "-8 (1 2 1); index 1 range 0 1 0; index 2 range 0 1 0"},
    {ROW("GET key", "RO ACCESS"), "2 (1 1 1); index 1 range 0 1 0"},
    {ROW("GETBIT key offset", "RO ACCESS"), "3 (1 1 1); index 1 range 0 1 0"},
    {ROW("GETDEL key", "RW ACCESS DELETE"), "2 (1 1 1); index 1 range 0 1 0"},
    {ROW("GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT "
         "unix-time-milliseconds | PERSIST]",
         "RW ACCESS UPDATE"),
     "-2 (1 1 1); index 1 range 0 1 0"},
    {ROW("GETRANGE key start end", "RO ACCESS"), "4 (1 1 1); index 1 range 0 1 0"},
    {ROW("GETSET key value", "RW ACCESS UPDATE"), "3 (1 1 1); index 1 range 0 1 0"},
    {ROW("HELLO [protover [AUTH username password] [SETNAME clientname]]", ""), "-1 (0 0 0)"},
    {ROW("HMSET key field value [field value ...]", "RW UPDATE"),
     "-4 (1 1 1); index 1 range 0 1 0"},
    {ROW("HSCAN key cursor [MATCH pattern] [COUNT count]", "RO ACCESS"),
     "-3 (1 1 1); index 1 range 0 1 0"},
    {ROW("HSET key field value [field value ...]", "RW UPDATE"), "-4 (1 1 1); index 1 range 0 1 0"},
    {ROW("INCR key", "RW ACCESS UPDATE"), "2 (1 1 1); index 1 range 0 1 0"},
    {ROW("INCRBY key increment", "RW ACCESS UPDATE"), "3 (1 1 1); index 1 range 0 1 0"},
    {ROW("INCRBYFLOAT key increment", "RW ACCESS UPDATE"), "3 (1 1 1); index 1 range 0 1 0"},
    {ROW("KEYS pattern", ""), "2 (0 0 0)"},
    {ROW("LCS key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]", "RO ACCESS"),
     "-3 (1 2 1); index 1 range 1 1 0"},
    {ROW("LINSERT key <BEFORE | AFTER> pivot element", "RW INSERT"),
     "5 (1 1 1); index 1 range 0 1 0"},
    {ROW("LMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT>", "RW ACCESS DELETE; RW INSERT"),
     "5 (1 2 1); index 1 range 0 1 0; index 2 range 0 1 0"},
    {ROW("LMPOP numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", "RW ACCESS DELETE"),
     "-4 (0 0 0) movable; index 1 keynum 0 1 1"},
    {ROW("LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]", "RO ACCESS"),
     "-3 (1 1 1); index 1 range 0 1 0"},
    {ROW("MEMORY USAGE key [SAMPLES count]", "RO"), "-3 (2 2 1); index 2 range 0 1 0"},
    {ROW("MGET key [key ...]", "RO ACCESS"), "-2 (1 -1 1); index 1 range -1 1 0"},
    {ROW("MODULE LOADEX path [CONFIG name value [CONFIG name value ...]] [ARGS arg [arg ...]]", ""),
     "-3 (0 0 0)"},
    {ROW("MOVE key db", "RW ACCESS UPDATE"), "3 (1 1 1); index 1 range 0 1 0"},
    {ROW("MSET key value [key value ...]", "OW UPDATE"), "-3 (1 -1 2); index 1 range -1 2 0"},
    {ROW("MSETNX key value [key value ...]", "OW INSERT"), "-3 (1 -1 2); index 1 range -1 2 0"},
    {ROW("OBJECT ENCODING key", "RO"), "3 (2 2 1); index 2 range 0 1 0"},
    {ROW("OBJECT FREQ key", "RO"), "3 (2 2 1); index 2 range 0 1 0"},
    {ROW("OBJECT HELP", ""), "2 (0 0 0)"},
    {ROW("OBJECT IDLETIME key", "RO"), "3 (2 2 1); index 2 range 0 1 0"},
    {ROW("OBJECT REFCOUNT key", "RO"), "3 (2 2 1); index 2 range 0 1 0"},
    {ROW("PERSIST key", "RW UPDATE"), "2 (1 1 1); index 1 range 0 1 0"},
    {ROW("PEXPIRE key milliseconds [NX | XX | GT | LT]", "RW UPDATE"),
     "-3 (1 1 1); index 1 range 0 1 0"},
};

inline constexpr SpecCase kSpecCasesMToZ[] = {
    {ROW("PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]", "RW UPDATE"),
     "-3 (1 1 1); index 1 range 0 1 0"},
    {ROW("PEXPIRETIME key", "RO ACCESS"), "2 (1 1 1); index 1 range 0 1 0"},
    {ROW("PFADD key [element [element ...]]", "RW INSERT"), "-2 (1 1 1); index 1 range 0 1 0"},
    {ROW("PFCOUNT key [key ...]", "RW ACCESS"), "-2 (1 -1 1); index 1 range -1 1 0"},
    {ROW("PFDEBUG subcommand key", "RW ACCESS"), "3 (2 2 1); index 2 range 0 1 0"},
    {ROW("PFMERGE destkey [sourcekey [sourcekey ...]]", "RW ACCESS INSERT; RO ACCESS"),
     "-2 (1 -1 1); index 1 range 0 1 0; index 2 range -1 1 0"},
    {ROW("PFSELFTEST", ""), "1 (0 0 0)"},
    {ROW("PSETEX key milliseconds value", "OW UPDATE"), "4 (1 1 1); index 1 range 0 1 0"},
    {ROW("PTTL key", "RO ACCESS"), "2 (1 1 1); index 1 range 0 1 0"},
    {ROW("RANDOMKEY", ""), "1 (0 0 0)"},
    {ROW("RENAME key newkey", "RW ACCESS DELETE; OW UPDATE"),
     "3 (1 2 1); index 1 range 0 1 0; index 2 range 0 1 0"},
    {ROW("RENAMENX key newkey", "RW ACCESS DELETE; OW INSERT"),
     "3 (1 2 1); index 1 range 0 1 0; index 2 range 0 1 0"},
    {ROW("RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
         "OW UPDATE"),
     "-4 (1 1 1); index 1 range 0 1 0"},
    {ROW("RESTORE-ASKING key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ "
         "frequency]",
         "OW UPDATE"),
     "-4 (1 1 1); index 1 range 0 1 0"},
    {ROW("RPOPLPUSH source destination", "RW ACCESS DELETE; RW INSERT"),
     "3 (1 2 1); index 1 range 0 1 0; index 2 range 0 1 0"},
    {ROW("SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]", ""), "-2 (0 0 0)"},
    {ROW("SCRIPT DEBUG <YES | SYNC | NO>", ""), "3 (0 0 0)"},
    {ROW("SDIFF key [key ...]", "RO ACCESS"), "-2 (1 -1 1); index 1 range -1 1 0"},
    {ROW("SDIFFSTORE destination key [key ...]", "OW UPDATE; RO ACCESS"),
     "-3 (1 -1 1); index 1 range 0 1 0; index 2 range -1 1 0"},
    {ROW("SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
         "PXAT unix-time-milliseconds | KEEPTTL]",
         "RW ACCESS UPDATE VARIABLE_FLAGS"),
     "-3 (1 1 1); index 1 range 0 1 0"},
    {ROW("SETBIT key offset value", "RW ACCESS UPDATE"), "4 (1 1 1); index 1 range 0 1 0"},
    {ROW("SETEX key seconds value", "OW UPDATE"), "4 (1 1 1); index 1 range 0 1 0"},
    {ROW("SETNX key value", "OW INSERT"), "3 (1 1 1); index 1 range 0 1 0"},
    {ROW("SETRANGE key offset value", "RW UPDATE"), "4 (1 1 1); index 1 range 0 1 0"},
    {ROW("SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]", ""), "-1 (0 0 0)"},
    {ROW("SINTER key [key ...]", "RO ACCESS"), "-2 (1 -1 1); index 1 range -1 1 0"},
    {ROW("SINTERCARD numkeys key [key ...] [LIMIT limit]", "RO ACCESS"),
     "-3 (0 0 0) movable; index 1 keynum 0 1 1"},
    {ROW("SINTERSTORE destination key [key ...]", "RW UPDATE; RO ACCESS"),
     "-3 (1 -1 1); index 1 range 0 1 0; index 2 range -1 1 0"},
    {ROW("SMOVE source destination member", "RW ACCESS DELETE; RW INSERT"),
     "4 (1 2 1); index 1 range 0 1 0; index 2 range 0 1 0"},
    {ROW("SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] "
         "[ALPHA] [STORE destination]",
         "RO ACCESS; RO ACCESS UNKNOWN; OW UPDATE CONCEALED"),
     "-2 (1 1 1) movable; index 1 range 0 1 0; unknown; unknown"},
    {ROW("SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | "
         "DESC] [ALPHA]",
         "RO ACCESS; RO ACCESS UNKNOWN"),
     "-2 (1 1 1) movable; index 1 range 0 1 0; unknown"},
    {ROW("SSCAN key cursor [MATCH pattern] [COUNT count]", "RO ACCESS"),
     "-3 (1 1 1); index 1 range 0 1 0"},
    {ROW("SSUBSCRIBE shardchannel [shardchannel ...]", "NOT_KEY"),
     "-2 (1 -1 1); index 1 range -1 1 0"},
    {ROW("STRLEN key", "RO"), "2 (1 1 1); index 1 range 0 1 0"},
    {ROW("SUBSTR key start end", "RO ACCESS"), "4 (1 1 1); index 1 range 0 1 0"},
    {ROW("SUNION key [key ...]", "RO ACCESS"), "-2 (1 -1 1); index 1 range -1 1 0"},
    {ROW("SUNIONSTORE destination key [key ...]", "OW UPDATE; RO ACCESS"),
     "-3 (1 -1 1); index 1 range 0 1 0; index 2 range -1 1 0"},
    {ROW("SUNSUBSCRIBE [shardchannel [shardchannel ...]]", "NOT_KEY"),
     "-1 (1 -1 1); index 1 range -1 1 0"},
    {ROW("TOUCH key [key ...]", "RO"), "-2 (1 -1 1); index 1 range -1 1 0"},
    {ROW("TTL key", "RO ACCESS"), "2 (1 1 1); index 1 range 0 1 0"},
    {ROW("TYPE key", "RO"), "2 (1 1 1); index 1 range 0 1 0"},
    {ROW("UNLINK key [key ...]", "RM DELETE"), "-2 (1 -1 1); index 1 range -1 1 0"},
    {ROW("WAIT numreplicas timeout", ""), "3 (0 0 0)"},
    {ROW("WATCH key [key ...]", "RO"), "-2 (1 -1 1); index 1 range -1 1 0"},
    {ROW("XADD key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field "
         "value [field value ...]",
         "RW UPDATE"),
     "-5 (1 1 1); index 1 range 0 1 0"},
    {ROW("XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]", "RW DELETE"),
     "-6 (1 1 1); index 1 range 0 1 0"},
    {ROW("XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME "
         "unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]",
         "RW UPDATE"),
     "-6 (1 1 1); index 1 range 0 1 0"},
    {ROW("XGROUP CREATE key groupname <id | $> [MKSTREAM] [ENTRIESREAD entries_read]", "RW INSERT"),
     "-5 (2 2 1); index 2 range 0 1 0"},
    {ROW("XGROUP CREATECONSUMER key groupname consumername", "RW INSERT"),
     "5 (2 2 1); index 2 range 0 1 0"},
    {ROW("XGROUP DELCONSUMER key groupname consumername", "RW DELETE"),
     "5 (2 2 1); index 2 range 0 1 0"},
    {ROW("XGROUP DESTROY key groupname", "RW DELETE"), "4 (2 2 1); index 2 range 0 1 0"},
    {ROW("XGROUP SETID key groupname <id | $> [ENTRIESREAD entries_read]", "RW UPDATE"),
     "-5 (2 2 1); index 2 range 0 1 0"},
    {ROW("XINFO CONSUMERS key groupname", "RO ACCESS"), "4 (2 2 1); index 2 range 0 1 0"},
    {ROW("XINFO GROUPS key", "RO ACCESS"), "3 (2 2 1); index 2 range 0 1 0"},
    {ROW("XINFO STREAM key [FULL [COUNT count]]", "RO ACCESS"), "-3 (2 2 1); index 2 range 0 1 0"},
    {ROW("XPENDING key group [[IDLE min-idle-time] start end count [consumer]]", "RO ACCESS"),
     "-3 (1 1 1); index 1 range 0 1 0"},
    {ROW("XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]", "RO ACCESS"),
     "-4 (0 0 0) movable; keyword STREAMS 1 range -1 1 2"},
    {ROW("XREADGROUP <GROUP group consumer> [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key "
         "[key ...] id [id ...]",
         "RO ACCESS"),
     "-7 (0 0 0) movable; keyword STREAMS 4 range -1 1 2"},
    {ROW("XSETID key last-id [ENTRIESADDED entries_added] [MAXDELETEDID max_deleted_entry_id]",
         "RW UPDATE"),
     "-3 (1 1 1); index 1 range 0 1 0"},
    {ROW("XTRIM key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]", "RW DELETE"),
     "-4 (1 1 1); index 1 range 0 1 0"},
    {ROW("ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]", "RW UPDATE"),
     "-4 (1 1 1); index 1 range 0 1 0"},
    {ROW("ZDIFF numkeys key [key ...] [WITHSCORES]", "RO ACCESS"),
     "-3 (0 0 0) movable; index 1 keynum 0 1 1"},
    {ROW("ZDIFFSTORE destination numkeys key [key ...]", "OW UPDATE; RO ACCESS"),
     "-4 (1 1 1) movable; index 1 range 0 1 0; index 2 keynum 0 1 1"},
    {ROW("ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] "
         "[WITHSCORES]",
         "RO ACCESS"),
     "-3 (0 0 0) movable; index 1 keynum 0 1 1"},
    {ROW("ZINTERCARD numkeys key [key ...] [LIMIT limit]", "RO ACCESS"),
     "-3 (0 0 0) movable; index 1 keynum 0 1 1"},
    {ROW("ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE "
         "<SUM | MIN | MAX>]",
         "OW UPDATE; RO ACCESS"),
     "-4 (1 1 1) movable; index 1 range 0 1 0; index 2 keynum 0 1 1"},
    {ROW("ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT count]", "RW ACCESS DELETE"),
     "-4 (0 0 0) movable; index 1 keynum 0 1 1"},
    {ROW("ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
         "RO ACCESS"),
     "-4 (1 1 1); index 1 range 0 1 0"},
    {ROW("ZRANGEBYLEX key min max [LIMIT offset count]", "RO ACCESS"),
     "-4 (1 1 1); index 1 range 0 1 0"},
    {ROW("ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]", "RO ACCESS"),
     "-4 (1 1 1); index 1 range 0 1 0"},
    {ROW("ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
         "OW UPDATE; RO ACCESS"),
     "-5 (1 2 1); index 1 range 0 1 0; index 2 range 0 1 0"},
    {ROW("ZREVRANGEBYLEX key max min [LIMIT offset count]", "RO ACCESS"),
     "-4 (1 1 1); index 1 range 0 1 0"},
    {ROW("ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]", "RO ACCESS"),
     "-4 (1 1 1); index 1 range 0 1 0"},
    {ROW("ZSCAN key cursor [MATCH pattern] [COUNT count]", "RO ACCESS"),
     "-3 (1 1 1); index 1 range 0 1 0"},
    {ROW("ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] "
         "[WITHSCORES]",
         "RO ACCESS"),
     "-3 (0 0 0) movable; index 1 keynum 0 1 1"},
    {ROW("ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE "
         "<SUM | MIN | MAX>]",
         "OW UPDATE; RO ACCESS"),
     "-4 (1 1 1) movable; index 1 range 0 1 0; index 2 keynum 0 1 1"},
};

#undef ROW

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_SPEC_CASES_H_
