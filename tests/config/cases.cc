// SPDX-License-Identifier: BSD-3-Clause
// Every text here was given by redis-server 7.0.15, and is asked of it again by
// config_oracle_test.cc, except in rows marked `ours`.
#include "config/cases.h"

namespace cairn::testing {
namespace {

constexpr std::string_view kNotInteger = "argument couldn't be parsed into an integer";
constexpr std::string_view kNotMemory = "argument must be a memory value";
constexpr std::string_view kNotPercent = "argument must be a memory or percent value";
constexpr std::string_view kNotBool = "argument must be 'yes' or 'no'";
constexpr std::string_view kBadSave = "Invalid save parameters";
constexpr std::string_view kImmutable = "can't set immutable config";
constexpr std::string_view kBadEvents = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
constexpr std::string_view kBadClass =
    "Invalid client class specified in buffer limit configuration.";
constexpr std::string_view kBadLimit =
    "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
constexpr std::string_view kBadScores =
    "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
constexpr std::string_view kBadTitle = "template format is invalid or contains unknown variables";
constexpr std::string_view kBadShutdown =
    "argument(s) must be one of the following: default, save, nosave, now, force";
constexpr std::string_view kBadHost =
    "Hostnames may only contain alphanumeric characters, hyphens or dots";

constexpr SetCase kSetCases[] = {
    // Integers.
    {"hz", "20", "20"},
    {"hz", "0", "1"},
    {"hz", "100000", "500"},
    {"HZ", "30", "30"},
    {"port", "99999", "", "argument must be between 0 and 65535 inclusive"},
    {"port", "-1", "", "argument must be between 0 and 65535 inclusive"},
    {"port", "1.5", "", kNotInteger},
    {"port", "", "", kNotInteger},
    {"port", "21301x", "", kNotInteger},
    {"port", " 5", "", kNotInteger},
    {"port", "021302", "", kNotInteger},
    {"hz", "+5", "", kNotInteger},
    {"slowlog-log-slower-than", "-1", "-1"},
    {"slowlog-log-slower-than", "-2", "",
     "argument must be between -1 and 9223372036854775807 inclusive"},
    {"list-max-listpack-size", "-5", "-5"},
    {"list-max-listpack-size", "-2147483649", "",
     "argument must be between -2147483648 and 2147483647 inclusive"},
    {"list-max-listpack-size", "2147483648", "",
     "argument must be between -2147483648 and 2147483647 inclusive"},
    {"maxclients", "0", "", "argument must be between 1 and 4294967295 inclusive"},
    {"maxclients", "4294967296", "", "argument must be between 1 and 4294967295 inclusive"},
    {"hash-max-listpack-entries", "-1", "",
     "argument must be between 0 and 9223372036854775807 inclusive"},
    {"maxmemory-eviction-tenacity", "101", "", "argument must be between 0 and 100 inclusive"},
    {"active-expire-effort", "11", "", "argument must be between 1 and 10 inclusive"},
    {"active-defrag-cycle-max", "100", "", "argument must be between 1 and 99 inclusive"},
    {"min-slaves-to-write", "3", "3"},
    {"lua-time-limit", "100", "100"},
    {"slave-priority", "bogus", "", kNotInteger},
    {"SLAVE-PRIORITY", "bogus", "", kNotInteger},
    {"key-load-delay", "-5", "-5"},

    // Sizes.
    {"maxmemory", "10GB", "10737418240"},
    {"maxmemory", "1kB", "1024"},
    {"maxmemory", "1k", "1000"},
    {"maxmemory", "1B", "1"},
    {"maxmemory", "007", "7"},
    {"maxmemory", "", "0"},
    {"maxmemory", "5xb", "", kNotMemory},
    {"maxmemory", "-1", "", kNotMemory},
    {"maxmemory", "+5", "", kNotMemory},
    {"maxmemory", "1.5gb", "", kNotMemory},
    {"maxmemory", "1 gb", "", kNotMemory},
    {"maxmemory", "1tb", "", kNotMemory},
    // Redis wraps around, which is a fault that we do not repeat.
    {"maxmemory", "18446744073709551616", "", kNotMemory, true},
    {"maxmemory", "99999999999999999999gb", "", kNotMemory, true},
    // Redis keeps sizes up to 2^64-1; ours end at 2^63-1.
    {"maxmemory", "18446744073709551615", "", kNotMemory, true},
    // A percentage of the container's memory is our addition (64 GiB in the test).
    {"maxmemory", "50%", "34359738350", "", true},
    {"maxmemory", "0%", "0", "", true},
    {"maxmemory", "101%", "", "percentage argument must be less or equal to 100", true},
    {"maxmemory", "x%", "", kNotPercent, true},
    {"maxmemory-clients", "5%", "5%"},
    {"maxmemory-clients", "0%", "0"},
    {"maxmemory-clients", "1mb", "1048576"},
    {"maxmemory-clients", "101%", "", "percentage argument must be less or equal to 100"},
    {"maxmemory-clients", "-5", "", kNotPercent},
    {"maxmemory-clients", "-5%", "", kNotPercent},
    {"maxmemory-clients", "5x", "", kNotPercent},
    {"maxmemory-clients", "%", "", kNotPercent},
    {"maxmemory-clients", "0", "0"},
    {"proto-max-bulk-len", "1048575", "",
     "argument must be between 1048576 and 9223372036854775807 inclusive"},
    {"proto-max-bulk-len", "2mb", "2097152"},
    {"repl-backlog-size", "0", "", "argument must be between 1 and 9223372036854775807 inclusive"},
    {"hash-max-listpack-value", "-1", "", kNotMemory},
    {"hash-max-ziplist-value", "1kb", "1024"},

    // Yes or no, and words.
    {"lazyfree-lazy-expire", "YES", "yes"},
    {"lazyfree-lazy-expire", "1", "", kNotBool},
    {"lazyfree-lazy-expire", "", "", kNotBool},
    {"appendfsync", "ALWAYS", "always"},
    {"appendfsync", "no no", "", "argument(s) must be one of the following: everysec, always, no"},
    {"maxmemory-policy", "allkeys-LRU", "allkeys-lru"},
    {"maxmemory-policy", "x", "",
     "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, "
     "volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction, allkeys-s3fifo, "
     "volatile-s3fifo",
     true},                                                              // two policies of our own
    {"maxmemory-policy", "Allkeys-S3FIFO", "allkeys-s3fifo", "", true},  // one of them
    {"sanitize-dump-payload", "x", "",
     "argument(s) must be one of the following: no, yes, clients"},
    {"oom-score-adj", "x", "",
     "argument(s) must be one of the following: no, yes, relative, absolute"},
    {"repl-diskless-load", "x", "",
     "argument(s) must be one of the following: disabled, on-empty-db, swapdb"},
    {"propagation-error-behavior", "x", "",
     "argument(s) must be one of the following: ignore, panic, panic-on-replicas"},
    {"acl-pubsub-default", "x", "",
     "argument(s) must be one of the following: allchannels, resetchannels"},
    {"cluster-preferred-endpoint-type", "x", "",
     "argument(s) must be one of the following: ip, hostname, unknown-endpoint"},
    {"tls-auth-clients", "x", "", "argument(s) must be one of the following: no, yes, optional"},
    // Redis 7.2 added "nothing".
    {"loglevel", "x", "",
     "argument(s) must be one of the following: debug, verbose, notice, warning, nothing", true},
    {"loglevel", "nothing", "nothing", "", true},
    {"loglevel", "verbose", "verbose"},
    {"shutdown-on-sigterm", "save now", "save now"},
    {"shutdown-on-sigterm", "now save", "save now"},
    {"shutdown-on-sigterm", "default now", "now"},
    {"shutdown-on-sigterm", "nosave   force", "", kBadShutdown},
    {"shutdown-on-sigterm", "save nosave", "",
     "shutdown options SAVE and NOSAVE can't be used simultaneously"},
    {"shutdown-on-sigterm", "", "", kBadShutdown},
    {"shutdown-on-sigterm", "DEFAULT", "default"},

    // Lists.
    {"save", "60 1", "60 1"},
    {"save", "60 1 60 1", "60 1 60 1"},
    {"save", "3600 1 300 100 60 10000", "3600 1 300 100 60 10000"},
    {"save", "60", "", kBadSave},
    {"save", "60 -1", "", kBadSave},
    {"save", "0 1", "", kBadSave},
    {"save", "60  1", "", kBadSave},
    {"save", " 60 1", "", kBadSave},
    {"save", "60 1 ", "", kBadSave},
    {"save", "60 1 x 2", "", kBadSave},
    {"save", " ", "", kBadSave},
    {"save", "60\t1", "", kBadSave},
    {"save", "", ""},
    {"client-output-buffer-limit", "normal 1gb 2gb 3",
     "normal 1073741824 2147483648 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60"},
    {"client-output-buffer-limit", "replica 5 5 5 pubsub 7kb 7k 7",
     "normal 1073741824 2147483648 3 slave 5 5 5 pubsub 7168 7000 7"},
    {"client-output-buffer-limit", "SLAVE 6 6 6 Normal 0 0 0",
     "normal 0 0 0 slave 6 6 6 pubsub 7168 7000 7"},
    {"client-output-buffer-limit", "", "normal 0 0 0 slave 6 6 6 pubsub 7168 7000 7"},
    {"client-output-buffer-limit", "pubsub 1 1 1 pubsub 2 2 2",
     "normal 0 0 0 slave 6 6 6 pubsub 2 2 2"},
    {"client-output-buffer-limit", "normal 1mb 2mb", "",
     "Wrong number of arguments in buffer limit configuration."},
    {"client-output-buffer-limit", "master 1 2 3", "", kBadClass},
    {"client-output-buffer-limit", "pubsub 9 9 9 foo 1 1 1", "", kBadClass},
    {"client-output-buffer-limit", "pubsub 1 2 -3", "", kBadLimit},
    {"client-output-buffer-limit", "pubsub 1x 2 3", "", kBadLimit},
    {"client-output-buffer-limit", "pubsub -1 2 3", "", kBadLimit},
    {"oom-score-adj-values", "1 2 3", "1 2 3"},
    {"oom-score-adj-values", "3 2 1", "3 2 1"},
    {"oom-score-adj-values", "1 2", "", "wrong number of arguments"},
    {"oom-score-adj-values", "1 2 3 4", "", "wrong number of arguments"},
    {"oom-score-adj-values", "", "", "wrong number of arguments"},
    {"oom-score-adj-values", "1 2 a", "", kBadScores},
    {"oom-score-adj-values", "1 2 2001", "", kBadScores},
    {"latency-tracking-info-percentiles", "50 99.9 99.99", "50 99.9 99.99"},
    {"latency-tracking-info-percentiles", "50.0000001 1e1 0x10 100.0 0", "50 10 16 100 0"},
    {"latency-tracking-info-percentiles", "101", "",
     "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"},
    {"latency-tracking-info-percentiles", "-1", "",
     "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"},
    {"latency-tracking-info-percentiles", "nan", "",
     "Invalid latency-tracking-info-percentiles parameters"},
    {"latency-tracking-info-percentiles", "50 ", "",
     "Invalid latency-tracking-info-percentiles parameters"},
    {"latency-tracking-info-percentiles", "", ""},
    {"bind", "127.0.0.1  ::1", "", "Failed to bind to specified addresses."},
    {"bind", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "", "Too many bind addresses specified."},

    // Events.
    {"notify-keyspace-events", "A", "A"},
    {"notify-keyspace-events", "KEA", "AKE"},
    {"notify-keyspace-events", "KEg", "gKE"},
    {"notify-keyspace-events", "g$lshzxetd", "A"},
    {"notify-keyspace-events", "zhsl$g", "g$lshz"},
    {"notify-keyspace-events", "Em", "Em"},
    {"notify-keyspace-events", "Kn", "nK"},
    {"notify-keyspace-events", "KEtdn", "tdnKE"},
    {"notify-keyspace-events", "g$lshzxetdm", "Am"},
    {"notify-keyspace-events", "xKeE", "xeKE"},
    // Redis 7.0 drops the n beside an A, and with it the setting when it rewrites the file.
    {"notify-keyspace-events", "KEAmn", "AnKEm", "", true},
    {"notify-keyspace-events", "q", "", kBadEvents},
    {"notify-keyspace-events", "A K", "", kBadEvents},
    {"notify-keyspace-events", "", ""},

    // Texts.
    {"masterauth", "a b\"c", "a b\"c"},
    {"masterauth", "", ""},
    {"replica-announce-ip", "1.2.3.4", "1.2.3.4"},
    {"slave-announce-ip", "", ""},
    {"dbfilename", "a/b", "", "dbfilename can't be a path, just a filename"},
    {"dbfilename", "x.rdb", "x.rdb"},
    {"dir", "/nonexistent-folder", "", "No such file or directory"},
    {"dir", "/etc/passwd", "", "Not a directory"},
    {"dir", "/usr/../usr/bin/..", "/usr"},
    {"dir", "lib", "/usr/lib"},
    {"dir", "", "", "No such file or directory"},
    {"cluster-announce-hostname", "ab.c-1", "ab.c-1"},
    {"cluster-announce-hostname", "a b", "", kBadHost},
    {"cluster-announce-hostname", "a_b", "", kBadHost},
    {"proc-title-template", "{title} {listen-addr}", "{title} {listen-addr}"},
    {"proc-title-template", "{{title}", "{{title}"},
    {"proc-title-template", "}", "}"},
    {"proc-title-template", "{foo}", "", kBadTitle},
    {"proc-title-template", "{title", "", kBadTitle},
    {"proc-title-template", "", "", kBadTitle},

    // Only at start.
    {"daemonize", "bogus", "", kImmutable},
    {"io-threads", "2", "", kImmutable},
    {"databases", "4", "", kImmutable},
    {"unixsocketperm", "700", "", kImmutable},
    {"slaveof", "a b", "", kImmutable},
    {"enable-debug-command", "yes", "", kImmutable},
    {"logfile", "x", "", kImmutable},
    {"set-proc-title", "no", "", kImmutable},
};

constexpr BadFileCase kBadFileCases[] = {
    {"foo bar\n", "1\n>>> 'foo bar'\nBad directive or wrong number of arguments"},
    {"port\n", "1\n>>> 'port'\nwrong number of arguments"},
    {"port 1 2\n", "1\n>>> 'port 1 2'\nwrong number of arguments"},
    {"\n\n# c\n \tport x \r\n", "4\n>>> 'port x'\nargument couldn't be parsed into an integer"},
    {"save 60\n", "1\n>>> 'save 60'\nInvalid save parameters"},
    {"port \"21306\n", "1\n>>> 'port \"21306'\nUnbalanced quotes in configuration line"},
    {"port \"21\"x\n", "1\n>>> 'port \"21\"x'\nUnbalanced quotes in configuration line"},
    {"include\n", "1\n>>> 'include'\nBad directive or wrong number of arguments"},
    {"include a b\n", "1\n>>> 'include a b'\nBad directive or wrong number of arguments"},
    {"rename-command GET\n",
     "1\n>>> 'rename-command GET'\nBad directive or wrong number of arguments"},
    {"user\n", "1\n>>> 'user'\nBad directive or wrong number of arguments"},
    {"loadmodule\n", "1\n>>> 'loadmodule'\nBad directive or wrong number of arguments"},
    // Cairn has no modules.
    {"loadmodule /x.so a\n", "1\n>>> 'loadmodule /x.so a'\nCairn does not load modules", true},
    {"sentinel monitor a 1 2 3\n",
     "1\n>>> 'sentinel monitor a 1 2 3'\nsentinel directive while not in sentinel mode"},
    {"list-max-ziplist-value\n",
     "1\n>>> 'list-max-ziplist-value'\nBad directive or wrong number of arguments"},
    {"maxclients 0\n",
     "1\n>>> 'maxclients 0'\nargument must be between 1 and 4294967295 inclusive"},
    {"dir /nonexistent-folder\n", "1\n>>> 'dir /nonexistent-folder'\nNo such file or directory"},
    {"unixsocketperm 8\n",
     "1\n>>> 'unixsocketperm 8'\nargument couldn't be parsed as an octal number"},
    {"unixsocketperm 1000\n",
     "1\n>>> 'unixsocketperm 1000'\nargument must be between 0 and 777 inclusive"},
    {"notify-keyspace-events\n", "1\n>>> 'notify-keyspace-events'\nwrong number of arguments"},
    {"shutdown-on-sigterm save nosave\n",
     "1\n>>> 'shutdown-on-sigterm save nosave'\nshutdown options SAVE and NOSAVE can't be used "
     "simultaneously"},
    {"shutdown-on-sigterm\n",
     "1\n>>> 'shutdown-on-sigterm'\nargument(s) must be one of the following: default, save, "
     "nosave, now, force"},
    {"replicaof a\n", "1\n>>> 'replicaof a'\nwrong number of arguments"},
    {"replicaof a 70000\n", "1\n>>> 'replicaof a 70000'\nInvalid master port"},
    {"appendfilename a/b\n",
     "1\n>>> 'appendfilename a/b'\nappendfilename can't be a path, just a filename"},
    {"appendfilename \"\"\n", "1\n>>> 'appendfilename \"\"'\nappendfilename can't be empty"},
    {"appenddirname a/b\n",
     "1\n>>> 'appenddirname a/b'\nappenddirname can't be a path, just a dirname"},
    {"io-threads 129\n", "1\n>>> 'io-threads 129'\nargument must be between 1 and 128 inclusive"},
    {"io-threads 0\n", "1\n>>> 'io-threads 0'\nargument must be between 1 and 128 inclusive"},
    {"hz 10 # c\n", "1\n>>> 'hz 10 # c'\nwrong number of arguments"},
    {"port 21399\nenable-debug-command maybe",
     "2\n>>> 'enable-debug-command maybe'\nargument(s) must be one of the following: no, yes, "
     "local"},
    {"maxmemory-policy volatile-lru x\n",
     "1\n>>> 'maxmemory-policy volatile-lru x'\nwrong number of arguments"},
    {"cairn-stripes 3\n", "1\n>>> 'cairn-stripes 3'\nargument must be a power of two", true},
};

}  // namespace

std::span<const SetCase> SetCases() { return kSetCases; }

std::span<const BadFileCase> BadFileCases() { return kBadFileCases; }

const std::vector<ManyCase>& ManyCases() {
  static const std::vector<ManyCase> cases = {
      {{"foo", "bar"}, "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"},
      {{"FOO", "bar"}, "ERR Unknown option or number of arguments for CONFIG SET - 'FOO'"},
      {{"maxmemory", "1mb", "foo", "2"},
       "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"},
      {{"foo", "1", "maxmemory", "1mb"},
       "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"},
      {{"hz", "x", "foo", "1"}, "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"},
      {{"io-threads", "1", "foo", "1"},
       "ERR CONFIG SET failed (possibly related to argument 'io-threads') - can't set immutable "
       "config"},
      {{"hz", "x", "io-threads", "1"},
       "ERR CONFIG SET failed (possibly related to argument 'io-threads') - can't set immutable "
       "config"},
      {{"maxmemory", "1mb", "maxmemory", "2mb"},
       "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - duplicate parameter"},
      {{"maxmemory", "1mb", "MAXMEMORY", "2mb"},
       "ERR CONFIG SET failed (possibly related to argument 'MAXMEMORY') - duplicate parameter"},
      {{"maxmemory", "1mb", "port", "x"},
       "ERR CONFIG SET failed (possibly related to argument 'port') - argument couldn't be parsed "
       "into an integer"},
      {{"MAXMEMORY", "x"},
       "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a "
       "memory value"},
      {{"port", "x", "hz", "y"},
       "ERR CONFIG SET failed (possibly related to argument 'port') - argument couldn't be parsed "
       "into an integer"},
      {{"IO-Threads", "2"},
       "ERR CONFIG SET failed (possibly related to argument 'IO-Threads') - can't set immutable "
       "config"},
      {{"DIR", "/"},
       "ERR CONFIG SET failed (possibly related to argument 'DIR') - can't set protected config"},
      {{"slave-priority", "1", "replica-priority", "2"}, "OK"},
      {{"maxmemory", "1mb", "hz", "11"}, "OK"},
  };
  return cases;
}

const std::vector<GetCase>& GetCases() {
  static const std::vector<GetCase> cases = {
      {{"maxmemory-policy"}, {"maxmemory-policy", "noeviction"}},
      {{"MaxMemory-Policy"}, {"MaxMemory-Policy", "noeviction"}},
      {{"Hz", "hz", "h?", "HZ"}, {"Hz", "10"}},
      {{"[t]imeout", "timeout"}, {"timeout", "0"}},
      {{"TIMEOU*"}, {"timeout", "0"}},
      {{"slaveof"}, {"slaveof", ""}},
      {{"replica-pri*", "slave-pri*"}, {"replica-priority", "100", "slave-priority", "100"}},
      {{"nonexistent", "user", "include", "rename-command", "loadmodule", "sentinel", ""}, {}},
      // Hidden ones answer to their exact names only.
      {{"key-load-delay"}, {"key-load-delay", "0"}},
      {{"key-load-dela*"}, {}},
      {{"watchdog-period"}, {"watchdog-period", "0"}},
      {{"rdb-key-save-dela?"}, {}},
  };
  return cases;
}

const std::vector<LaunchCase>& LaunchCases() {
  static const std::vector<LaunchCase> cases = {
      {{"--save", ""}, "save", ""},
      {{"--save"}, "save", ""},
      {{"--save", "--maxmemory", "5mb"}, "maxmemory", "5242880"},
      {{"--save", "60", "1", "300", "2"}, "save", "60 1 300 2"},
      {{"--save", "60 1 300 2"}, "save", "60 1 300 2"},
      {{"--save 60 1"}, "save", "60 1"},
      {{"--save", "60", "1", "--save", "30", "2"}, "save", "60 1 30 2"},
      {{"--save", "", "--save", "30", "2"}, "save", "30 2"},
      {{"--maxmemory 2mb", "--hz", "11"}, "hz", "11"},
      {{"--syslog-ident", "--x"}, "syslog-ident", "--x"},
      {{"--proc-title-template", "a b"}, "proc-title-template", "a b"},
      {{"--hz 7\nmaxmemory 7mb"}, "maxmemory", "7340032"},
      {{"--latency-tracking-info-percentiles", ""}, "latency-tracking-info-percentiles", ""},
      {{"--requirepass", "", "--HZ", "12"}, "hz", "12"},
      {{"--client-output-buffer-limit", "normal", "1gb", "1gb", "5", "pubsub", "1", "1", "1"},
       "client-output-buffer-limit",
       "normal 1073741824 1073741824 5 slave 268435456 67108864 60 pubsub 1 1 1"},
      {{"--shutdown-on-sigterm", "now", "force"}, "shutdown-on-sigterm", "now force"},
      {{"--replicaof", "no", "one"}, "replicaof", ""},
  };
  return cases;
}

}  // namespace cairn::testing
