// SPDX-License-Identifier: BSD-3-Clause
// A worker's life and its passes.
#include "server/worker.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/random.h"
#include "io/socket_stream.h"
#include "server/admin_aof.h"
#include "server/server.h"

namespace cairn::server {

Worker::Worker(Server& server, std::size_t number, std::unique_ptr<io::EventLoop> loop)
    : server_(server),
      number_(number),
      loop_(std::move(loop)),
      main_(server),
      within_(server),
      desk_(server.exchange(), number, this),
      handshakes_(HandshakeHooks()) {
  loop_->SetBeforeSleep([this] { EndPass(); });
  main_.read_buffer = std::make_unique_for_overwrite<char[]>(kReadBufferBytes);
  main_.runner.SetServeOthers([this](command::Session& session) { ServeOthers(session); });
  main_.runner.ReadClock();
}

Worker::Workbench::Workbench(Server& server)
    : runner(server.engine().shared(), SecureRandomUint64()) {}

Worker::~Worker() = default;

void Worker::Start() {
  thread_ = Thread("worker-" + std::to_string(number_), [this] {
    Tick();
    const Status ended = loop_->Run();
    if (!ended.ok()) server_.log().Warning(ended.message());
    for (auto& [id, connection] : connections_) connection->CloseNow();
    handshakes_.Clear();
    EndPass();
  });
}

void Worker::Stop() {
  loop_->Stop();
  if (thread_.joinable()) thread_.Join();
}

void Worker::Offer(io::Task task) {
  // The mailbox holds a million tasks; when it is full the worker has been stuck for long.
  if (!loop_->Post(std::move(task)))
    server_.log().Warning("A worker's mailbox is full: task dropped");
}

void Worker::Adopt(io::Fd socket, io::PeerInfo peer) {
  if (peer.is_tls) {
    auto stream = server_.MakeTlsStream(std::move(socket), *loop_);
    return handshakes_.Begin(std::move(stream), std::move(peer),
                             server_.engine().clock().NowUnixMs());
  }
  Add(std::make_unique<io::SocketStream>(std::move(socket), loop_->poller()), std::move(peer));
}

TlsHandshakes::Hooks Worker::HandshakeHooks() {
  return {.on_done =
              [this](std::unique_ptr<io::TlsStream> stream, io::PeerInfo peer) {
                const std::string name = stream->ClientCommonName();
                Connection* connection = Add(std::move(stream), std::move(peer));
                if (connection != nullptr) server_.LogInByCertificate(*connection, name);
              },
          .on_failed = [this](const io::PeerInfo& peer,
                              std::string_view why) { server_.NoteHandshakeFailed(peer, why); }};
}

Connection* Worker::Add(std::unique_ptr<io::Stream> stream, io::PeerInfo peer) {
  if (!server_.Admits(*stream, peer)) return nullptr;
  const ClientId id = server_.NextClientId();
  auto connection =
      std::make_unique<Connection>(*this, std::move(stream), id, SecureRandomUint64());
  connection->BeginAsDefaultUser();
  ClientInfo& info = connection->info();
  info.created_ms = server_.engine().clock().NowUnixMs();
  info.last_interaction_ms.store(info.created_ms, std::memory_order_relaxed);
  info.is_unix_socket = peer.is_unix;
  info.is_local = peer.is_local;
  info.texts.address = std::move(peer.address);
  info.texts.local_address = std::move(peer.local_address);
  Connection* raw = connection.get();
  connections_.emplace(id.value, std::move(connection));
  server_.clients().Add(&info);
  if (!raw->stream().Watch(raw, io::Interest::kRead).ok()) raw->CloseNow();
  return raw;
}

void Worker::TakeNews(const RightsNews& news, ClientId caller) {
  for (const auto& [id, connection] : connections_) connection->TakeNews(news, caller);
}

void Worker::WatchFlush(Connection* connection) {
  if (!connection->flush_queued()) {
    connection->set_flush_queued(true);
    to_flush_.push_back(connection);
  }
}

// Once, however many passes a client that pipelines makes until the disk has moved.
void Worker::WatchDisk(Connection* connection) {
  if (connection->disk_watched()) return;
  connection->set_disk_watched(true);
  to_release_.push_back(connection->id());
}

void Worker::WatchResume(Connection* connection) { to_resume_.push_back(connection); }

// Clients that have gone stay in the queue until it is twice as long as it could be without them.
void Worker::LookAgain(ClientId id) {
  if (crowded_.empty()) {
    loop_->AddTimer(kLookAgainUs, [this] { TryCrowded(); });
  } else if (crowded_.size() >= 2 * connections_.size()) {
    std::erase_if(crowded_, [this](ClientId other) { return FindConnection(other) == nullptr; });
  }
  crowded_.push_back(id);
}

// In the order in which they came, up to the first that finds no room again. That one goes behind
// those that were not tried: it may have run a good many requests before.
void Worker::TryCrowded() {
  std::deque<ClientId> waiting = std::exchange(crowded_, {});
  while (crowded_.empty() && !waiting.empty()) {
    Connection* connection = FindConnection(waiting.front());
    waiting.pop_front();
    if (connection != nullptr) connection->TakeTurn();
  }
  // LookAgain has set the timer.
  crowded_.insert(crowded_.begin(), waiting.begin(), waiting.end());
}

void Worker::DrainMessages() {
  if (in_script_ != nullptr) {
    missed_messages_ = true;
    return;
  }
  if (!desk_.Drain(kMessagesPerPass)) WakeForMessages();
}

void Worker::Retire(Connection* connection) { to_delete_.push_back(connection); }

// Flushing may close connections and resuming may give more to flush, so the two take turns;
// resumed ones come last, and make the loop poll without sleeping.
void Worker::EndPass() {
  counters_.passes.Add(1);
  FlushWaiting();
  if (std::exchange(missed_messages_, false)) WakeForMessages();
  if (!to_resume_.empty()) {
    std::vector<Connection*> resuming;
    resuming.swap(to_resume_);
    for (Connection* connection : resuming) {
      Post([this, id = connection->id()] {
        if (Connection* waiting = FindConnection(id); waiting != nullptr) waiting->Resume();
      });
    }
  }
  if (!to_delete_.empty() || !gone_.empty()) [[unlikely]]
    DestroyClosed();
  if (!after_closing_.empty()) [[unlikely]] {
    for (io::Task& task : std::exchange(after_closing_, {})) task();
  }
  disk_moves_ = server_.watermark().moves();
  // Last: this pass has no reply to send any more.
  server_.persistence().turn().steps().Help();
}

void Worker::DestroyClosed() {
  for (Connection* connection : to_delete_) LetGo(connection);
  gone_.insert(gone_.end(), to_delete_.begin(), to_delete_.end());
  to_delete_.clear();
  for (Connection* connection : gone_) connections_.erase(connection->id().value);
  gone_.clear();
}

// Closed before it goes from the list: who sees it gone there may count on it.
void Worker::LetGo(Connection* connection) {
  connection->stream().Close();
  connection->DropSubscriptions();
  server_.clients().Remove(&connection->info());
  server_.engine().other_bytes().Add(
      -connection->info().memory_bytes.load(std::memory_order_relaxed));
  server_.NoteClosed();
}

// The script's connection is left alone: its request is half run. Timers, messages, and connections
// that were closed wait for the end of the pass that the script is part of.
void Worker::ServeOthers(command::Session& session) {
  if (within_.read_buffer == nullptr)
    within_.read_buffer = std::make_unique_for_overwrite<char[]>(kReadBufferBytes);
  in_script_ = static_cast<Connection*>(&session);
  bench_ = &within_;
  within_.runner.ReadClock();
  if (const Status served = loop_->RunWithin(); !served.ok())
    server_.log().Warning(served.message());
  FlushOthers();
  bench_ = &main_;
  in_script_ = nullptr;
}

void Worker::FlushOthers() {
  for (Connection* connection : std::exchange(to_flush_, {})) {
    if (connection == in_script_) {
      to_flush_.push_back(connection);
      continue;
    }
    connection->set_flush_queued(false);
    connection->Flush();
  }
  for (Connection* connection : std::exchange(to_resume_, {})) {
    Post([this, id = connection->id()] {
      if (Connection* waiting = FindConnection(id); waiting != nullptr) waiting->Resume();
    });
  }
  // They are destroyed when the script has ended: who has closed them need not wait for that.
  for (Connection* connection : std::exchange(to_delete_, {})) {
    if (connection == in_script_) {
      to_delete_.push_back(connection);
    } else {
      LetGo(connection);
      gone_.push_back(connection);
    }
  }
  for (io::Task& task : std::exchange(after_closing_, {})) task();
  if (!to_release_.empty() || !durable_waits_.empty()) WaitForDisk();
}

void Worker::FlushWaiting() {
  std::vector<Connection*> flushing;
  flushing.swap(to_flush_);
  for (Connection* connection : flushing) {
    connection->set_flush_queued(false);
    connection->Flush();
  }
  flushing.clear();
  if (to_flush_.empty()) to_flush_.swap(flushing);  // keeps the vector's memory
  if (!to_release_.empty() || !durable_waits_.empty()) [[unlikely]]
    WaitForDisk();
}

// Who waits has asked the watermark in this pass, some when a command ran and some just now. If it
// has moved since the pass began it is asked again.
void Worker::WaitForDisk() {
  const bool wants_sync = std::exchange(wants_sync_, false);
  if (std::exchange(hurries_disk_, false) && !wants_sync) server_.aof().Hurry();
  if (wants_sync) server_.aof().Hasten(server_.engine().keyspace().log().end());
  if (waits_for_disk_.exchange(true)) return;
  if (server_.watermark().moves() != disk_moves_) WakeForDisk();
}

void Worker::OnDiskProgress() {
  for (const ClientId id : std::exchange(to_release_, {})) {
    // Its reply is not written yet.
    if (in_script_ != nullptr && in_script_->id() == id) {
      to_release_.push_back(id);
      continue;
    }
    Connection* connection = FindConnection(id);
    if (connection == nullptr) continue;
    connection->set_disk_watched(false);
    WatchFlush(connection);
  }
  AnswerDurable();
}

Connection* Worker::WaiterOf(const DurableWait& wait) {
  Connection* connection = FindConnection(wait.client);
  return connection != nullptr && connection->waiting() == wait.parked ? connection : nullptr;
}

// While the disk does not move, waits may end by their timeouts without end: before there is more
// room made for them, those that are over go.
void Worker::AwaitDurable(Connection& connection, Lsn position, bool answers) {
  if (durable_waits_.size() == durable_waits_.capacity()) {
    std::erase_if(durable_waits_,
                  [this](const DurableWait& wait) { return WaiterOf(wait) == nullptr; });
    durable_waits_.reserve(2 * durable_waits_.size() + kDurableWaitsMin);
  }
  durable_waits_.push_back({.client = connection.id(),
                            .parked = connection.waiting(),
                            .position = position,
                            .answers = answers});
  wants_sync_ = true;
}

void Worker::AnswerDurable() {
  const persist::Watermark& watermark = server_.watermark();
  for (DurableWait& wait : std::exchange(durable_waits_, {})) {
    Connection* connection = WaiterOf(wait);
    if (connection == nullptr) continue;
    if (!server_.aof().is_wanted() && wait.answers) {
      connection->FailDurableWait(wait.parked, kNoLocalAof);
    } else if (!watermark.Covers(wait.position)) {
      durable_waits_.push_back(std::move(wait));
    } else if (wait.answers) {
      connection->EndDurableWait(wait.parked, command::TimeoutReply::kOneAndZero);
    } else {
      wait.parked->set_timeout_reply(command::TimeoutReply::kOneAndZero);
    }
  }
}

Connection* Worker::FindToClose(ClientId id) {
  const auto found = connections_.find(id.value);
  return found != connections_.end() && !found->second->closed() ? found->second.get() : nullptr;
}

Connection* Worker::FindConnection(ClientId id) {
  Connection* connection = FindToClose(id);
  return connection != in_script_ ? connection : nullptr;
}

void Worker::OnDirect(const pubsub::Delivery& delivery) {
  if (Connection* connection = FindConnection(ClientId(delivery.hash)); connection != nullptr)
    return connection->OnDirect(delivery);
  if (delivery.origin == 0) return;
  pubsub::Delivery gone;
  gone.kind = pubsub::Kind::kReceiverGone;
  gone.hash = delivery.origin;
  server_.exchange().Send(delivery.origin_worker, std::move(gone));
}

void Worker::OnDirectLost() {
  server_.log().Warning(
      "A worker's inbox of messages is full: what does not fit is lost, "
      "and clients that cache must read anew");
  for (auto& [id, connection] : connections_) connection->OnDirectLost();
}

// In the order in which they were held back, as in Redis.
void Worker::ResumeAll() {
  std::vector<Connection*> held;
  for (auto& [id, connection] : connections_) {
    if (connection->has_pending_input()) held.push_back(connection.get());
  }
  std::ranges::sort(held, {}, &Connection::held_as);
  to_resume_.insert(to_resume_.end(), held.begin(), held.end());
}

void Worker::Tick() {
  main_.runner.ReadClock();
  main_.runner.key_sampler().Tick();
  const std::int64_t timeout_s = server_.config().Int("timeout");
  const UnixMs oldest_ms = timeout_s > 0 ? main_.runner.now_ms() - timeout_s * 1000 : 0;
  for (auto& [id, connection] : connections_) connection->Tick(oldest_ms);
  handshakes_.Tick(main_.runner.now_ms());
  // The doorbell may have been lost to a full mailbox.
  if (desk_.pending()) DrainMessages();
  loop_->AddTimer(kTickUs, [this] { Tick(); });
}

}  // namespace cairn::server
