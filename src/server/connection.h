// SPDX-License-Identifier: BSD-3-Clause
// Connection: one client on its worker: bytes in, requests, replies, bytes out.
//
//     readable -> read into the worker's buffer (or behind what is left over) -> batches of
//     requests -> Runner
//              -> replies gather in the output buffer -> flushed once at the end of the worker's
//              pass
//
// Reading goes into a buffer that the worker lends, so an idle connection holds none; what a pass
// leaves over (half a request, or requests beyond the pass's share) moves to the connection's own
// buffer.
//
//     kOpen --QUIT, protocol error, output limit soft--> kDraining (no more requests; close once
//     flushed) --> closed
//       |---- peer gone, killed, output limit hard
//       ----------------------------------------------------------^
//
// Limits: kRequestsPerPass requests and kFlushBytes of replies a pass; client-query-buffer-limit
// bytes of input; client-output-buffer-limit bytes of output.
//
// Owned by its Worker; touched by the worker's thread only, but for info(), whose atomics any
// thread reads.
#ifndef CAIRN_SERVER_CONNECTION_H_
#define CAIRN_SERVER_CONNECTION_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_buffer.h"
#include "command/parked.h"
#include "command/runner.h"
#include "command/session.h"
#include "io/stream.h"
#include "io/timer_heap.h"
#include "pubsub/delivery.h"
#include "resp/parser.h"
#include "resp/reply_buffer.h"
#include "server/client_registry.h"
#include "server/reply_hold.h"

namespace cairn::command {
class Call;
}

namespace cairn::server {

class ClientSubscriptions;
class ClientTracking;
class RightsNews;
class Server;
class Worker;

// CLIENT REPLY: kSkipNext suppresses the reply of the command after CLIENT REPLY SKIP, kSkipping is
// that command.
enum class ReplyMode : std::uint8_t { kOn, kOff, kSkipNext, kSkipping };

class Connection final : public command::Session, public io::Watcher {
 public:
  static constexpr int kRequestsPerPass = 256;
  // Scripts may take very long: after so many microseconds of them others have their turn.
  static constexpr double kScriptUsPerPass = 2'000;
  // A peer that reads as fast as we write shall not have the worker to itself: 512 KiB take about
  // 0.2 ms.
  static constexpr std::size_t kFlushBytes = 512 * 1024;
  // The least room that is kept for reading more when a request is incomplete.
  static constexpr std::size_t kReadBytes = 16 * 1024;
  // Input is reserved for a large argument as it arrives: as much again, and at least so much; of
  // what has come to kTrustedBytes, up to kTrustedFactor times that, so that it is copied no more.
  // Moving 4 MiB and giving their room back held up the worker's other clients for 7 ms.
  static constexpr std::size_t kReserveAheadMin = 1024 * 1024;
  static constexpr std::size_t kTrustedBytes = 1024 * 1024;
  static constexpr std::size_t kTrustedFactor = 512;
  // And so much is read at once, that others are served in between.
  static constexpr std::size_t kReadBytesMax = 1024 * 1024;
  // Of a client whose request is delayed, or run by the lane, no more is read once so much waits:
  // the rest stays in the kernel, however much it sends without waiting for replies. With what one
  // reading brings less than the least client-query-buffer-limit.
  static constexpr std::size_t kDelayedBytesMax = 512 * 1024;
  // A client that has been silent for so long gives its last chunk for replies back, with the next
  // tick.
  static constexpr UnixMs kRestMs = 2'000;
  // How many bytes more to reserve when `have` of the `missing` and them have arrived.
  static std::size_t ReserveAhead(std::size_t have, std::size_t missing);
  // The next read then: of how many bytes, and into a buffer that is at least how large.
  struct ReadPlan {
    std::size_t bytes, capacity;
  };
  static ReadPlan PlanRead(std::size_t have, std::size_t missing);

  // A request of so many bytes is taken over together with the input in which it stands, if all
  // that has, of which what follows it is copied, is at most so many times as much. (Inline ones,
  // of which nothing says where they end, are smaller.)
  static constexpr std::size_t kTakenBytesMin = 128 * 1024;
  static constexpr std::size_t kTakenFactor = 2;
  // Input that waits moves to a smaller buffer when it is less than this part of its own.
  static constexpr std::size_t kLeftoverPart = 4;
  // The bytes of a request from its first argument to the end of its last one, if they lie in
  // `input`, in order: quoted words of a line stand anywhere. Else nothing.
  static std::string_view RequestWithin(const ByteBuffer& input,
                                        std::span<const std::string_view> args);

  Connection(Worker& worker, std::unique_ptr<io::Stream> stream, ClientId id,
             std::uint64_t random_seed);
  ~Connection() override;

  // The connection that a call of the server's own commands came in by. REQUIRES: the call is not
  // from an embedded session.
  static Connection& Of(command::Call& call);

  void OnReady(bool readable, bool writable, bool hangup) override;

