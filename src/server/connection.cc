// SPDX-License-Identifier: BSD-3-Clause
// A connection's input and output.
//
// Requests are parsed ahead, up to Runner::kBatchMax of them, from bytes that stay where they are
// until the batch has run. Two kinds of connection go one request at a time: those not
// authenticated, whose limits change with AUTH, and those while a pause may park them.
#include "server/connection.h"

#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "acl/users.h"
#include "base/check.h"
#include "base/text.h"
#include "command/call.h"
#include "command/transaction.h"
#include "server/audit_log.h"
#include "server/audited_command.h"
#include "server/client_line.h"
#include "server/client_subscriptions.h"
#include "server/client_tracking.h"
#include "server/redact.h"
#include "server/server.h"
#include "server/worker.h"

namespace cairn::server {
namespace {

constexpr std::size_t kIovecsMax = 64;
constexpr std::size_t kReadRunMin = 8;

// How many of the vectors, the last of them cut, make up `bytes_max`: a value of many megabytes is
// one of them.
std::size_t Shortened(std::span<iovec> vectors, std::size_t bytes_max) {
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    if (vectors[i].iov_len >= bytes_max) {
      vectors[i].iov_len = bytes_max;
      return i + 1;
    }
    bytes_max -= vectors[i].iov_len;
  }
  return vectors.size();
}

// A web page that makes a browser post to us: what it smuggles in must not be run.
bool IsOfHttp(std::string_view word) {
  return EqualsIgnoreCase(word, "host:") || EqualsIgnoreCase(word, "post");
}

}  // namespace

Connection::Connection(Worker& worker, std::unique_ptr<io::Stream> stream, ClientId id,
                       std::uint64_t random_seed)
    : Session(id, random_seed), worker_(worker), stream_(std::move(stream)) {
  info_.id = id;
  info_.worker = worker.number();
  info_.fd = stream_->descriptor();
}

Connection::~Connection() { DropLeftover(); }

Connection& Connection::Of(command::Call& call) { return static_cast<Connection&>(call.session()); }

Server& Connection::server() { return worker_.server(); }

void Connection::OnReady(bool readable, bool writable, bool hangup) {
  if (state_ == State::kClosed || worker_.in_script() == this) return;
  if (writable && write_blocked_) {
    write_blocked_ = false;
    worker_.WatchFlush(this);
  }
  // Requests that wait their turn come first: a peer that pipelines without end must not make the
  // backlog grow. What it sends meanwhile stays in the kernel.
  if (readable && !resume_queued_) return ReadInput();
  if (readable) return;
  if (hangup) CloseNow();
}

// A peer's announcement is not trusted before it has sent a good part of it.
std::size_t Connection::ReserveAhead(std::size_t have, std::size_t missing) {
  const std::size_t factor = have < kTrustedBytes ? 1 : kTrustedFactor;
  return std::min(missing, std::max(have * factor, kReserveAheadMin));
}

// The read that ends an argument asks for what follows it, too. Were there no room for that, the
// buffer would grow by a good part of itself, which whoever keeps the argument has to keep, too.
Connection::ReadPlan Connection::PlanRead(std::size_t have, std::size_t missing) {
  const std::size_t bytes = std::max(kReadBytes, std::min(missing, kReadBytesMax));
  return {.bytes = bytes,
          .capacity = have + std::max(bytes, ReserveAhead(have, missing) + kReadBytes)};
}

// Where the next bytes go: the worker's buffer if nothing is left over, else behind the leftover.
std::span<char> Connection::LeaseReadRoom() {
  if (leftover_.empty()) return worker_.read_buffer();
  const std::size_t have = leftover_.size();
  const std::size_t wanted = parser_.wanted_bytes();
  ReadPlan plan = PlanRead(have, wanted > have ? wanted - have : 0);
  // Up to the limit, and then the one byte too many: else a request that is too long would be run
  // if it happened to end within this read.
  const auto limit = static_cast<std::size_t>(server().config().Int("client-query-buffer-limit"));
  plan.bytes = std::min(plan.bytes, limit > have ? limit - have : 1);
  leftover_.Reserve(plan.capacity);
  leftover_.Resize(have + plan.bytes);
  return {leftover_.data() + have, plan.bytes};
}

