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
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "command/owned_args.h"
#include "command/table.h"
#include "command/watches.h"
#include "keyspace/keyspace.h"

namespace cairn::command {

// A request kept: its bytes in one piece, its keys found and hashed.
class Queued {
 public:
  Queued(const keyspace::Keyspace& keyspace, const CommandTable::Command& command, OwnedArgs args);

  const CommandTable::Command& command() const { return *command_; }
  std::span<const std::string_view> args() const { return args_.views(); }
  const std::vector<keyspace::KeyRef>& keys() const { return keys_; }
  std::size_t bytes() const { return args_.memory_bytes(); }
  OwnedArgs& owned_args() { return args_; }

 private:
  const CommandTable::Command* command_;
  OwnedArgs args_;
  std::vector<keyspace::KeyRef> keys_;
};

class Transaction {
 public:
  // Beyond it a request is refused; the server's client-query-buffer-limit is lower.
  static constexpr std::size_t kBytesMax = std::size_t{1} << 30;

  explicit Transaction(keyspace::Keyspace& keyspace, std::size_t bytes_max = kBytesMax)
      : keyspace_(keyspace), bytes_max_(bytes_max), watches_(keyspace) {}
  ~Transaction() { LeaveBytes(); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  bool queueing() const { return queueing_; }
  void Begin() { queueing_ = true; }
  // False if there is no room for it.
  bool Add(const CommandTable::Command& command, OwnedArgs args);
  // A request was refused: EXEC will run nothing.
  void Abort() { aborted_ = true; }
  bool aborted() const { return aborted_; }
  const std::deque<Queued>& queue() const { return queue_; }
  std::deque<Queued>& queue() { return queue_; }
  // How many commands are queued, and keys watched.
  std::size_t weight() const { return queue_.size() + watches_.watched().size(); }
  // The end of one: of so many that it takes long, elsewhere. Null is fine. REQUIRES: no stripe
  // locked, or all of them by this thread.
  static void Dispose(std::unique_ptr<Transaction> transaction);
  // Of all commands queued, together.
  std::uint32_t flags() const { return flags_; }
  std::size_t bytes() const { return bytes_; }
  // Forgets the queue; ends MULTI.
  void Discard();

  Watches& watches() { return watches_; }
  const Watches& watches() const { return watches_; }

 private:
  void LeaveBytes();

  keyspace::Keyspace& keyspace_;
  const std::size_t bytes_max_;
  bool queueing_ = false;
  bool aborted_ = false;
  std::uint32_t flags_ = 0;
  std::size_t bytes_ = 0;
  std::deque<Queued> queue_;  // many: they are not moved when one more comes
  Watches watches_;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_TRANSACTION_H_