  // Blocking (connection_wait.cc).
  bool may_block() const override { return true; }
  void OnParked(const std::shared_ptr<command::Parked>& parked, std::int64_t timeout_ms) override;
  // A request waits for stripes that the lane holds: it stays in the input.
  void OnDelayed(command::Lane& lane, const keyspace::StripeSet& stripes) override;
  // There is no room for what a request writes. The same.
  void OnCrowded() override;
  void OnHeldUp() override;
  command::OwnedArgs TakeArgs(std::span<const std::string_view> args) override;
  Blob* TakeBlob(std::string_view bytes) override;
  std::string_view input() const override { return leftover_.view(); }
  void OnExecReply(const resp::ReplyBuffer::Mark& begin) override;
  void TakeTurn();
  // WAITAOF: its wait is over, with this answer, unless it has another one already.
  void EndDurableWait(const std::shared_ptr<command::Parked>& parked, command::TimeoutReply reply);
  // The same, with an error.
  void FailDurableWait(const std::shared_ptr<command::Parked>& parked, std::string_view error);
  // The command it waits in, or null.
  const std::shared_ptr<command::Parked>& waiting() const { return waiting_; }
  // The command it waited in has been answered.
  void FinishWait(const std::shared_ptr<command::Parked>& parked);

  // Goes on with requests that wait in the own buffer: beyond the last pass's share, or parked by
  // CLIENT PAUSE.
  void Resume();
  // Sends what is pending and need not wait for the disk, as far as the socket takes it. Called
  // once at the end of a pass.
  void Flush();

  // Once a second: closes a connection that has been silent since before `oldest_ms`, or over its
  // soft output limit for too long.
  void Tick(UnixMs oldest_ms);

  // No further requests; closes when all replies are sent, that of a command that waits among them.
  void CloseAfterReplies();
  // Closes at the end of the pass, without sending what is pending.
  void CloseNow();

  Worker& worker() { return worker_; }
  Server& server();
  ClientInfo& info() { return info_; }
  ReplyMode reply_mode() const { return reply_mode_; }
  void set_reply_mode(ReplyMode mode) { reply_mode_ = mode; }
  // Brings info() up to date: once a pass, and before CLIENT LIST shows this connection.
  void Publish();
  // Puts back what a new connection has: RESET.
  void ResetSession();
  void BeginAsDefaultUser();
  // AUTH: from now on it is this user.
  void BecomeUser(std::shared_ptr<command::User> user);
  // Users have changed: it may be one of them, and have to go.
  void TakeNews(const RightsNews& news, ClientId caller);
  // The client's subscriptions, or null.
  ClientSubscriptions* subscriptions() { return subscriptions_.get(); }
  ClientSubscriptions& EnsureSubscriptions();
  // Listeners are many, and wait for long between messages: they hold no large buffers.
  void SetListening(bool listening) {
    set_subscribed(listening);
    output_.StartSmall(listening);
  }
  // Ends them without what is on its way; the client is gone.
  void DropSubscriptions();  // and tracking and monitoring
  // A message: its first byte by the protocol, `header`, then the bytes of `tail`.
  void Push(std::string_view header, const BlobRef& tail);
  // What the client asked for by CLIENT TRACKING, or null.
  ClientTracking* tracking() { return tracking_.get(); }
  ClientTracking& EnsureTracking();
  // Something for this client alone.
  void OnDirect(const pubsub::Delivery& delivery);
  // Nobody knows what was lost, so all that the client caches counts as invalid.
  void OnDirectLost();
  // The keys are null for all of them. Over RESP2 only to a subscriber that others redirect to.
  void PushInvalidation(const BlobRef& keys, bool redirected);
  // The same, before the reply that stands last in the output.
  void PushBeforeReply(std::span<const BlobRef> invalidations);
  void PushRedirectBroken(ClientId receiver);
  // From now on the client is shown commands: MONITOR; or no more.
  void SetMonitoring(bool monitoring);
  // The running command's reply is one that CLIENT REPLY does not silence.
  void KeepReply() { keeps_reply_ = true; }
  // Whether `call` is part of another command, and its reply of that one's.
  bool IsNested(command::Call& call) const;
  bool closed() const { return state_ == State::kClosed; }
  // The place among all of its worker's that CLIENT PAUSE has held back, at the last time.
  std::uint64_t held_as() const { return held_as_; }
  bool has_pending_input() const { return !leftover_.empty(); }
  io::Stream& stream() { return *stream_; }
  // Whether the worker has it on its list of connections to flush.
  bool flush_queued() const { return flush_queued_; }
  void set_flush_queued(bool queued) { flush_queued_ = queued; }
  // Whether the worker has it on its list of connections that wait for the disk.
  bool disk_watched() const { return disk_watched_; }
  void set_disk_watched(bool watched) { disk_watched_ = watched; }

 private:
  enum class State : std::uint8_t { kOpen, kDraining, kClosed };