void Connection::ReadInput() {
  if (state_ == State::kDraining) return DiscardInput();
  const std::size_t have = leftover_.size();
  const bool is_held_up = stall_ == Stall::kDelayed || is_deferred();
  if (is_held_up && have >= kDelayedBytesMax) [[unlikely]] {
    read_blocked_ = true;
    return UpdatePolling();
  }
  const std::span<char> room = LeaseReadRoom();
  const io::Transfer read = stream_->Read(room);
  const bool own = have > 0;
  if (own) leftover_.Resize(have + read.bytes);
  if (!read.done()) {
    if (read.state != io::Transfer::State::kWouldBlock) CloseNow();
    return;
  }
  worker_.counters().input_bytes.Add(static_cast<std::int64_t>(read.bytes));
  info_.last_interaction_ms.store(worker_.runner().now_ms(), std::memory_order_relaxed);
  if (own && !CheckInputLimit(leftover_.size())) return;
  if (own) {
    RunLeftover();
  } else {
    const std::string_view input(room.data(), read.bytes);
    KeepLeftover(input.substr(ProcessInput(input)));
  }
  Publish();
}

void Connection::RunLeftover() {
  const std::string_view input = leftover_.view();
  const std::size_t done = ProcessInput(input);
  if (std::exchange(is_taken_, false)) {
    // What followed a request that MULTI has queued, and has moved.
    if (state_ == State::kOpen && stall_ == Stall::kNone && !leftover_.empty()) ResumeLater();
    return;
  }
  if (const BlobRef given = std::exchange(given_, BlobRef()); given.get() != nullptr) {
    return KeepLeftover(input.substr(done));
  }
  if (done == leftover_.size()) {
    // A large request's buffer is not kept by an idle connection.
    DropLeftover();
  } else if (done > 0) {  // room that was reserved for a request stays while nothing has run
    leftover_.EraseFront(done);
    ShrinkLeftover();
  }
}

// What has run is not kept for a small rest of it.
void Connection::ShrinkLeftover() {
  const std::size_t memory = leftover_.memory_bytes();
  if (memory <= keyspace::Trash::kBytesAtOnceMax || leftover_.size() > memory / kLeftoverPart)
    return;
  ByteBuffer rest(leftover_.view());
  DropLeftover();
  leftover_ = std::move(rest);
}

void Connection::ResumeLater() {
  resume_queued_ = true;
  worker_.WatchResume(this);
}

// Of many megabytes it is not given back to the system here: that takes milliseconds.
void Connection::DropLeftover() {
  if (leftover_.memory_bytes() > keyspace::Trash::kBytesAtOnceMax)
    server().engine().keyspace().trash().AddSpare(std::move(leftover_));
  leftover_.Free();
}

void Connection::KeepLeftover(std::string_view rest) {
  if (!rest.empty() && state_ == State::kOpen) leftover_.Assign(rest);
}

void Connection::Resume() {
  info_.is_paused.store(false, std::memory_order_relaxed);
  resume_queued_ = false;
  if (state_ != State::kOpen || leftover_.empty() || stall_ != Stall::kNone) return;
  RunLeftover();
  Publish();
}

