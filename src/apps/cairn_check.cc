// SPDX-License-Identifier: BSD-3-Clause
// cairn-check: whether a server can load a file, what is in it, and the mending of an AOF's end.
//
//   cairn-check rdb FILE
//   cairn-check aof [--fix [--yes] [--cut-damage]] [--truncate-to-timestamp T] FILE|MANIFEST
//
// Called as redis-check-rdb or redis-check-aof (by a link of that name) it takes what follows "rdb"
// or "aof". It ends with 0 if the file is sound, or has become so; else with 1. Usage is an answer
// on standard output for who asks for it, and an error with what was not understood otherwise.
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "io/disk.h"
#include "persist/aof_check.h"
#include "persist/rdb_check.h"
#include "server/version.h"

namespace cairn {
namespace {

constexpr std::string_view kUsage =
    "Usage: cairn-check rdb FILE\n"
    "       cairn-check aof [--fix [--yes] [--cut-damage]] [--truncate-to-timestamp T] FILE\n"
    "       cairn-check -v or --version\n"
    "       cairn-check -h or --help\n\n"
    "FILE: a dump, an append only file, or the manifest of an append only directory.\n"
    "  --fix          cuts a torn tail off, after asking; --yes answers\n"
    "  --cut-damage   with --fix: cuts at a wrong byte whatever follows it\n"
    "  --truncate-to-timestamp T   cuts what was written after T (Unix seconds)\n";

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void SayLine(std::string_view line) {
  Print(line);
  Print("\n");
}

// The status that goes with it.
int Refuse(std::string_view what) {
  const std::string text = "cairn-check: " + std::string(what) + "\n" + std::string(kUsage);
  std::fwrite(text.data(), 1, text.size(), stderr);
  return 1;
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

// Nothing if they are not understood; what is wrong was said then.
std::optional<AofArguments> ParseAofArguments(std::span<const std::string> words) {
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
      if (!arguments.options.until_s) {
        Refuse("'" + words[i] + "' is no timestamp");
        return std::nullopt;
      }
    } else if (arguments.path.empty() && !word.starts_with('-')) {
      arguments.path = word;
    } else {
      Refuse("not understood: " + word);
      return std::nullopt;
    }
  }
  if (!arguments.path.empty()) return arguments;
  Refuse("which file?");
  return std::nullopt;
}

int RunRdb(std::span<const std::string> words) {
  if (words.empty()) return Refuse("which file?");
  for (const std::string& word : words) {
    const bool is_path = !word.starts_with('-') && &word == words.data();
    if (!is_path) return Refuse("not understood: " + word);
  }
  io::SystemDisk disk;
  return persist::CheckRdbFile(disk, words[0], SystemClock().NowUnixMs(), &SayLine) ? 0 : 1;
}

int RunAof(std::span<const std::string> words) {
  const std::optional<AofArguments> arguments = ParseAofArguments(words);
  if (!arguments) return 1;
  const auto ask = [&](std::string_view question) {
    if (!arguments->agrees) return AskOnTerminal(question);
    Print(question);
    Print("y\n");
    return true;
  };
  io::SystemDisk disk;
  return persist::CheckAof(disk, arguments->path, arguments->options, SystemClock().NowUnixMs(),
                           &SayLine, ask)
             ? 0
             : 1;
}

int Run(std::string_view called_as, std::vector<std::string> words) {
  const std::string_view name = called_as.substr(called_as.rfind('/') + 1);  // npos + 1 is 0
  if (name == "redis-check-rdb") words.insert(words.begin(), "rdb");
  if (name == "redis-check-aof") words.insert(words.begin(), "aof");
  const std::string_view last = words.empty() ? std::string_view() : words.back();
  if (last == "-v" || last == "--version") {
    Print("cairn-check ");
    SayLine(server::kCairnVersion);
    return 0;
  }
  if (last == "-h" || last == "--help") {
    Print(kUsage);
    return 0;
  }
  if (!words.empty() && words[0] == "rdb") return RunRdb(std::span(words).subspan(1));
  if (!words.empty() && words[0] == "aof") return RunAof(std::span(words).subspan(1));
  return Refuse(words.empty() ? "check what?" : "not understood: " + words[0]);
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  return cairn::Run(argc > 0 ? argv[0] : "", {argv + (argc > 0 ? 1 : 0), argv + argc});
}
