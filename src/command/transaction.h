// SPDX-License-Identifier: BSD-3-Clause
// Transaction: what MULTI has queued and WATCH watches, of one session.
//
//     none --MULTI--> queueing --EXEC--> run all at once (Runner::RunTransaction) --> none
//       |                |----DISCARD, RESET, client gone-----------------------------^
//       |                '----a command that was refused: EXEC answers EXECABORT
//       '--WATCH: a mark at each key (keyspace/interest.h), set by any change of it; EXEC of a set
//          mark runs nothing
//
// Sessions that never said MULTI or WATCH have none. Belongs to its session and its thread; the
// marks are under the stripes of their keys.
#ifndef CAIRN_COMMAND_TRANSACTION_H_
#define CAIRN_COMMAND_TRANSACTION_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command/table.h"
#include "keyspace/keyspace.h"

namespace cairn::command {

// A request kept: its bytes in one piece, its keys found and hashed.
class Queued {
 public:
  Queued(const keyspace::Keyspace& keyspace, const CommandTable::Command& command,
         std::span<const std::string_view> args);

  const CommandTable::Command& command() const { return *command_; }
  std::span<const std::string_view> args() const { return args_; }
  const std::vector<keyspace::KeyRef>& keys() const { return keys_; }
  std::size_t bytes() const { return bytes_size_ + args_.size() * sizeof(std::string_view); }

 private:
  const CommandTable::Command* command_;
  std::size_t bytes_size_ = 0;
  std::unique_ptr<char[]> bytes_;
  std::vector<std::string_view> args_;
  std::vector<keyspace::KeyRef> keys_;
};

class Transaction {
 public:
  // Beyond it a request is refused; the server's client-query-buffer-limit is lower.
  static constexpr std::size_t kBytesMax = std::size_t{1} << 30;

  explicit Transaction(keyspace::Keyspace& keyspace) : keyspace_(keyspace) {}
  ~Transaction() { Unwatch(); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  bool queueing() const { return queueing_; }
  void Begin() { queueing_ = true; }
  // False if there is no room for it.
  bool Add(const CommandTable::Command& command, std::span<const std::string_view> args);
  // A request was refused: EXEC will run nothing.
  void Abort() { aborted_ = true; }
  bool aborted() const { return aborted_; }
  const std::vector<Queued>& queue() const { return queue_; }
  // Of all commands queued, together.
  std::uint32_t flags() const { return flags_; }
  std::size_t bytes() const { return bytes_; }
  // Forgets the queue; ends MULTI.
  void Discard();

  // REQUIRES: the stripe of `key` is locked, by a Txn that has looked at the key: one that had
  // expired is gone.
  void Watch(DbId db, const keyspace::KeyRef& key);
  bool watching() const { return !watched_.empty(); }
  struct Watched {
    DbId db;
    std::string name;
    StripeId stripe;
    keyspace::KeyInterest* at;
    std::list<std::shared_ptr<keyspace::WatchMark>>::iterator place;
  };
  const std::vector<Watched>& watched() const { return watched_; }
  // Null without watched keys.
  const std::shared_ptr<keyspace::WatchMark>& mark() const { return mark_; }
  bool dirty() const { return mark_ != nullptr && mark_->dirty.load(std::memory_order_relaxed); }
  // REQUIRES: no stripe locked, or all of them by this thread.
  void Unwatch();
  // REQUIRES: the stripes of all watched keys.
  void UnwatchLocked();

 private:
  void LeaveMarks(const keyspace::StripeSet& stripes);
  static void Remove(keyspace::Keyspace& keyspace, const std::vector<Watched>& watched);

  keyspace::Keyspace& keyspace_;
  bool queueing_ = false;
  bool aborted_ = false;
  std::uint32_t flags_ = 0;
  std::size_t bytes_ = 0;
  std::vector<Queued> queue_;
  std::shared_ptr<keyspace::WatchMark> mark_;
  std::vector<Watched> watched_;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_TRANSACTION_H_