std::size_t Connection::ProcessInput(std::string_view input) {
  command::Runner& runner = worker_.runner();
  std::size_t done = 0;
  int share = kRequestsPerPass;
  bool uniform = true;  // nothing but reads of one kind so far
  while (state_ == State::kOpen && !info_.is_paused.load(std::memory_order_relaxed) &&
         stall_ == Stall::kNone) {
    if (share <= 0) {
      ResumeLater();
      break;
    }
    if (const std::size_t read = uniform ? RunReads(input.substr(done), &share) : 0; read > 0) {
      done += read;
      if (output_.pending_bytes() > kReadBytes) CheckOutputLimit();
      if (done == input.size()) break;
      continue;
    }
    if (stall_ != Stall::kNone) break;  // the first of the reads was delayed
    uniform = false;
    runner.Reset();
    worker_.args().Reset();
    const Batch batch = ParseBatch(input.substr(done), share);
    runner.Begin(*this);
    const std::size_t executed = ExecuteBatch(batch);
    share = std::exchange(yields_, false) ? 0 : share - static_cast<int>(batch.count);
    // Replies of one pass can be many times the request's size, so the pass itself is bounded.
    if (output_.pending_bytes() > kReadBytes) CheckOutputLimit();
    if (executed < batch.count || stall_ != Stall::kNone || is_taken_) {
      // Parked, stalled, moved or closed on the way: what was not run is parsed again later.
      done += executed == 0 ? 0 : batch.ends[executed - 1];
      parser_.Reset();
      if (share == 0 && stall_ == Stall::kNone && !is_taken_) ResumeLater();
      break;
    }
    done += batch.consumed;
    if (batch.outcome == resp::Outcome::kError) {
      FailProtocol();
      return input.size();
    }
    if (batch.outcome == resp::Outcome::kNeedMore) {
      if (Server::IsClientHello(input.substr(done))) [[unlikely]]
        RefuseTls();
      break;
    }
  }
  if (state_ == State::kOpen && !CheckInputLimit(input.size() - done + QueuedBytes()))
    return input.size();
  if (!output_.empty()) {
    if (server().watermark().holds()) [[unlikely]]
      HoldReplies();
    worker_.WatchFlush(this);
  }
  return done;
}

Connection::Batch Connection::ParseBatch(std::string_view input, int share) {
  Batch batch;
  const bool lacks_password = !authenticated() && server().RequiresPassword();
  const bool one_by_one = lacks_password || server().pause().active();
  const std::size_t count_max = one_by_one ? 1
                                           : std::min<std::size_t>(command::Runner::kBatchMax,
                                                                   static_cast<std::size_t>(share));
  const resp::Limits limits = server().ParserLimits(!lacks_password);
  command::Runner& runner = worker_.runner();
  resp::ArgArena& args = worker_.args();
  resp::Request request;
  while (batch.count < count_max) {
    if (batch.count > 0 && parser_.Again(input, args, &request)) {
      runner.PrepareAgain({request.args, request.argc});
    } else {
      batch.outcome = parser_.Next(input, limits, args, &request);
      if (batch.outcome != resp::Outcome::kRequest) break;
      const std::span words(request.args, request.argc);
      request.consumed < command::Call::kLargeBytes ? runner.Prepare(words)
                                                    : runner.PrepareLarge(words);
      worker_.NoteHead(request.head, runner.prepared(batch.count));
    }
    input.remove_prefix(request.consumed);
    batch.consumed += request.consumed;
    batch.ends[batch.count++] = batch.consumed;
  }
  // Empty lines, which are skipped.
  if (batch.outcome != resp::Outcome::kRequest) batch.consumed += request.consumed;
  return batch;
}

bool Connection::MayRunReads(std::string_view input) const {
  const Worker::ReadLane& lane = worker_.read_lane();
  return !input.empty() && lane.head && !parser_.mid_request() && reply_mode_ == ReplyMode::kOn &&
         !listens() && !info_.kill_requested.load(std::memory_order_relaxed) &&
         !worker_.server().pause().active() && worker_.runner().MayRunReads(*lane.command, *this);
}

std::size_t Connection::RunReads(std::string_view input, int* share) {
  if (!MayRunReads(input)) return 0;
  const Worker::ReadLane& lane = worker_.read_lane();
  command::Runner& runner = worker_.runner();
  const std::size_t count_max =
      std::min(command::Runner::kReadRunMax, static_cast<std::size_t>(*share));
  runner.Reset();
  const resp::ReadHead head = lane.head;  // here nothing that is stored below can have changed it
  const char* at = input.data();
  const char* const end = at + input.size();
  std::size_t count = 0;
  std::string_view key;
  for (; count < count_max; ++count) {
    const char* const after = head.Take(at, end, &key);
    if (after == nullptr) break;
    runner.AddRead(key);
    at = after;
  }
  // Short runs among other requests would only break up their batch.
  if (count == 0 || (count < kReadRunMin && at != end)) return 0;
  info_.last_command.store(&lane.command->full_name, std::memory_order_relaxed);
  resp::Writer writer(output_, protocol());
  const std::size_t done = runner.RunReads(*this, *lane.command, lane.name(), writer);
  *share -= static_cast<int>(done);
  if (done < count) [[unlikely]] {
    constexpr std::size_t kAfterKey = 2;
    if (done == 0) return 0;
    key = runner.read_key(done - 1);
    at = key.data() + key.size() + kAfterKey;
  }
  return static_cast<std::size_t>(at - input.data());
}

