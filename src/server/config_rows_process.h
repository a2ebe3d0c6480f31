// SPDX-License-Identifier: BSD-3-Clause
// Rows of the configuration: the process, its log, its end, and what it observes of itself.
#ifndef CAIRN_SERVER_CONFIG_ROWS_PROCESS_H_
#define CAIRN_SERVER_CONFIG_ROWS_PROCESS_H_

#include "server/config_row.h"

namespace cairn::server::rows {

inline constexpr ConfigRow kProcessRows[] = {
    Bool("daemonize", "no").Immutable().Applied().Does("go to the background"),
    Choice("supervised", "no", kSupervisors)
        .Immutable()
        .Applied()
        .Does("tell systemd or upstart when ready"),
    Text("pidfile", "").Immutable().DropsEmpty().Applied().Does("file for the process id"),
    Choice("loglevel", "notice", kLogLevels).Applied().Does("least level that is logged"),
    Text("logfile", "").Immutable().Applied().Does("file for the log; empty is standard output"),
    Text("cairn-audit-log", "")
        .Immutable()
        .DropsEmpty()
        .Applied()
        .Does("file of JSON lines about administrative commands; empty for none"),
    Text("cairn-namespaces", "")
        .Immutable()
        .DropsEmpty()
        .Applied()
        .Does(
            "prefixes of keys and their rules: `user: TTL 60000 MAXLEASES 10; session: TTL 1000`"),
    Bool("syslog-enabled", "no").Immutable().Does("log to syslog too"),
    Text("syslog-ident", "redis").Immutable().Does("name in syslog"),
    Choice("syslog-facility", "local0", kSyslogFacilities).Immutable().Does("facility in syslog"),
    Bool("always-show-logo", "no").Immutable().Ignored().Does("there is no logo"),
    Bool("set-proc-title", "yes").Immutable().Does("show state in the process title"),
    Text("proc-title-template", "{title} {listen-addr} {server-mode}", TextRule::kTitleTemplate)
        .Does("form of the process title"),
    Bool("crash-log-enabled", "yes").Does("write a report when crashing"),
    Bool("crash-memcheck-enabled", "yes").Ignored().Does("no memory test is run when crashing"),
    Bool("use-exit-on-panic", "no").Hidden().Does("for tests: exit instead of abort"),
    Bool("enable-debug-assert", "no")
        .Immutable()
        .Hidden()
        .Ignored()
        .Does("assertions are chosen when Cairn is built"),
    Text("debug-context", "").Hidden().Ignored().Does("for tests of Redis itself"),
    Integer("watchdog-period", "0", {0, kInt32Max})
        .Hidden()
        .Ignored()
        .Does("no command can hold a worker for long"),
    Choice("oom-score-adj", "no", kOomScoreAdjs).Does("tell the kernel whom to kill first"),
    Row("oom-score-adj-values", "0 200 800", ConfigKind::kOomValues)
        .Does("the scores for primary, replica and saving child"),
    Bool("disable-thp", "yes").Immutable().Ignored().Does("nothing forks, huge pages help"),
    Text("server_cpulist", "").Immutable().DropsEmpty().Does("cores for the workers"),
    Text("bio_cpulist", "").Immutable().DropsEmpty().Does("cores for background threads"),
    Text("aof_rewrite_cpulist", "")
        .Immutable()
        .DropsEmpty()
        .Ignored()
        .Does("no child process is made; see bio_cpulist"),
    Text("bgsave_cpulist", "")
        .Immutable()
        .DropsEmpty()
        .Ignored()
        .Does("no child process is made; see bio_cpulist"),
    Text("ignore-warnings", "").Ignored().Does("the faults it names concern fork"),
    Text("locale-collate", "").Does("locale that orders strings in SORT ALPHA"),
    Integer("hz", "10", {0, kInt32Max})
        .ClampedTo({1, 500})
        .Ignored()
        .Does("background work follows the clock, not a rate; 1 to 500 is shown"),
    Bool("dynamic-hz", "yes").Ignored().Does("see hz"),
    Row("shutdown-on-sigterm", "default", ConfigKind::kChoiceSet)
        .OneOf(kShutdownOptions)
        .Applied()
        .Does("how SIGTERM stops the server"),
    Row("shutdown-on-sigint", "default", ConfigKind::kChoiceSet)
        .OneOf(kShutdownOptions)
        .Applied()
        .Does("how SIGINT stops the server"),
    Integer("shutdown-timeout", "10", {0, kInt32Max})
        .Does("seconds to wait for replicas when stopping"),
    Integer("busy-reply-threshold", "5000", {0, kInt64Max})
        .Alias("lua-time-limit")
        .Does("milliseconds after which a script counts as slow"),
};

inline constexpr ConfigRow kObservationRows[] = {
    Integer("slowlog-log-slower-than", "10000", {-1, kInt64Max})
        .Applied()
        .Does("microseconds from which a command is slow; 0 all, -1 none"),
    Integer("slowlog-max-len", "128", {0, kInt64Max}).Applied().Does("entries of SLOWLOG"),
    Integer("latency-monitor-threshold", "0", {0, kInt64Max})
        .Applied()
        .Does("milliseconds from which an event is recorded for LATENCY; 0 none"),
    Bool("latency-tracking", "yes").Applied().Does("keep a histogram for each command"),
    Row("latency-tracking-info-percentiles", "50 99 99.9", ConfigKind::kPercentiles)
        .Applied()
        .Does("percentiles that INFO latencystats shows"),
    Bool("cairn-key-statistics", "yes")
        .Applied()
        .Does("sample which keys and prefixes are asked for: CACHE.HOTKEYS, CACHE.PREFIXES"),
    Integer("cairn-hot-keys", "128", {0, 4096})
        .Applied()
        .Does(
            "keys that each thread counts for CACHE.HOTKEYS in each quarter of its period; 0 none"),
    Integer("cairn-hot-keys-period", "60", {1, 86400})
        .Applied()
        .Does("seconds that CACHE.HOTKEYS looks back"),
    Integer("cairn-prefixes", "128", {0, 4096})
        .Applied()
        .Does(
            "prefixes that each thread counts for CACHE.PREFIXES, at each depth, likewise; 0 none"),
    Integer("cairn-prefixes-period", "3600", {1, 86400})
        .Applied()
        .Does("seconds that CACHE.PREFIXES looks back"),
    Integer("cairn-big-keys", "64", {0, 1024})
        .Applied()
        .Does("keys that CACHE.BIGKEYS lists by bytes, and as many by elements; 0 none"),
    Row("notify-keyspace-events", "", ConfigKind::kEvents)
        .Applied()
        .Does("events published to subscribers, as letters of AKEg$lshzxetdmn"),
};

}  // namespace cairn::server::rows

#endif  // CAIRN_SERVER_CONFIG_ROWS_PROCESS_H_
