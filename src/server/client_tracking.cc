// SPDX-License-Identifier: BSD-3-Clause
// Posting, and the order around a reply.
#include "server/client_tracking.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

// "*2\r\n$1\r\na\r\n$1\r\nb\r\n".
BlobRef EncodeKeys(std::span<const std::string_view> keys) {
  std::string bytes;
  char digits[kInt64TextMax];
  const auto put_number = [&](char type, std::size_t number) {
    const char* end = FormatInt64(digits, static_cast<std::int64_t>(number));
    bytes.push_back(type);
    bytes.append(digits, static_cast<std::size_t>(end - digits)).append("\r\n");
  };
  put_number('*', keys.size());
  for (const std::string_view key : keys) {
    put_number('$', key.size());
    bytes.append(key).append("\r\n");
  }
  Blob* blob = Blob::Create(bytes, bytes.size(), bytes.size());
  BlobRef encoded(blob);
  blob->Release();
  return encoded;
}

}  // namespace

ClientTracker::ClientTracker(pubsub::Exchange& exchange, ClientId client, std::size_t worker)
    : Tracker(client), exchange_(exchange), worker_(static_cast<std::uint32_t>(worker)) {}

void ClientTracker::SetReceiver(ClientId receiver, std::size_t worker) {
  receiver_.store(receiver.value << kWorkerBits | worker, std::memory_order_relaxed);
}

void ClientTracker::OnInvalid(keyspace::Invalidation& invalidation) {
  const std::uint64_t receiver = receiver_.load(std::memory_order_relaxed);
  const bool redirected = receiver >> kWorkerBits != 0;
  pubsub::Delivery delivery;
  delivery.kind = pubsub::Kind::kInvalidation;
  delivery.hash = redirected ? receiver >> kWorkerBits : client().value;
  delivery.origin = redirected ? client().value : 0;
  delivery.origin_worker = worker_;
  delivery.own = invalidation.own;
  if (!invalidation.keys.empty()) {
    if (invalidation.encoded.get() == nullptr) invalidation.encoded = EncodeKeys(invalidation.keys);
    delivery.tail = invalidation.encoded.Share();
  }
  constexpr std::uint64_t kWorkerMask = (1u << kWorkerBits) - 1;
  exchange_.Send(redirected ? receiver & kWorkerMask : worker_, std::move(delivery));
}

// The first read of a command counts: a transaction's later ones are under the same locks or later.
void ClientTracker::OnRead() {
  if (read_position_.load(std::memory_order_relaxed) == UINT64_MAX)
    read_position_.store(exchange_.inbox(worker_).posted(), std::memory_order_relaxed);
}

std::uint64_t ClientTracker::TakeReadPosition() {
  return read_position_.exchange(UINT64_MAX, std::memory_order_relaxed);
}

ClientTracking::ClientTracking(Connection& connection)
    : connection_(connection),
      tracker_(std::make_shared<ClientTracker>(connection.server().exchange(), connection.id(),
                                               connection.worker().number())) {}

ClientTracking::~ClientTracking() { Stop(); }

void ClientTracking::Start(TrackingOptions options) {
  // None at all means every key.
  std::vector<std::string> new_prefixes = std::move(options.prefixes);
  if (options.broadcast && new_prefixes.empty()) new_prefixes.emplace_back();
  // Those of earlier calls stay, and all stand in order, as CLIENT TRACKINGINFO tells them. They
  // are apart from each other, but for that of every key, which may come again.
  std::vector<std::string> all_prefixes = std::move(options_.prefixes);
  all_prefixes.insert(all_prefixes.end(), new_prefixes.begin(), new_prefixes.end());
  std::ranges::sort(all_prefixes);
  const auto repeated = std::ranges::unique(all_prefixes);
  all_prefixes.erase(repeated.begin(), repeated.end());
  options.prefixes = std::move(all_prefixes);
  options_ = std::move(options);
  tracker_->SetReceiver(options_.redirect, options_.redirect_worker);
  on_ = true;
  broken_ = false;
  unsigned modes = keyspace::kTrackingOn;
  if (options_.broadcast) modes |= keyspace::kTrackingBroadcast;
  if (options_.no_loop) modes |= keyspace::kTrackingNoLoop;
  connection_.server().engine().keyspace().tracking().Start(
      tracker_, static_cast<std::uint8_t>(modes), new_prefixes);
  ChooseReader();
  Publish();
}

void ClientTracking::Stop() {
  if (!std::exchange(on_, false)) return;
  connection_.server().engine().keyspace().tracking().Stop(tracker_);
  options_ = {};
  broken_ = false;
  caching_given_ = false;
  ChooseReader();
  Publish();
}

void ClientTracking::GiveCaching() {
  caching_given_ = true;
  ChooseReader();
}

// A broadcast does not depend on what was read, but its place among the replies does.
void ClientTracking::ChooseReader() {
  const bool remembers = on_ && (options_.opt_in    ? caching_given_
                                 : options_.opt_out ? !caching_given_
                                                    : true);
  connection_.set_reader(remembers ? tracker_ : nullptr);
}

void ClientTracking::Publish() {
  ClientInfo& info = connection_.info();
  info.tracking.store(on_, std::memory_order_relaxed);
  info.tracking_broken.store(broken_, std::memory_order_relaxed);
  info.tracking_broadcast.store(options_.broadcast, std::memory_order_relaxed);
  info.tracking_redirect.store(options_.redirect.value, std::memory_order_relaxed);
}

void ClientTracking::BeginCommand() {
  in_command_ = true;
  behind_ = false;
}

void ClientTracking::DeferCommand() {
  if (!in_command_) return;
  for (const BlobRef& keys : before_reply_) connection_.PushInvalidation(keys, false);
  before_reply_.clear();
  behind_ = true;
}

void ClientTracking::EndCommand(command::Session& session, bool keeps_caching) {
  if (!in_command_) return;  // tracking began with this command
  pubsub::Desk& desk = connection_.worker().desk();
  const std::uint64_t read_position = tracker_->TakeReadPosition();
  if (desk.pending()) {
    if (read_position == UINT64_MAX) {
      desk.DrainAll();
    } else {
      desk.DrainTo(read_position);
    }
    behind_ = true;
    desk.DrainAll();
  }
  in_command_ = false;
  if (!before_reply_.empty()) connection_.PushBeforeReply(before_reply_);
  for (const BlobRef& keys : after_reply_) connection_.PushInvalidation(keys, false);
  before_reply_.clear();
  after_reply_.clear();
  if (caching_given_ && !keeps_caching) {
    caching_given_ = false;
    ChooseReader();
  }
  keyspace::Keyspace& keyspace = connection_.server().engine().keyspace();
  keyspace.tracking().Trim(keyspace,
                           keyspace.tunables().tracked_keys_max.load(std::memory_order_relaxed),
                           session.random());
}

void ClientTracking::Take(bool own, const BlobRef& keys) {
  (own || behind_ ? after_reply_ : before_reply_).push_back(keys.Share());
}

void ClientTracking::OnReceiverGone() {
  // An old one may have been on its way when the client chose another receiver.
  if (!on_ || options_.redirect == ClientId()) return;
  broken_ = true;
  Publish();
  if (connection_.protocol() >= 3) connection_.PushRedirectBroken(options_.redirect);
}

}  // namespace cairn::server