std::size_t Connection::ExecuteBatch(const Batch& batch) {
  const bool audits = server().audit().is_on();
  const auto most =
      static_cast<std::uint64_t>(server().engine().shared().cycles_per_us * kScriptUsPerPass);
  const auto ran_cycles = [begin = CycleNow()] { return CycleNow() - begin; };
  for (std::size_t i = 0; i < batch.count; ++i) {
    if (state_ != State::kOpen) return batch.count;  // what follows QUIT is dropped
    if (stall_ != Stall::kNone) return i - (stall_ == Stall::kDelayed ? 1 : 0);
    if (is_taken_) return i;  // those behind it stand elsewhere now
    if (info_.kill_requested.load(std::memory_order_relaxed)) {
      CloseNow();
      return batch.count;
    }
    const command::Prepared& prepared = worker_.runner().prepared(i);
    if (server().pause().active() && prepared.command != nullptr &&
        server().pause().Parks(*prepared.command, *this)) {
      Hold(prepared);
      return i;
    }
    audits ? ExecuteAudited(i) : ExecuteOne(i);
    const command::CommandTable::Command* command = prepared.command;
    if (command != nullptr && (command->flags & command::kRunsScript) != 0 && ran_cycles() > most) {
      yields_ = true;
      return i + 1;
    }
  }
  return batch.count - (stall_ == Stall::kDelayed ? 1 : 0);
}

// Until CLIENT UNPAUSE; it is shown as what it is about to do.
void Connection::Hold(const command::Prepared& prepared) {
  info_.is_paused.store(true, std::memory_order_relaxed);
  info_.last_command.store(&prepared.command->full_name, std::memory_order_relaxed);
  held_as_ = worker_.NextHeld();
}

[[gnu::always_inline]] inline void Connection::ExecuteOne(std::size_t i) {
  const command::Prepared& prepared = worker_.runner().prepared(i);
  if (prepared.command != nullptr) {
    info_.last_command.store(&prepared.command->full_name, std::memory_order_relaxed);
  } else if (IsOfHttp(prepared.args[0])) {
    server().ReportHttp(info_);
    return CloseNow();
  } else if (Server::IsClientHello(prepared.args[0])) {
    return RefuseTls();
  }
  // What was published before this command was read comes before its reply.
  if (listens()) [[unlikely]]
    BeginListening();
  if (reply_mode_ == ReplyMode::kOn) [[likely]] {
    resp::Writer writer(output_, protocol());
    worker_.runner().Execute(*this, i, writer);
  } else {
    ExecuteMuted(i);
  }
  if (listens()) [[unlikely]]
    FinishListening(prepared);
}

// What has been delayed is told of when it has run; what waits for another thread, or for MULTI to
// end, when it is taken on.
void Connection::ExecuteAudited(std::size_t i) {
  const command::Prepared& prepared = worker_.runner().prepared(i);
  if (prepared.command == nullptr || !IsAudited(*prepared.command, prepared.args.size()))
    return ExecuteOne(i);
  AuditedCommand told(server(), *this, *prepared.command, prepared.args);
  const Counter& errors = worker_.runner().stats().total_errors;
  const std::int64_t errors_before = errors.value();
  ExecuteOne(i);
  if (stall_ == Stall::kDelayed) return;
  told.Tell(errors.value() != errors_before ? "error" : AuditResult());
}

std::string_view Connection::AuditResult() {
  if (waiting_ != nullptr) return "deferred";
  return queueing() ? "queued" : "ok";
}

void Connection::BeginListening() {
  if (worker_.in_script() == nullptr) worker_.desk().DrainAll();
  if (tracking_ == nullptr) return;
  BeginReply();
  tracking_->BeginCommand();
}

void Connection::BeginReply() {
  reply_begin_ = output_.mark();
  reply_begin_bytes_ = output_.pending_bytes();
}

