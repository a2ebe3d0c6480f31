// SPDX-License-Identifier: BSD-3-Clause
// Worker: one thread, one event loop, its connections, and the Runner that executes their commands.
//
// A connection is given to a worker when it is accepted and stays there. Commands of other workers'
// clients never run here; only small tasks come in through the mailbox (a new connection, a kill,
// the end of a pause).
//
// A pass: epoll says which connections are ready; each reads, runs its share of requests and
// gathers replies; then every connection with something to send is flushed, closed ones are
// deleted, and those with more requests waiting are resumed in the next pass.
//
// Made by the Server. Everything here belongs to the worker's thread, except Post, Start and Stop.
#ifndef CAIRN_SERVER_WORKER_H_
#define CAIRN_SERVER_WORKER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/counter.h"
#include "base/thread.h"
#include "command/runner.h"
#include "io/event_loop.h"
#include "io/socket.h"
#include "io/stream.h"
#include "pubsub/desk.h"
#include "resp/parser.h"
#include "resp/read_head.h"
#include "server/connection.h"
#include "server/tls_handshakes.h"

namespace cairn::server {

class RightsNews;
class Server;

struct WorkerCounters {
  Counter input_bytes;
  Counter output_bytes;
  Counter passes;
};

class Worker final : public pubsub::DirectReceiver {
 public:
  static constexpr std::size_t kReadBufferBytes = 64 * 1024;
  static constexpr std::int64_t kTickUs = 1'000'000;
  static constexpr std::int64_t kLookAgainUs = 1'000;
  // Copies of messages handed to clients in one pass. Each may cost a system call at its end (about
  // 6 us), so these hold up the worker's other clients for 2 ms at most.
  static constexpr std::size_t kMessagesPerPass = 256;

  Worker(Server& server, std::size_t number, std::unique_ptr<io::EventLoop> loop);
  ~Worker() override;

  void Start();
  // Ends the loop after its pass and joins the thread; connections are closed.
  void Stop();
  // Runs `task` on this worker's thread, however many wait there: a served reply or a kill that is
  // lost leaves a client hanging. For at most a few tasks a client. Any thread.
  void Post(io::Task task) { loop_->PostOwed(std::move(task)); }
  // The same, but dropped if the mailbox is full: for what is tried again later. Any thread.
  void Offer(io::Task task);
  // Messages wait for this worker's clients. Any thread.
  void WakeForMessages() {
    Offer([this] { DrainMessages(); });
  }

  // The watermark has moved. Any thread.
  void WakeForDisk() {
    if (waits_for_disk_.exchange(false)) Post([this] { OnDiskProgress(); });
  }

  // Worker thread only:
  // A connection has replies that the watermark does not free yet. It is flushed again whenever
  // that has moved.
  void WatchDisk(Connection* connection);
  // The replies of this pass wait for what was just logged.
  void HurryDisk() { hurries_disk_ = true; }
  // WAITAOF. `answers`: when the position is safe; else it waits for replicas, too.
  void AwaitDurable(Connection& connection, Lsn position, bool answers);
  // A socket that was accepted: a client, or one after its handshake.
  void Adopt(io::Fd socket, io::PeerInfo peer);
  // Users have changed, by a command of `caller`, which is not closed before it has its reply.
  void TakeNews(const RightsNews& news, ClientId caller);
  void WatchFlush(Connection* connection);
  void WatchResume(Connection* connection);
  // A client's request found no room for what it writes: it takes its turn in kLookAgainUs.
  void LookAgain(ClientId id);
  void Retire(Connection* connection);
  // Runs `task` at the end of this pass, when all that was closed in it has gone.
  void AfterClosing(io::Task task) { after_closing_.push_back(std::move(task)); }
  // Asks every connection for parked requests again (the pause is over).
  void ResumeAll();
  // The place of one more that is held back, among all of this worker.
  std::uint64_t NextHeld() { return ++held_count_; }
  Connection* FindConnection(ClientId id);
  // Also the one whose script lets others be served.
  Connection* FindToClose(ClientId id);
  void OnDirect(const pubsub::Delivery& delivery) override;
  void OnDirectLost() override;

