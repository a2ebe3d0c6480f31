// SPDX-License-Identifier: BSD-3-Clause
// SteadyRead: a command over huge collections, run in the heavy lane (Row::run_heavy) so that no
// stripe is held for long and the result is still that of one moment.
//
//     Hold: look at the sources, watch them, Begin | ReadSome        the first part
//           TakeIn                                                   no lock: others go on
//     Hold: look again; changed? from the beginning | ReadSome       the next parts
//           ...
//           Prepare                                                  no lock: sorting, building
//     Hold: look again; changed? from the beginning | Answer         if it stores
//
// Every Hold finds the sources as the first one did, by watches as those of WATCH, or all is done
// again: so what was read in parts is what the keys held at the moment of the last Hold. Who writes
// to a source all the time would make that endless; after kAttempts the command runs as a small one
// does, in one Hold of all its keys.
//
// Made on the stack of run_heavy, used by the lane's thread only. What a part is in time is said
// in docs/internals/set_algebra.md.
#ifndef CAIRN_COMMANDS_STEADY_READ_H_
#define CAIRN_COMMANDS_STEADY_READ_H_

#include <cstddef>
#include <memory>
#include <span>

#include "base/function_ref.h"
#include "command/call.h"

namespace cairn::commands {

// What a command does at each step. Each attempt has its own, which goes with no lock held.
class SteadyCommand {
 public:
  // How many elements one Hold is for: looked at, or looked up.
  static constexpr std::size_t kWorkPerHold = 4096;

  virtual ~SteadyCommand() = default;

  // Under the locks of the sources. False: an error has been replied.
  virtual bool Begin(command::Call& call) = 0;
  // Reads about kWorkPerHold elements into memory of its own; true at the end. Under the same
  // locks.
  virtual bool ReadSome(command::Call& call) = 0;
  // Makes of the last part what it has to; no lock.
  virtual void TakeIn() {}
  // Everything is read; no lock.
  virtual void Prepare(command::Call&) {}
  // Asked before an Answer that stores, under its locks: false if it cannot be stored after all.
  virtual bool StillGood(command::Call&) { return true; }
  // When every attempt has failed: what a small command does.
  virtual void RunAtOnce(command::Call& call);
  // Replies; of a command that stores, also stores: then under the locks of all keys of the call.
  virtual void Answer(command::Call& call) = 0;
};

inline constexpr int kAttempts = 3;

// `sources`: the keys that are read, of those of the call. `stores`: see Answer.
enum class Stores : bool { kNo, kYes };
using MakeSteady = FunctionRef<std::unique_ptr<SteadyCommand>()>;
void RunSteadily(command::Call& call, std::span<const keyspace::KeyRef> sources, Stores stores,
                 MakeSteady make);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_STEADY_READ_H_