void Connection::FinishListening(const command::Prepared& prepared) {
  if (tracking_ != nullptr && is_deferred()) {
    tracking_->DeferCommand();
  } else if (tracking_ != nullptr) {
    // CLIENT CACHING is about the command after it; other subcommands do not use it up either.
    const bool keeps_caching =
        queueing() || stall_ == Stall::kDelayed ||
        (prepared.command != nullptr && prepared.command->spec->container == "CLIENT");
    tracking_->EndCommand(*this, keeps_caching);
  }
  if (subscriptions_ != nullptr) FinishPushes();
}

// CLIENT REPLY ON answers, and so does what follows it; everything else while off or skipped leaves
// no trace.
void Connection::ExecuteMuted(std::size_t i) {
  resp::Writer writer(output_, protocol());
  const resp::ReplyBuffer::Mark before = output_.mark();
  keeps_reply_ = in_parts_ = false;
  const ReplyMode mode = reply_mode_;
  if (reply_mode_ == ReplyMode::kSkipNext) reply_mode_ = ReplyMode::kSkipping;
  worker_.runner().Execute(*this, i, writer);
  if (stall_ == Stall::kDelayed) {
    reply_mode_ = mode;
    return;
  }
  if (reply_mode_ != ReplyMode::kOn && !keeps_reply_ && !in_parts_) output_.Truncate(before);
  if (reply_mode_ == ReplyMode::kSkipping) reply_mode_ = ReplyMode::kOn;
}

// Redis leaves out what is silenced and no more, so that the array is shorter than it says.
void Connection::OnExecReply(const resp::ReplyBuffer::Mark& begin) {
  in_parts_ = true;
  const bool is_silent = reply_mode_ == ReplyMode::kOff || reply_mode_ == ReplyMode::kSkipping;
  if (is_killed_ || (is_silent && !keeps_reply_)) output_.Truncate(begin);
  is_killed_ = state_ != State::kOpen;
  keeps_reply_ = false;
}

ClientSubscriptions& Connection::EnsureSubscriptions() {
  if (subscriptions_ == nullptr) subscriptions_ = std::make_unique<ClientSubscriptions>(*this);
  return *subscriptions_;
}

void Connection::DropSubscriptions() {
  tracking_.reset();
  if (monitoring()) server().monitors().Remove(*this);
  if (subscriptions_ == nullptr) return;
  worker_.desk().Leave(*subscriptions_);
  subscriptions_.reset();
}

bool Connection::IsNested(command::Call& call) const {
  return info_.last_command.load(std::memory_order_relaxed) != &call.command().full_name;
}

void Connection::Push(std::string_view header, const BlobRef& tail) {
  if (state_ != State::kOpen) return;
  char* to = output_.Reserve(1 + header.size());
  *to++ = protocol() >= 3 ? '>' : '*';
  std::memcpy(to, header.data(), header.size());
  output_.CommitTo(to + header.size());
  const Blob* blob = tail.get();
  if (blob == nullptr) {
    // All is in the header.
  } else if (blob->size() >= kBlobThreshold) {
    output_.AppendBlob(tail.Share());
  } else {
    output_.Append(blob->view());
  }
  // One burst of messages can be many times what the peer takes.
  if (output_.pending_bytes() > kReadBytes) CheckOutputLimit();
  worker_.WatchFlush(this);
}

ClientTracking& Connection::EnsureTracking() {
  if (tracking_ == nullptr) tracking_ = std::make_unique<ClientTracking>(*this);
  return *tracking_;
}

void Connection::OnDirect(const pubsub::Delivery& delivery) {
  switch (delivery.kind) {
    case pubsub::Kind::kInvalidation:
      gets_redirected_ |= delivery.origin != 0;
      if (tracking_ != nullptr && tracking_->in_command())
        return tracking_->Take(delivery.own, delivery.tail);
      return PushInvalidation(delivery.tail, delivery.origin != 0);
    case pubsub::Kind::kReceiverGone:
      if (tracking_ != nullptr) tracking_->OnReceiverGone();
      return;
    case pubsub::Kind::kObservation:
      if (monitoring()) PushLine(delivery.tail);
      return;
    default:
      return;
  }
}

