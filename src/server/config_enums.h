// SPDX-License-Identifier: BSD-3-Clause
// The named choices of the configuration: one enum class per directive that takes a word, beside
// the words it takes.
//
// The words stand in the order in which Redis lists them in its error texts, since clients compare
// those. Read one with `config.Choice<LogLevel>("loglevel")`.
#ifndef CAIRN_SERVER_CONFIG_ENUMS_H_
#define CAIRN_SERVER_CONFIG_ENUMS_H_

#include <cstdint>
#include <string_view>

#include "keyspace/events.h"
#include "keyspace/tunables.h"

namespace cairn::server {

struct ChoiceName {
  std::string_view name;
  std::int64_t value;
  constexpr ChoiceName(std::string_view choice_name, auto choice)
      : name(choice_name), value(static_cast<std::int64_t>(choice)) {}
};

enum class LogLevel : std::uint8_t { kDebug, kVerbose, kNotice, kWarning, kNothing };
inline constexpr ChoiceName kLogLevels[] = {
    {"debug", LogLevel::kDebug},     {"verbose", LogLevel::kVerbose}, {"notice", LogLevel::kNotice},
    {"warning", LogLevel::kWarning}, {"nothing", LogLevel::kNothing},
};

inline constexpr ChoiceName kMaxmemoryPolicies[] = {
    {"volatile-lru", keyspace::EvictionPolicy::kVolatileLru},
    {"volatile-lfu", keyspace::EvictionPolicy::kVolatileLfu},
    {"volatile-random", keyspace::EvictionPolicy::kVolatileRandom},
    {"volatile-ttl", keyspace::EvictionPolicy::kVolatileTtl},
    {"allkeys-lru", keyspace::EvictionPolicy::kAllkeysLru},
    {"allkeys-lfu", keyspace::EvictionPolicy::kAllkeysLfu},
    {"allkeys-random", keyspace::EvictionPolicy::kAllkeysRandom},
    {"noeviction", keyspace::EvictionPolicy::kNoEviction},
    {"allkeys-s3fifo", keyspace::EvictionPolicy::kAllkeysS3Fifo},
    {"volatile-s3fifo", keyspace::EvictionPolicy::kVolatileS3Fifo},
};

enum class Supervised : std::uint8_t { kUpstart, kSystemd, kAuto, kNo };
inline constexpr ChoiceName kSupervisors[] = {
    {"upstart", Supervised::kUpstart},
    {"systemd", Supervised::kSystemd},
    {"auto", Supervised::kAuto},
    {"no", Supervised::kNo},
};

// Who may use a dangerous command: nobody, everybody, or connections from this machine.
enum class ProtectedAction : std::uint8_t { kNo, kYes, kLocal };
inline constexpr ChoiceName kProtectedActions[] = {
    {"no", ProtectedAction::kNo},
    {"yes", ProtectedAction::kYes},
    {"local", ProtectedAction::kLocal},
};

enum class AppendFsync : std::uint8_t { kEverySecond, kAlways, kNo };
inline constexpr ChoiceName kAppendFsyncs[] = {
    {"everysec", AppendFsync::kEverySecond},
    {"always", AppendFsync::kAlways},
    {"no", AppendFsync::kNo},
};

// "yes" is the old word for "relative", and is shown as it was set.
enum class OomScoreAdj : std::uint8_t { kNo, kYes, kRelative, kAbsolute };
inline constexpr ChoiceName kOomScoreAdjs[] = {
    {"no", OomScoreAdj::kNo},
    {"yes", OomScoreAdj::kYes},
    {"relative", OomScoreAdj::kRelative},
    {"absolute", OomScoreAdj::kAbsolute},
};

enum class DisklessLoad : std::uint8_t { kDisabled, kOnEmptyDb, kSwapDb };
inline constexpr ChoiceName kDisklessLoads[] = {
    {"disabled", DisklessLoad::kDisabled},
    {"on-empty-db", DisklessLoad::kOnEmptyDb},
    {"swapdb", DisklessLoad::kSwapDb},
};

enum class PropagationError : std::uint8_t { kIgnore, kPanic, kPanicOnReplicas };
inline constexpr ChoiceName kPropagationErrors[] = {
    {"ignore", PropagationError::kIgnore},
    {"panic", PropagationError::kPanic},
    {"panic-on-replicas", PropagationError::kPanicOnReplicas},
};

enum class AclPubsubDefault : std::uint8_t { kResetChannels, kAllChannels };
inline constexpr ChoiceName kAclPubsubDefaults[] = {
    {"allchannels", AclPubsubDefault::kAllChannels},
    {"resetchannels", AclPubsubDefault::kResetChannels},
};

enum class SanitizeDump : std::uint8_t { kNo, kYes, kClients };
inline constexpr ChoiceName kSanitizeDumps[] = {
    {"no", SanitizeDump::kNo},
    {"yes", SanitizeDump::kYes},
    {"clients", SanitizeDump::kClients},
};

enum class EndpointType : std::uint8_t { kIp, kHostname, kUnknown };
inline constexpr ChoiceName kEndpointTypes[] = {
    {"ip", EndpointType::kIp},
    {"hostname", EndpointType::kHostname},
    {"unknown-endpoint", EndpointType::kUnknown},
};

enum class TlsAuthClients : std::uint8_t { kNo, kYes, kOptional };
inline constexpr ChoiceName kTlsAuthClients[] = {
    {"no", TlsAuthClients::kNo},
    {"yes", TlsAuthClients::kYes},
    {"optional", TlsAuthClients::kOptional},
};

enum class TlsAuthClientsUser : std::uint8_t { kOff, kCommonName };
inline constexpr ChoiceName kTlsAuthClientsUsers[] = {
    {"off", TlsAuthClientsUser::kOff},
    {"CN", TlsAuthClientsUser::kCommonName},
};

// How to stop on SIGTERM or SIGINT: a set of these bits, empty for "default".
inline constexpr std::int64_t kShutdownSave = 1;
inline constexpr std::int64_t kShutdownNoSave = 2;
inline constexpr std::int64_t kShutdownNow = 4;
inline constexpr std::int64_t kShutdownForce = 8;
inline constexpr ChoiceName kShutdownOptions[] = {
    {"default", 0},        {"save", kShutdownSave},   {"nosave", kShutdownNoSave},
    {"now", kShutdownNow}, {"force", kShutdownForce},
};

// The numbers are local0..local7 in the order of syslog; user is apart.
inline constexpr ChoiceName kSyslogFacilities[] = {
    {"user", 8},   {"local0", 0}, {"local1", 1}, {"local2", 2}, {"local3", 3},
    {"local4", 4}, {"local5", 5}, {"local6", 6}, {"local7", 7},
};

// Events that notify-keyspace-events chooses from, one bit each; `config.Int` gives the set.
inline constexpr std::int64_t kEventKeyspace = keyspace::kEventKeyspace;    // K
inline constexpr std::int64_t kEventKeyevent = keyspace::kEventKeyevent;    // E
inline constexpr std::int64_t kEventGeneric = keyspace::kEventGeneric;      // g
inline constexpr std::int64_t kEventString = keyspace::kEventString;        // $
inline constexpr std::int64_t kEventList = keyspace::kEventList;            // l
inline constexpr std::int64_t kEventSet = keyspace::kEventSet;              // s
inline constexpr std::int64_t kEventHash = keyspace::kEventHash;            // h
inline constexpr std::int64_t kEventSortedSet = keyspace::kEventSortedSet;  // z
inline constexpr std::int64_t kEventExpired = keyspace::kEventExpired;      // x
inline constexpr std::int64_t kEventEvicted = keyspace::kEventEvicted;      // e
inline constexpr std::int64_t kEventStream = keyspace::kEventStream;        // t
inline constexpr std::int64_t kEventModule = keyspace::kEventModule;        // d
inline constexpr std::int64_t kEventKeyMiss = keyspace::kEventKeyMiss;      // m, not in A
inline constexpr std::int64_t kEventNewKey = keyspace::kEventNewKey;        // n, not in A
inline constexpr std::int64_t kEventAll = kEventGeneric | kEventString | kEventList | kEventSet |
                                          kEventHash | kEventSortedSet | kEventExpired |
                                          kEventEvicted | kEventStream | kEventModule;  // A

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CONFIG_ENUMS_H_
