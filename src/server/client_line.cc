// SPDX-License-Identifier: BSD-3-Clause
// The line is one format of all fields.
#include "server/client_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace cairn::server {
namespace {

template <class T>
T Load(const std::atomic<T>& value) {
  return value.load(std::memory_order_relaxed);
}

std::string Flags(const ClientInfo& info) {
  std::string flags;
  if (Load(info.monitoring)) flags += 'O';
  if (info.subscribed()) flags += 'P';
  if (Load(info.multi_count) >= 0) flags += 'x';
  if (IsBlocked(info) || Load(info.is_paused) || Load(info.waits_for_room)) flags += 'b';
  if (Load(info.tracking)) flags += 't';
  if (Load(info.tracking_broken)) flags += 'R';
  if (Load(info.tracking_broadcast)) flags += 'B';
  if (WatchesChanged(info)) flags += 'd';
  if (Load(info.closing)) flags += 'c';
  if (info.is_unix_socket) flags += 'U';
  if (Load(info.no_evict)) flags += 'e';
  if (Load(info.no_touch)) flags += 'T';
  return flags.empty() ? "N" : flags;
}

}  // namespace

std::string ClientLine(const ClientInfo& info, UnixMs now_ms, std::int64_t argument_bytes) {
  const ClientTexts& texts = info.texts;
  const auto seconds_since = [&](UnixMs then_ms) {
    return std::max<std::int64_t>(0, now_ms - then_ms) / 1000;
  };
  const std::string* command = Load(info.last_command);
  const std::int64_t output_bytes = Load(info.output_bytes);
  const std::int64_t reply_bytes = Load(info.reply_buffer_bytes);
  return fmt::format(
             "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} "
             "ssub={} multi={} ",
             info.id.value, texts.address, texts.local_address, info.fd, texts.name,
             seconds_since(info.created_ms), seconds_since(Load(info.last_interaction_ms)),
             Flags(info), Load(info.db), Load(info.channels), Load(info.patterns),
             Load(info.shard_channels), Load(info.multi_count)) +
         fmt::format(
             "qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={} oll={} omem={} "
             "tot-mem={} ",
             Load(info.input_bytes), Load(info.input_free_bytes), argument_bytes,
             Load(info.multi_bytes), reply_bytes, reply_bytes, output_bytes,
             Load(info.output_pieces), output_bytes, Load(info.memory_bytes)) +
         fmt::format(
             "events={} cmd={} user={} redir={} resp={} lib-name={} lib-ver={}\n",
             Load(info.writable_wanted) ? "rw" : "r", command == nullptr ? "NULL" : *command,
             texts.user,
             Load(info.tracking) ? static_cast<std::int64_t>(Load(info.tracking_redirect)) : -1,
             Load(info.protocol), texts.library_name, texts.library_version);
}

ClientClass ClassOf(const ClientInfo& info) {
  return info.subscribed() ? ClientClass::kPubsub : ClientClass::kNormal;
}

bool ParseClientClass(std::string_view name, ClientClass* client_class) {
  constexpr std::pair<std::string_view, ClientClass> kNames[] = {
      {"normal", ClientClass::kNormal},   {"slave", ClientClass::kReplica},
      {"replica", ClientClass::kReplica}, {"pubsub", ClientClass::kPubsub},
      {"master", ClientClass::kMaster},
  };
  for (const auto& [known, value] : kNames) {
    if (!EqualsIgnoreCase(name, known)) continue;
    *client_class = value;
    return true;
  }
  return false;
}

}  // namespace cairn::server