void Connection::OnDirectLost() {
  if (monitoring()) CloseNow();
  if (gets_redirected_ || (tracking_ != nullptr && tracking_->on()))
    PushInvalidation(BlobRef(), gets_redirected_);
}

void Connection::PushInvalidation(const BlobRef& keys, bool redirected) {
  if (state_ != State::kOpen) return;
  if (protocol() < 3 && (!redirected || !subscribed())) return;
  static constexpr std::string_view kPush = "2\r\n$10\r\ninvalidate\r\n";
  static constexpr std::string_view kMessage =
      "3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n";
  std::string header(protocol() >= 3 ? kPush : kMessage);
  if (keys.get() != nullptr) return Push(header, keys);
  header += protocol() >= 3 ? "_\r\n" : "$-1\r\n";
  Push(header, BlobRef());
}

// It is seldom that something arrives while a command runs, so the reply is copied.
void Connection::PushBeforeReply(std::span<const BlobRef> invalidations) {
  const std::string all = output_.ToString();
  output_.Truncate(reply_begin_);
  for (const BlobRef& keys : invalidations) PushInvalidation(keys, false);
  if (state_ == State::kOpen) output_.Append(std::string_view(all).substr(reply_begin_bytes_));
}

void Connection::PushRedirectBroken(ClientId receiver) {
  if (state_ != State::kOpen) return;
  resp::Writer writer(output_, protocol());
  writer.Push(2);
  writer.Bulk("tracking-redir-broken");
  writer.Integer(static_cast<std::int64_t>(receiver.value));
  worker_.WatchFlush(this);
}

void Connection::SetMonitoring(bool monitoring) {
  set_monitoring(monitoring);
  info_.monitoring.store(monitoring, std::memory_order_relaxed);
}

void Connection::PushLine(const BlobRef& line) {
  if (state_ != State::kOpen) return;
  output_.Append(line.get()->view());
  if (output_.pending_bytes() > kReadBytes) CheckOutputLimit();
  worker_.WatchFlush(this);
}

void Connection::FinishPushes() {
  subscriptions_->Release();
  if (worker_.in_script() == nullptr) worker_.desk().DrainAll();
  if (subscriptions_->empty()) subscriptions_.reset();
}

void Connection::RefuseTls() {
  server().ReportTlsOnPlain(info_);
  CloseNow();
}

void Connection::FailProtocol() {
  resp::Writer(output_, protocol()).Error("ERR " + parser_.error());
  server().counters().protocol_errors.Add(1);
  if (server().watermark().holds()) HoldReplies();
  worker_.WatchFlush(this);
  CloseAfterReplies();
}

bool Connection::CheckInputLimit(std::size_t waiting_bytes) {
  if (waiting_bytes <= static_cast<std::size_t>(server().config().Int("client-query-buffer-limit")))
    return true;
  server().log().Warning("Closing client that reached max query buffer length: " + Description());
  server().counters().query_buffer_disconnections.Add(1);
  CloseNow();
  return false;
}

void Connection::Flush() {
  if (state_ == State::kClosed) return;
  std::size_t flushed = 0;
  const std::size_t sendable = hold_.empty() ? SIZE_MAX : SendableBytes();
  while (!output_.empty() && !write_blocked_ && flushed < sendable) {
    if (flushed >= kFlushBytes) {
      write_blocked_ = true;  // the next pass goes on
      break;
    }
    iovec vectors[kIovecsMax];
    const std::size_t count = Shortened({vectors, output_.FillIovecs(vectors, kIovecsMax)},
                                        std::min(kFlushBytes, sendable) - flushed);
    const io::Transfer written = stream_->Write({vectors, count});
    if (written.state == io::Transfer::State::kWouldBlock) {
      write_blocked_ = true;
      break;
    }
    if (!written.done()) return CloseNow();
    output_.Consume(written.bytes);
    hold_.Consume(written.bytes);
    flushed += written.bytes;
    if (info_.writable_wanted.load(std::memory_order_relaxed)) {
      info_.last_interaction_ms.store(worker_.runner().now_ms(), std::memory_order_relaxed);
    }
    worker_.counters().output_bytes.Add(static_cast<std::int64_t>(written.bytes));
  }
  if (output_.empty() && state_ == State::kDraining && waiting_ == nullptr) return CloseNow();
  // Nothing pending, now as when it was last looked at: as nearly always.
  if (!output_.empty() || info_.output_bytes.load(std::memory_order_relaxed) != 0)
    CheckOutputLimit();
  if (write_blocked_ != info_.writable_wanted.load(std::memory_order_relaxed)) UpdatePolling();
  // Memory that went with the bytes is not counted until the client speaks again.
  if (static_cast<std::int64_t>(output_.allocated_bytes()) !=
      info_.reply_buffer_bytes.load(std::memory_order_relaxed)) {
    Publish();
  }
}

