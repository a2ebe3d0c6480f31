// SPDX-License-Identifier: BSD-3-Clause
// Script: a compat script as data, and as text again when its expectations were rewritten.
//
// README.md has the format. A script is a list of sections, each of which starts from nothing; a
// section is a list of steps. Lines that are not steps (comments, blanks, directives) are kept, so
// that Text() of an unchanged script is the file byte for byte, and a changed expectation rewrites
// the lines of its step alone.
//
// Values; a script is read once and belongs to one thread.
#ifndef CAIRN_TESTS_COMPAT_SCRIPT_H_
#define CAIRN_TESTS_COMPAT_SCRIPT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace cairn::compat {

enum class StepKind : std::uint8_t {
  kCommand,     // A> GET k
  kBytes,       // A>> "PING\r\n"
  kEventually,  // A>? GET k: again and again until the reply fits
  kRead,        // A< reply: one more reply
};

// Which of a step's expectations: the plain one, or one for a protocol or for the oracle.
enum class Slot : std::uint8_t { kBase, kResp3, kRedis, kRedisResp3 };
inline constexpr std::size_t kSlotCount = 4;

struct Step {
  StepKind kind = StepKind::kCommand;
  std::string client;    // "" is the nameless one
  std::string command;   // as written; empty for kRead
  std::size_t line = 0;  // counted from 1
  std::optional<std::string> expected[kSlotCount];

  std::vector<std::string> source;  // its lines as they stand in the file
  bool changed = false;             // `expected` is newer than `source`

  void Expect(Slot slot, std::optional<std::string> text);
  const std::optional<std::string>& At(Slot slot) const {
    return expected[static_cast<std::size_t>(slot)];
  }
};

struct Directives {
  std::string only;                                         // "cairn" or "redis"
  std::string since;                                        // lowest version that has it
  std::string before;                                       // first version that differs
  std::vector<std::string> needs;                           // commands the server must know
  std::vector<std::pair<std::string, std::string>> config;  // set for the section, then put back
  int protocol = 0;                                         // 2 or 3: only there
  bool over_wire = false;                                   // has bytes or closes: not in process
};

struct Section {
  std::string title;
  std::size_t line = 0;
  Directives directives;           // the file's and its own
  std::vector<std::size_t> steps;  // indices of Script::steps
};

class Script {
 public:
  // `path` only names it in messages.
  static Result<Script> Parse(std::string path, std::string_view text);

  const std::string& path() const { return path_; }
  const std::vector<Section>& sections() const { return sections_; }
  const Step& step(std::size_t index) const { return steps_[index]; }
  Step& step(std::size_t index) { return steps_[index]; }
  std::size_t step_count() const { return steps_.size(); }
  bool changed() const;

  // The file, with changed expectations in their places.
  std::string Text() const;

 private:
  friend class ScriptParser;

  // A line of the file, or the step that begins there.
  struct Piece {
    std::string line;
    std::optional<std::size_t> step;
  };

  std::string path_;
  std::vector<Piece> pieces_;
  std::vector<Step> steps_;
  std::vector<Section> sections_;
};

}  // namespace cairn::compat

#endif  // CAIRN_TESTS_COMPAT_SCRIPT_H_