  Server& server() { return server_; }
  std::size_t number() const { return number_; }
  // What this thread runs commands with now.
  command::Runner& runner() { return bench_->runner; }
  // All that it may have, for any thread.
  std::vector<command::Runner*> runners() { return {&main_.runner, &within_.runner}; }
  // The connection whose script lets others be served, or null.
  const Connection* in_script() const { return in_script_; }
  io::EventLoop& loop() { return *loop_; }
  resp::ArgArena& args() { return bench_->args; }
  // How the last request began whose command only reads its key: the next ones are known by it.
  struct ReadLane {
    resp::ReadHead head;
    const command::CommandTable::Command* command = nullptr;
    // The command's name as it was written.
    std::string_view name() const {
      constexpr std::size_t kBeforeName = 8;  // "*2\r\n$3\r\n"
      constexpr std::size_t kAfterName = 2;
      const std::string_view bytes = head.bytes();
      return bytes.substr(kBeforeName, bytes.size() - kBeforeName - kAfterName);
    }
  };
  const ReadLane& read_lane() const { return read_lane_; }
  void NoteHead(std::string_view head, const command::Prepared& prepared) {
    if (prepared.command == nullptr || prepared.command->read == nullptr ||
        prepared.command->arity != 2 || prepared.args.size() != 2 ||
        head.size() < resp::ReadHead::kBytesMin || head.size() > resp::ReadHead::kBytesMax) {
      return;
    }
    if (head != read_lane_.head.bytes())
      read_lane_ = {.head = resp::ReadHead(head), .command = prepared.command};
  }
  pubsub::Desk& desk() { return desk_; }
  // The buffer that connections read into; free between reads.
  std::span<char> read_buffer() { return {bench_->read_buffer.get(), kReadBufferBytes}; }
  WorkerCounters& counters() { return counters_; }

 private:
  TlsHandshakes::Hooks HandshakeHooks();
  // The new connection, or null if it was not admitted.
  Connection* Add(std::unique_ptr<io::Stream> stream, io::PeerInfo peer);
  void EndPass();
  void FlushWaiting();
  void WaitForDisk();
  void OnDiskProgress();
  void AnswerDurable();
  struct DurableWait;
  // Null if it is over.
  Connection* WaiterOf(const DurableWait& wait);
  // Hands out messages, as many as one pass shall.
  void DrainMessages();
  // Once a second: idle clients are closed.
  void Tick();
  void TryCrowded();

  // What a request is read, parsed and run with. A second one is for those that are served while a
  // script runs, whose request still lies in the first.
  struct Workbench {
    explicit Workbench(Server& server);
    command::Runner runner;
    resp::ArgArena args;
    std::unique_ptr<char[]> read_buffer;
  };
  // From within a script of that session: serves the other connections once.
  void ServeOthers(command::Session& session);
  void DestroyClosed();
  void LetGo(Connection* connection);
  void FlushOthers();

  Server& server_;
  const std::size_t number_;
  const std::unique_ptr<io::EventLoop> loop_;
  Workbench main_;
  Workbench within_;  // its read buffer is made when it is first used
  Workbench* bench_ = &main_;
  Connection* in_script_ = nullptr;
  bool missed_messages_ = false;  // while it was not
  ReadLane read_lane_;
  pubsub::Desk desk_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;  // by client id
  TlsHandshakes handshakes_;
  std::vector<Connection*> to_flush_;
  std::vector<Connection*> to_resume_;
  std::uint64_t held_count_ = 0;
  std::deque<ClientId> crowded_;  // at most once each; a timer is set while there are any
  std::vector<Connection*> to_delete_;
  std::vector<Connection*> gone_;  // let go of, and not destroyed yet
  std::vector<io::Task> after_closing_;
  std::vector<ClientId> to_release_;  // with replies that wait for the disk
  // WAITAOF.
  struct DurableWait {
    ClientId client;
    std::shared_ptr<command::Parked> parked;
    Lsn position;
    bool answers;
  };
  static constexpr std::size_t kDurableWaitsMin = 16;
  std::vector<DurableWait> durable_waits_;
  std::uint64_t disk_moves_ = 0;  // the watermark's, before this pass asked it for anything
  bool hurries_disk_ = false;     // replies are held since the last pass
  bool wants_sync_ = false;       // WAITAOF came since the last pass
  std::atomic<bool> waits_for_disk_{false};  // seq_cst: see Watermark::moves
  WorkerCounters counters_;
  Thread thread_;
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_WORKER_H_