void Connection::Tick(UnixMs oldest_ms) {
  if (state_ == State::kClosed) return;
  // One that listens or waits may be silent for ever.
  if (info_.last_interaction_ms.load(std::memory_order_relaxed) < oldest_ms && !subscribed() &&
      !monitoring() && stall_ == Stall::kNone)
    return CloseNow();
  // A peer that reads nothing causes no event that would notice the end of its time.
  if (!output_.empty()) return CheckOutputLimit();
  // Ten thousand clients that are silent shall not hold a chunk each.
  const UnixMs rests_since_ms = info_.last_interaction_ms.load(std::memory_order_relaxed);
  if (output_.allocated_bytes() != 0 && worker_.runner().now_ms() - rests_since_ms >= kRestMs) {
    output_.ReleaseIdle();
    Publish();
  }
}

// Hard limit: at once. Soft limit: once it has been exceeded for so many seconds without a break.
void Connection::CheckOutputLimit() {
  const OutputLimit limit =
      server().config().OutputLimitOf(subscribed() ? OutputClass::kPubsub : OutputClass::kNormal);
  const auto pending = static_cast<std::int64_t>(output_.pending_bytes());
  info_.output_bytes.store(pending, std::memory_order_relaxed);
  info_.output_pieces.store(static_cast<std::int64_t>(output_.piece_count()),
                            std::memory_order_relaxed);
  const UnixMs now_ms = worker_.runner().now_ms();
  if (limit.soft_bytes == 0 || pending <= limit.soft_bytes) {
    over_soft_limit_since_ms_ = 0;
  } else if (over_soft_limit_since_ms_ == 0) {
    over_soft_limit_since_ms_ = now_ms;
  }
  const bool over_hard = limit.hard_bytes > 0 && pending > limit.hard_bytes;
  const bool over_soft = over_soft_limit_since_ms_ != 0 &&
                         now_ms - over_soft_limit_since_ms_ >= limit.soft_seconds * 1000;
  if (!over_hard && !over_soft) return;
  server().log().Warning("Client " + Description() +
                         " closed for overcoming of output buffer limits.");
  server().counters().output_limit_disconnections.Add(1);
  CloseNow();
}

std::string Connection::Description() {
  Publish();
  std::string line;
  server().clients().With(id(), [&](const ClientInfo& info) {
    line = ClientLine(info, worker_.runner().now_ms(),
                      info.wait_argument_bytes.load(std::memory_order_relaxed));
  });
  if (line.ends_with('\n')) line.pop_back();
  return line;
}

void Connection::UpdatePolling() {
  if (state_ == State::kClosed) return;
  info_.writable_wanted.store(write_blocked_, std::memory_order_relaxed);
  using io::Interest;
  const Interest to_read = write_blocked_ ? Interest::kReadWrite : Interest::kRead;
  const Interest not_to_read = write_blocked_ ? Interest::kWrite : Interest::kNone;
  const Interest interest = read_blocked_ ? not_to_read : to_read;
  if (!stream_->Watch(this, interest).ok()) CloseNow();
}

void Connection::CloseAfterReplies() {
  if (state_ != State::kOpen) return;
  state_ = State::kDraining;
  info_.closing.store(true, std::memory_order_relaxed);
  worker_.WatchFlush(this);
}

void Connection::CloseNow() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  AbandonWait();
  worker_.Retire(this);
}

