// SPDX-License-Identifier: BSD-3-Clause
// Pair: our server and the oracle, given the same commands.
//
// A sequence starts from FLUSHALL and ends with a look at all that is left: every key of every
// database with its type, value, encoding and time. It goes out as one pipeline to each server.
// When the two differ, Shrink looks for a shorter sequence that still makes them differ, by leaving
// out ever smaller pieces (delta debugging, Zeller 1999).
//
// Owns both channels; one thread.
#ifndef CAIRN_TESTS_DIFFERENTIAL_PAIR_H_
#define CAIRN_TESTS_DIFFERENTIAL_PAIR_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "differential/generator.h"
#include "support/channel.h"

namespace cairn::differential {

struct Difference {
  std::size_t index = 0;  // of the sequence; its length and beyond: the look at the end
  Command command;
  testing::Reply ours;
  testing::Reply theirs;
};

class Pair {
 public:
  // Both speak RESP `protocol`.
  static Result<std::unique_ptr<Pair>> Connect(int our_port, int their_port, int protocol);

  // The first difference; nothing if there is none. An error if a server went away.
  Result<std::optional<Difference>> Run(const Sequence& sequence);
  // A sequence as short as could be found that differs still. REQUIRES: `sequence` does.
  Result<Sequence> Shrink(Sequence sequence);

 private:
  Pair(std::unique_ptr<testing::Channel> ours, std::unique_ptr<testing::Channel> theirs);

  std::unique_ptr<testing::Channel> ours_;
  std::unique_ptr<testing::Channel> theirs_;
};

// Lines for a person: the sequence in the notation of compat scripts, then what differs.
std::string Describe(const Sequence& sequence, const Difference& difference);

}  // namespace cairn::differential

#endif  // CAIRN_TESTS_DIFFERENTIAL_PAIR_H_