  // Requests parsed from one stretch of input, not yet executed.
  struct Batch {
    std::size_t count = 0;
    std::size_t consumed = 0;  // bytes of input parsed
    resp::Outcome outcome = resp::Outcome::kRequest;
    std::array<std::size_t, command::Runner::kBatchMax> ends;  // where each request ends
  };

  void ReadInput();
  void DiscardInput();
  std::span<char> LeaseReadRoom();
  void RunLeftover();
  void KeepLeftover(std::string_view rest);
  void DropLeftover();
  void ShrinkLeftover();
  void ResumeLater();
  void ReadOn();
  // Runs what stands in `input`; returns how many bytes are done with.
  std::size_t ProcessInput(std::string_view input);
  Batch ParseBatch(std::string_view input, int share);
  // Runs requests at the front of `input` that are all reads like the worker's read_head(); returns
  // how many bytes are done with, 0 if this is not worth while or not allowed now.
  std::size_t RunReads(std::string_view input, int* share);
  bool MayRunReads(std::string_view input) const;
  // Returns how many requests were run, or dropped with the connection; the rest is parked.
  std::size_t ExecuteBatch(const Batch& batch);
  void Hold(const command::Prepared& prepared);
  void ExecuteOne(std::size_t i);
  void ExecuteMuted(std::size_t i);
  void ExecuteAudited(std::size_t i);
  std::string_view AuditResult();
  // Whether others send to this client between its replies.
  bool listens() const {
    return subscriptions_ != nullptr || tracking_ != nullptr || monitoring() ||
           info_.hears_others.load(std::memory_order_relaxed);
  }
  void BeginListening();
  void BeginReply();
  void FinishListening(const command::Prepared& prepared);
  // After each command of a subscriber: what it published to itself comes right behind its reply.
  void FinishPushes();
  void PushLine(const BlobRef& line);
  void FailProtocol();
  void RefuseTls();
  // What MULTI holds counts as input not yet done with.
  std::size_t QueuedBytes() { return transaction() == nullptr ? 0 : transaction()->bytes(); }
  std::size_t KnownBytes();
  void PublishTransaction();
  void TimeOutWait();
  // Its command is run by the lane; CLIENT UNBLOCK does not concern it.
  bool is_deferred() const { return waiting_ != nullptr && waiting_->is_deferred(); }
  // The client goes: nobody is to serve it any more.
  void AbandonWait();
  bool ClaimWait(const std::shared_ptr<command::Parked>& parked);
  void EndWait();
  void TakeBack(const command::Parked& parked);
  // What has been replied so far waits until the log is safe (connection_hold.cc).
  void HoldReplies();
  std::size_t SendableBytes();
  bool CheckInputLimit(std::size_t waiting_bytes);
  void CheckOutputLimit();
  // Its line in CLIENT LIST, for the log.
  std::string Description();
  void UpdatePolling();

  Worker& worker_;
  const std::unique_ptr<io::Stream> stream_;
  State state_ = State::kOpen;
  ReplyMode reply_mode_ = ReplyMode::kOn;
  bool flush_queued_ = false;
  bool disk_watched_ = false;
  bool write_blocked_ = false;  // the socket is full: EPOLLOUT is armed
  bool read_blocked_ = false;  // a delayed or deferred client has sent enough: EPOLLIN is not armed
  bool transaction_published_ = false;
  bool resume_queued_ = false;
  bool yields_ = false;  // the rest of a batch is for a later pass  // requests beyond the pass's
                         // share wait for the next one
  std::uint64_t held_as_ = 0;
  resp::Parser parser_;
  ByteBuffer leftover_;    // input not yet done with; empty between complete requests
  BlobRef given_;          // the leftover that runs, where it has become a value
  bool is_taken_ = false;  // what was run of the leftover has gone: it is what follows that
  resp::ReplyBuffer output_;
  ReplyHold hold_;
  std::unique_ptr<ClientSubscriptions> subscriptions_;
  std::unique_ptr<ClientTracking> tracking_;
  // Of a client with tracking: where the running command's reply begins.
  resp::ReplyBuffer::Mark reply_begin_;
  std::size_t reply_begin_bytes_ = 0;
  bool gets_redirected_ = false;  // other clients' invalidations
  bool keeps_reply_ = false;
  bool in_parts_ = false;  // the running command is an EXEC: what is not to be sent is gone already
  bool is_killed_ = false;  // by a command of the EXEC that runs: those behind it are not answered
  // Why requests stay unparsed: behind a command that waits; or from one on that is delayed.
  enum class Stall : std::uint8_t { kNone, kWaits, kDelayed };
  Stall stall_ = Stall::kNone;
  bool is_crowded_ = false;  // of kDelayed: it is for want of room
  // The command that waits.
  std::shared_ptr<command::Parked> waiting_;
  std::size_t wait_bytes_ = 0;  // its memory
  bool wait_is_muted_ = false;  // CLIENT REPLY silences its reply
  std::optional<io::TimerId> wait_timer_;
  UnixMs over_soft_limit_since_ms_ = 0;  // 0: within the soft output limit
  ClientInfo info_;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CONNECTION_H_