// A connection that waits for its last replies to go still reads, so that the peer's closing is
// noticed; what it says is dropped.
void Connection::DiscardInput() {
  const io::Transfer read = stream_->Read(worker_.read_buffer());
  if (!read.done() && read.state != io::Transfer::State::kWouldBlock) CloseNow();
}

void Connection::ResetSession() {
  if (subscriptions_ != nullptr) subscriptions_->Reset();
  EndTransaction();
  if (tracking_ != nullptr) tracking_->Stop();
  if (monitoring()) server().monitors().Remove(*this);
  set_db(DbId(0));
  set_protocol(2);
  set_touches_keys(true);
  BeginAsDefaultUser();
  reply_mode_ = ReplyMode::kOn;
  info_.no_evict.store(false, std::memory_order_relaxed);
  info_.no_touch.store(false, std::memory_order_relaxed);
  // The library's name and version stay: they say what the client is, not what it does.
  server().clients().With(id(), [](ClientInfo& info) {
    info.texts.name.clear();
    info.texts.user = acl::kDefaultUser;
  });
}

// Its subscriptions and watched keys, and the command that waits. Names that clients subscribe to
// are the worker's.
std::size_t Connection::KnownBytes() {
  constexpr std::size_t kSubscriptionBytes = 48;  // a node of the client's, a place in the topic's
  std::size_t bytes = wait_bytes_;
  if (subscriptions_ != nullptr) {
    bytes += sizeof(ClientSubscriptions);
    for (const pubsub::Kind kind :
         {pubsub::Kind::kChannel, pubsub::Kind::kPattern, pubsub::Kind::kShard})
      bytes += subscriptions_->count(kind) * kSubscriptionBytes;
  }
  if (tracking_ != nullptr) bytes += sizeof(ClientTracking);
  if (transaction() != nullptr) bytes += QueuedBytes() + transaction()->watches().bytes();
  return bytes;
}

// Nothing to do for a connection that has no transaction, and had none when it last came here.
void Connection::PublishTransaction() {
  info_.multi_count.store(
      queueing() ? static_cast<std::int64_t>(transaction()->queue().size()) : -1,
      std::memory_order_relaxed);
  info_.multi_bytes.store(static_cast<std::int64_t>(QueuedBytes()), std::memory_order_relaxed);
  const std::size_t watched =
      transaction() == nullptr ? 0 : transaction()->watches().watched().size();
  if (watched != 0 || info_.watched_keys.load(std::memory_order_relaxed) != 0) {
    info_.watched_keys.store(watched, std::memory_order_relaxed);
    MutexLock hold(info_.waiting_mu);
    info_.watch_mark = watched == 0 ? nullptr : transaction()->watches().mark();
  }
  transaction_published_ = transaction() != nullptr;
}

// What CLIENT LIST shows of this connection, once a pass. Memory beside the keyspace counts towards
// maxmemory.
void Connection::Publish() {
  info_.db.store(db().value, std::memory_order_relaxed);
  info_.protocol.store(protocol(), std::memory_order_relaxed);
  if (transaction() != nullptr || transaction_published_) [[unlikely]]
    PublishTransaction();
  const bool knows = transaction() != nullptr || subscriptions_ != nullptr ||
                     tracking_ != nullptr || waiting_ != nullptr;
  const std::size_t known_bytes = knows ? KnownBytes() : 0;
  info_.input_bytes.store(static_cast<std::int64_t>(leftover_.size()), std::memory_order_relaxed);
  const std::size_t input_memory = leftover_.memory_bytes();
  info_.input_free_bytes.store(static_cast<std::int64_t>(input_memory - leftover_.size()),
                               std::memory_order_relaxed);
  const auto reply_bytes = static_cast<std::int64_t>(output_.allocated_bytes());
  info_.reply_buffer_bytes.store(reply_bytes, std::memory_order_relaxed);
  const std::int64_t memory =
      static_cast<std::int64_t>(sizeof(Connection) + stream_->memory_bytes() + input_memory +
                                known_bytes) +
      reply_bytes;
  const std::int64_t before = info_.memory_bytes.exchange(memory, std::memory_order_relaxed);
  if (memory != before) server().engine().other_bytes().Add(memory - before);
}

}  // namespace cairn::server
