// SPDX-License-Identifier: BSD-3-Clause
// ClientTracking: a connection's side of CLIENT TRACKING: what it asked for, and where
// invalidations stand among its replies.
//
// Invalidations come through the worker's inbox, replies from the command that runs. What was
// posted before a command read its keys goes before its reply; what was posted after it, and what
// the command itself made invalid, goes behind it:
//
//     inbox   a b c | d e          the bar: Tracker::OnRead, under the locks of the read
//     sent    a b c reply d e
//
// So no reply that still shows an old value comes after the word that it is old, and none that
// shows what came later comes before it. Without a read there is no bar, and only the command's own
// go behind.
//
// Made with a client's first CLIENT TRACKING ON, and kept: what it reads is remembered even if it
// is off for a while. Belongs to the connection, on its worker's thread; but the Tracker is shared.
#ifndef CAIRN_SERVER_CLIENT_TRACKING_H_
#define CAIRN_SERVER_CLIENT_TRACKING_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "command/call.h"
#include "pubsub/exchange.h"

namespace cairn::server {

class Connection;

// Posts to the inbox of the worker of whoever is to get it.
class ClientTracker final : public keyspace::Tracker {
 public:
  ClientTracker(pubsub::Exchange& exchange, ClientId client, std::size_t worker);
  void OnInvalid(keyspace::Invalidation& invalidation) override;
  void OnRead() override;

  // ClientId() for the client itself. Both may change while others send.
  void SetReceiver(ClientId receiver, std::size_t worker);
  // The inbox's position when the running command had read; UINT64_MAX if it has not. Only for the
  // thread that runs the client's commands.
  std::uint64_t TakeReadPosition();

 private:
  static constexpr int kWorkerBits = 16;

  pubsub::Exchange& exchange_;
  const std::uint32_t worker_;
  // The receiver's id and its worker in one, so that they fit each other; 0: the client itself.
  std::atomic<std::uint64_t> receiver_{0};
  std::atomic<std::uint64_t> read_position_{UINT64_MAX};
};

struct TrackingOptions {
  ClientId redirect;  // 0: none
  std::size_t redirect_worker = 0;
  bool broadcast = false;
  bool opt_in = false;
  bool opt_out = false;
  bool no_loop = false;
  std::vector<std::string> prefixes;
};

class ClientTracking {
 public:
  explicit ClientTracking(Connection& connection);
  ~ClientTracking();
  ClientTracking(const ClientTracking&) = delete;
  ClientTracking& operator=(const ClientTracking&) = delete;

  bool on() const { return on_; }
  bool broken() const { return broken_; }
  bool caching_given() const { return caching_given_; }
  // What was asked for, prefixes of earlier calls included.
  const TrackingOptions& options() const { return options_; }

  void Start(TrackingOptions options);
  void Stop();
  // CLIENT CACHING: the next command, or transaction, is treated the other way.
  void GiveCaching();

  // Around each command of the client.
  void BeginCommand();
  void EndCommand(command::Session& session, bool keeps_caching);
  // The command goes on in the lane: it ends with EndCommand when it has been answered. Till then
  // nobody knows whether it has read, so what comes goes behind its reply.
  void DeferCommand();
  // Something for this client; held back while a command runs. `keys` is null for all of them.
  void Take(bool own, const BlobRef& keys);
  bool in_command() const { return in_command_; }
  // Whom it redirects to has gone.
  void OnReceiverGone();

 private:
  void ChooseReader();
  void Publish();

  Connection& connection_;
  const std::shared_ptr<ClientTracker> tracker_;
  TrackingOptions options_;
  bool on_ = false;
  bool broken_ = false;
  bool caching_given_ = false;
  bool in_command_ = false;
  bool behind_ = false;  // what comes now belongs behind the reply
  std::vector<BlobRef> before_reply_;
  std::vector<BlobRef> after_reply_;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CLIENT_TRACKING_H_
