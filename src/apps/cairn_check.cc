// SPDX-License-Identifier: BSD-3-Clause
// cairn-check: whether a server can load a file, what is in it, and the mending of an AOF's end.
//
//   cairn-check rdb FILE
//   cairn-check aof [--fix [--yes] [--cut-damage]] [--truncate-to-timestamp T] FILE|DIRECTORY
//
// Called as redis-check-rdb or redis-check-aof (by a link of that name) it takes what follows "rdb"
// or "aof". It ends with 0 if the file is sound, or has become so, else with 1; with 2, as logdump
// does, if the arguments are not understood, but under a name of Redis with 1, as there. Usage is
// an answer on standard output for who asks for it, and an error with what was not understood
// otherwise.
#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/standard_output.h"
#include "base/status.h"
#include "base/text.h"
#include "io/disk.h"
#include "persist/aof_check.h"
#include "persist/rdb_check.h"
#include "server/version.h"

namespace cairn {
namespace {

constexpr std::string_view kUsage =
    "Usage: cairn-check rdb FILE\n"
    "       cairn-check aof [--fix [--yes] [--cut-damage]] [--truncate-to-timestamp T]\n"
    "                       FILE|DIRECTORY\n"
    "       cairn-check -v or --version\n"
    "       cairn-check -h or --help\n\n"
    "FILE: a dump, an append only file, or the manifest of one in several parts, for which its\n"
    "DIRECTORY stands, too.\n"
    "  --fix          cuts a torn tail off, after asking; --yes answers\n"
    "  --cut-damage   with --fix: cuts at a wrong byte whatever follows it\n"
    "  --truncate-to-timestamp T   cuts what was written after T (Unix seconds)\n\n"
    "Status: 0 if the file is sound, or has become so; 1 if not; 2 if the arguments are not\n"
    "understood (as redis-check-rdb or redis-check-aof, by a link of that name, 1).\n";

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void SayLine(std::string_view line) {
  Print(line);
  Print("\n");
}

// What is wrong with the arguments.
int Refuse(const Status& why, int status) {
  const std::string text =
      "cairn-check: " + std::string(why.message()) + "\n" + std::string(kUsage);
  std::fwrite(text.data(), 1, text.size(), stderr);
  return status;
}

Status NotUnderstood(std::string_view word) {
  return {StatusCode::kInvalid, "not understood: " + std::string(word)};
}

bool AskOnTerminal(std::string_view question) {
  Print(question);
  std::fflush(stdout);
  char answer[8];
  return std::fgets(answer, sizeof(answer), stdin) != nullptr &&
         (answer[0] == 'y' || answer[0] == 'Y');
}

struct AofArguments {
  persist::AofCheckOptions options;
  bool agrees = false;
  std::string path;
};

Result<AofArguments> ParseAofArguments(std::span<const std::string> words) {
  AofArguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--fix") {
      arguments.options.fix = true;
    } else if (word == "--yes") {
      arguments.agrees = true;
    } else if (word == "--cut-damage") {
      arguments.options.cuts_damage = true;
    } else if (word == "--truncate-to-timestamp" && i + 1 < words.size()) {
      arguments.options.until_s = ParseInt64(words[++i]);
      if (!arguments.options.until_s) return std::unexpected(NotUnderstood(words[i]));
    } else if (arguments.path.empty() && !word.starts_with('-')) {
      arguments.path = word;
    } else {
      return std::unexpected(NotUnderstood(word));
    }
  }
  if (arguments.path.empty()) return Fail(StatusCode::kInvalid, "which file?");
  return arguments;
}

Result<std::string> ParseRdbArguments(std::span<const std::string> words) {
  std::string path;
  for (const std::string& word : words) {
    if (!path.empty() || word.starts_with('-')) return std::unexpected(NotUnderstood(word));
    path = word;
  }
  if (path.empty()) return Fail(StatusCode::kInvalid, "which file?");
  return path;
}

bool RunRdb(const std::string& path) {
  io::SystemDisk disk;
  return persist::CheckRdbFile(disk, path, SystemClock().NowUnixMs(), &SayLine);
}

bool RunAof(const AofArguments& arguments) {
  const auto ask = [&](std::string_view question) {
    if (!arguments.agrees) return AskOnTerminal(question);
    Print(question);
    Print("y\n");
    return true;
  };
  io::SystemDisk disk;
  return persist::CheckAof(disk, arguments.path, arguments.options, SystemClock().NowUnixMs(),
                           &SayLine, ask);
}

// Whether the file is sound, if the arguments say which.
Result<bool> RunWords(std::span<const std::string> words) {
  if (words.empty()) return Fail(StatusCode::kInvalid, "check what?");
  if (words[0] == "rdb") {
    const Result<std::string> path = ParseRdbArguments(words.subspan(1));
    if (!path) return std::unexpected(path.error());
    return RunRdb(*path);
  }
  if (words[0] == "aof") {
    const Result<AofArguments> arguments = ParseAofArguments(words.subspan(1));
    if (!arguments) return std::unexpected(arguments.error());
    return RunAof(*arguments);
  }
  return std::unexpected(NotUnderstood(words[0]));
}

bool IsAnyOf(std::span<const std::string> words, std::string_view a, std::string_view b) {
  return std::ranges::any_of(words,
                             [&](const std::string& word) { return word == a || word == b; });
}

int Run(std::string_view called_as, std::vector<std::string> words) {
  const std::string_view name = called_as.substr(called_as.rfind('/') + 1);  // npos + 1 is 0
  const bool is_rdb = name == "redis-check-rdb";
  const bool is_aof = name == "redis-check-aof";
  if (IsAnyOf(words, "-h", "--help")) {
    Print(kUsage);
    return 0;
  }
  if (IsAnyOf(words, "-v", "--version")) {
    Print("cairn-check ");
    SayLine(server::kCairnVersion);
    return 0;
  }
  if (is_rdb || is_aof) words.insert(words.begin(), is_rdb ? "rdb" : "aof");
  const Result<bool> is_sound = RunWords(words);
  if (!is_sound) return Refuse(is_sound.error(), is_rdb || is_aof ? 1 : 2);
  return *is_sound ? 0 : 1;
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  const int status = cairn::Run(argc > 0 ? argv[0] : "", {argv + (argc > 0 ? 1 : 0), argv + argc});
  return cairn::StatusAfterOutput(status);
}
