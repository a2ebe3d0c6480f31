// SPDX-License-Identifier: BSD-3-Clause
// AofPlayer: carries out what an append only file says.
//
// Each effect runs as the command it is, on the general way, but for what has to do with the
// present: nobody is asked whether it may, nothing expires (a key whose time has come since may get
// another one further on), nothing waits. Whoever owns the keyspace keeps its expirer away
// meanwhile, and no reader is attached to the log.
//
// A file may only change data: a SHUTDOWN in it is passed over, as is a GET. A command that is
// answered by an error is passed over and counted, as in Redis; it did the same when it was run
// first.
//
// Commands are known by their own names, since those are what our files have, whatever
// rename-command says; and by those it gave, which are what Redis writes. Belongs to one thread.
#ifndef CAIRN_PERSIST_AOF_PLAYER_H_
#define CAIRN_PERSIST_AOF_PLAYER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "command/runner.h"
#include "command/session.h"
#include "command/table.h"
#include "keyspace/keyspace.h"
#include "log/command_log.h"
#include "resp/reply_buffer.h"
#include "scripting/library_set.h"

namespace cairn::persist {

class AofPlayer {
 public:
  // All outlive it. What the file says of functions goes to `libraries`.
  AofPlayer(keyspace::Keyspace& keyspace, const command::CommandTable& table,
            scripting::LibrarySet& libraries);

  // One effect, or several that belong together. kCorrupt for a command or a database that there is
  // not, and nothing of the group has happened then; kUnsupported for more libraries than are kept,
  // and what came before that in the group has happened.
  Status Play(std::span<const log::EffectView> group);

  std::uint64_t played() const { return played_; }
  // Commands that were answered by an error, and the first such answer.
  std::uint64_t failed() const { return failed_; }
  const std::string& first_failure() const { return first_failure_; }

 private:
  Status PlayOne(const log::EffectView& effect);
  Status PlayFunction(const log::EffectView& effect);
  void NoteFence(const log::EffectView& effect);
  // By either name; null if there is none.
  const command::CommandTable::Command* Find(std::string_view name) const;
  // The one that is run: itself, unless it has subcommands; null if it has no such one.
  void NoteFailure(const log::EffectView& effect, std::string_view answer);
  Status Check(const log::EffectView& effect) const;

  keyspace::Keyspace& keyspace_;
  scripting::LibrarySet& libraries_;
  const command::CommandTable& renamed_;
  const std::unique_ptr<const command::CommandTable> table_;  // as if nothing were renamed
  command::Shared shared_;  // its own: without gates, observers and a lane
  command::Runner runner_;
  command::Session session_;
  resp::ReplyBuffer reply_;
  std::uint64_t played_ = 0;
  std::uint64_t failed_ = 0;
  std::string first_failure_;
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_AOF_PLAYER_H_
