// SPDX-License-Identifier: BSD-3-Clause
// Making a line once, for all who want it.
#include "server/monitors.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/glob.h"
#include "base/text.h"
#include "server/connection.h"
#include "server/redact.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {

void Monitors::Add(Connection& connection, MonitorFilter filter) {
  connection.SetMonitoring(true);
  command::Shared& shared = server_.engine().shared();
  MutexLock hold(mu_);
  monitors_.push_back(
      {.id = connection.id(), .worker = connection.worker().number(), .filter = std::move(filter)});
  if (monitors_.size() > 1) return;
  shared.observer.store(this, std::memory_order_release);
  shared.guards.fetch_add(1);
}

void Monitors::Remove(Connection& connection) {
  connection.SetMonitoring(false);
  command::Shared& shared = server_.engine().shared();
  MutexLock hold(mu_);
  std::erase_if(monitors_, [&](const Monitor& monitor) { return monitor.id == connection.id(); });
  if (!monitors_.empty()) return;
  shared.observer.store(nullptr, std::memory_order_release);
  shared.guards.fetch_sub(1);
}

bool Monitors::Wants(Monitor& monitor, command::Call& call) {
  const MonitorFilter& filter = monitor.filter;
  if (filter.client && *filter.client != call.session().id()) return false;
  if (filter.pattern && std::ranges::none_of(call.args(), [&](std::string_view arg) {
        return GlobMatch(*filter.pattern, arg);
      })) {
    return false;
  }
  return monitor.fitting++ % filter.sample == 0;
}

void Monitors::OnCommand(command::Call& call) {
  if ((call.command().spec->row.flags & command::kAdmin) != 0) return;
  BlobRef line;
  MutexLock hold(mu_);
  for (Monitor& monitor : monitors_) {
    if (!Wants(monitor, call)) continue;
    if (line.get() == nullptr) line = Line(call);
    pubsub::Delivery delivery;
    delivery.kind = pubsub::Kind::kObservation;
    delivery.hash = monitor.id.value;
    delivery.tail = line.Share();
    server_.exchange().Send(monitor.worker, std::move(delivery));
  }
}

BlobRef Monitors::Line(command::Call& call) {
  const std::int64_t now_us = server_.engine().clock().NowUnixUs();
  std::string address;
  if (call.in_script()) {
    address = "lua";
  } else {
    server_.clients().With(call.session().id(), [&](const ClientInfo& info) {
      address = (info.is_unix_socket ? "unix:" : "") + info.texts.address;
    });
  }
  std::string line = fmt::format("+{}.{:06} [{} {}]", now_us / 1'000'000, now_us % 1'000'000,
                                 call.session().db().value, address);
  for (const std::string_view arg : WithoutSecrets(call.command().full_name, call.args()))
    line.append(" ").append(QuoteString(arg));
  line += "\r\n";
  Blob* blob = Blob::Create(line, line.size(), line.size());
  BlobRef shared(blob);
  blob->Release();
  return shared;
}

}  // namespace cairn::server
