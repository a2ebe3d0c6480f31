// SPDX-License-Identifier: BSD-3-Clause
// Generator: random commands from grammars, over few keys so that they meet.
//
// Most commands are right; some get a word too many, too few or of the wrong kind, to compare the
// errors. Numbers come from pools where edges are frequent. Nothing depends on the clock: relative
// times are at least a quarter of an hour and never the same twice in a sequence (GT and LT would
// then depend on the millisecond), absolute ones lie after 2100 or in the past.
//
// The same seed and grammars give the same commands. One generator, one thread.
#ifndef CAIRN_TESTS_DIFFERENTIAL_GENERATOR_H_
#define CAIRN_TESTS_DIFFERENTIAL_GENERATOR_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "differential/grammar.h"

namespace cairn::differential {

using Command = std::vector<std::string>;
using Sequence = std::vector<Command>;

class Generator {
 public:
  Generator(std::span<const CommandGrammar> grammars, std::uint64_t seed);

  Sequence NextSequence(std::size_t length);

 private:
  enum class Slips : std::uint8_t { kSome, kNone };
  Command NextCommand(Slips slips);
  // One whose answer can be compared.
  void AppendCommand(Slips slips, Sequence& sequence);
  // WATCH, MULTI, some commands, EXEC or DISCARD, with what is out of place in between.
  void AppendTransaction(Sequence& sequence);
  void Emit(const Argument& argument, Command& command);
  void EmitOnce(const Argument& argument, Command& command);
  void Mutate(Command& command);
  std::string Integer(std::string_view name);
  std::string Text(std::string_view name);
  std::string Double(std::string_view name);
  std::string RangeEnd();
  std::string Value();
  std::string StreamId();
  std::string RelativeTime(std::int64_t unit);
  std::string AbsoluteTime(std::int64_t unit);
  std::string Key();
  bool Chance(std::uint64_t percent) { return random_.Below(100) < percent; }
  std::int64_t Between(std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(random_.Below(static_cast<std::uint64_t>(high - low + 1)));
  }
  std::string Pick(std::span<const std::string_view> pool) {
    return std::string(pool[random_.Below(pool.size())]);
  }

  std::span<const CommandGrammar> grammars_;
  Random random_;
  bool counted_ = false;        // the word just written says how many keys follow
  std::int64_t next_time_ = 0;  // makes relative times of a sequence differ
};

}  // namespace cairn::differential

#endif  // CAIRN_TESTS_DIFFERENTIAL_GENERATOR_H_
