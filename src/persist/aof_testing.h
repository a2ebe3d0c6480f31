// SPDX-License-Identifier: BSD-3-Clause
// A keyspace with commands and an append only file on a twin disk: a server without its sockets.
// For tests only.
#ifndef CAIRN_PERSIST_AOF_TESTING_H_
#define CAIRN_PERSIST_AOF_TESTING_H_

#include <gtest/gtest.h>

#include <atomic>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "command/runner.h"
#include "commands/families.h"
#include "io/sim_disk.h"
#include "keyspace/keyspace_testing.h"
#include "persist/aof_service.h"

namespace cairn::persist::testing {

inline const command::CommandTable& Table() {
  static const std::vector<std::span<const command::Spec>> families = {
      commands::StringFamily(),  commands::StringSetFamily(),     commands::StringCounterFamily(),
      commands::GenericFamily(), commands::GenericExpiryFamily(), commands::ListFamily(),
      commands::HashFamily(),    commands::TransactionFamily()};
  static const command::CommandTable table(families);
  return table;
}

// A store that a server could be around: commands run on it, its AOF is on the twin.
class Life {
 public:
  explicit Life(io::SimDisk& disk, AofOptions options = {.policy = FsyncPolicy::kAlways})
      : options_(options),
        aof_({.disk = disk,
              .keyspace = store_.keyspace,
              .table = Table(),
              .turn = turn_,
              .libraries = libraries_,
              .place = [] { return AofPlace(); },
              .options = [this] { return options_; },
              .on_progress = [this] { progresses_.fetch_add(1); },
              .on_note = [](std::string_view) {},
              .on_warning = [this](std::string_view line) { Note(line); }}) {}
  ~Life() { (void)aof_.Stop(); }

  Status Load(const AofLoadOptions& options = {}) {
    if (Status opened = aof_.Open(); !opened.ok()) return opened;
    return aof_.has_data() ? aof_.Load(options, progress_) : Status();
  }
  void Start() {
    ASSERT_TRUE(Load().ok());
    ASSERT_TRUE(aof_.Begin().ok());
    aof_.Start();
  }
  std::string Run(std::initializer_list<std::string_view> words) {
    return Run(std::span(words.begin(), words.size()));
  }
  std::string Run(std::span<const std::string_view> words) {
    resp::Writer reply(reply_, 2);
    runner_.Run(session_, words, reply);
    std::string bytes = reply_.ToString();
    reply_.Clear();
    return bytes;
  }
  // Waits, as the server's main thread and a client would.
  template <class Condition>
  void Await(Condition condition) {
    Event never;
    for (int i = 0; i < 20'000 && !condition(); ++i) {
      store_.clock.AdvanceMs(1);
      aof_.Advance();
      never.WaitFor(1000);
    }
    ASSERT_TRUE(condition()) << Warnings();
  }
  void AwaitSafe() {
    const Lsn end = store_.keyspace.log().end();
    aof_.Hasten(end);
    Await([&] { return aof_.watermark().Covers(end); });
  }
  void AwaitRewrite(std::uint64_t begun) {
    Await([&] {
      const AofFigures figures = aof_.Figures();
      return figures.rewrites.begun >= begun && !figures.is_rewriting;
    });
  }

  keyspace::TestStore& store() { return store_; }
  AofService& aof() { return aof_; }
  scripting::LibraryShelf& libraries() { return libraries_; }
  CutTurn& turn() { return turn_; }
  int progresses() const { return progresses_.load(); }

 private:
  // Saver and writer warn on their own threads.
  void Note(std::string_view line) {
    MutexLock hold(mu_);
    warnings_ += line;
  }
  std::string Warnings() {
    MutexLock hold(mu_);
    return warnings_;
  }

  AofOptions options_;
  keyspace::TestStore store_{{.stripe_count = 8}};
  command::Shared shared_{.keyspace = store_.keyspace, .table = Table(), .gates = {}};
  command::Runner runner_{shared_, 1};
  command::Session session_{ClientId(1), 1};
  resp::ReplyBuffer reply_;
  CutTurn turn_;
  scripting::LibraryShelf libraries_;
  LoadProgress progress_;
  std::atomic<int> progresses_{0};
  Mutex mu_;
  std::string warnings_ GUARDED_BY(mu_);
  AofService aof_;
};

}  // namespace cairn::persist::testing

#endif  // CAIRN_PERSIST_AOF_TESTING_H_
