// SPDX-License-Identifier: BSD-3-Clause
// The keyspace form goes first, as in Redis.
#include "server/notifier.h"

#include <string>

#include "base/text.h"

namespace cairn::server {
namespace {

std::string Channel(std::string_view form, DbId db, std::string_view what) {
  char digits[kInt64TextMax];
  const char* const end = FormatInt64(digits, db.value);
  std::string channel;
  channel.reserve(form.size() + kInt64TextMax + 3 + what.size());
  channel.append(form)
      .append(digits, static_cast<std::size_t>(end - digits))
      .append("__:")
      .append(what);
  return channel;
}

}  // namespace

void Notifier::OnEvent(keyspace::EventClass forms, std::string_view event, DbId db,
                       std::string_view key) {
  if (!exchange_.HasSubscribers()) return;
  if ((forms & keyspace::kEventKeyspace) != 0)
    exchange_.Publish(Channel("__keyspace@", db, key), event);
  if ((forms & keyspace::kEventKeyevent) != 0)
    exchange_.Publish(Channel("__keyevent@", db, event), key);
}

}  // namespace cairn::server
