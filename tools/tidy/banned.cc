// SPDX-License-Identifier: BSD-3-Clause
// The rows, and the matcher that finds them as whole words in code.
#include "tidy/banned.h"

#include <array>
#include <cctype>
#include <string>

namespace cairn::tidy {
namespace {

constexpr std::string_view kTests = "tests";  // in Ban::allowed: tests/ and every *_test.cc
// In Ban::allowed: what stands on the public headers alone, and has no locks or threads but std's.
constexpr std::string_view kUsers = "users";
constexpr std::string_view kLock = "Mutex and MutexLock of base/mutex.h";
constexpr std::string_view kThread = "Thread of base/thread.h";
constexpr std::string_view kClock = "a Clock (base/clock.h), handed in";
constexpr std::string_view kRandom = "Random of base/random.h, with a seed that is printed";
constexpr std::string_view kText = "base/text.h, or fmt::format_to off the hot path";
constexpr std::string_view kNumber = "the parsers of base/text.h, which report failure";
constexpr std::string_view kNoSleep = "an Event, a ManualClock, or waiting for the very condition";
constexpr std::string_view kOwner = "std::make_unique, a container, or an arena of ds";
constexpr std::string_view kStatus = "Status or Result<T> of base/status.h";
constexpr std::string_view kNoCast = "a virtual function or an enum that says what it is";
constexpr std::string_view kStream = "fmt for text, io for files";

bool IsWordByte(char byte) {
  return std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '_';
}

bool IsForUsers(std::string_view path) {
  return path.starts_with("toolkit/") || path.starts_with("include/") ||
         path.starts_with("examples/");
}

bool IsAllowed(const Ban& ban, const Source& source) {
  for (const std::string_view place : ban.allowed) {
    if (place == kTests && source.IsTest()) return true;
    if (place == kUsers && IsForUsers(source.path())) return true;
    if (source.path().starts_with(place)) return true;
  }
  return false;
}

// "Clock& time(" and "int time(" declare something of our own: as clang-format sets it, an operator
// has a blank before it, and a word before a call is one of a few.
bool IsDeclaration(std::string_view before) {
  if (!before.ends_with(' ')) return false;
  before.remove_suffix(1);
  while (before.ends_with('&') || before.ends_with('*')) before.remove_suffix(1);
  if (before.empty() || (!IsWordByte(before.back()) && before.back() != '>')) return false;
  for (const std::string_view word : {"return", "else", "do", "co_return", "case"}) {
    if (before.ends_with(word)) return false;
  }
  return true;
}

// For a function's name at `at`: is it the C library's, not a member's or another namespace's?
bool IsFreeCall(std::string_view code, std::size_t at) {
  const std::string_view before = code.substr(0, at);
  if (before.ends_with('.') || before.ends_with("->") || IsDeclaration(before)) return false;
  if (!before.ends_with("::")) return true;
  const std::string_view owner = before.substr(0, before.size() - 2);
  if (owner.ends_with("std")) return true;
  return owner.empty() || (!IsWordByte(owner.back()) && owner.back() != '>');
}

bool Matches(std::string_view name, std::string_view code, std::size_t at) {
  if (name.ends_with('*')) {
    return at == 0 || !IsWordByte(code[at - 1]);
  }
  if (name.ends_with('(')) {
    return (at == 0 || !IsWordByte(code[at - 1])) && IsFreeCall(code, at);
  }
  return IsWordAt(code, at, name);
}

// `new` that constructs in memory it is given, or goes straight into its owner (a private
// constructor keeps make_unique out), `= delete`, and std's literals: what the words may still do.
bool IsHarmless(std::string_view name, std::string_view code, std::size_t at) {
  const std::size_t line_begin = code.rfind('\n', at) + 1;  // npos + 1 is 0
  const std::string_view before = code.substr(line_begin, at - line_begin);
  if (name == "new") {
    return code.substr(at + 3).starts_with(" (") || before.find("unique_ptr<") != before.npos;
  }
  if (name == "using namespace std") return code.substr(at + name.size()).starts_with("::");
  return name == "delete" && before.ends_with("= ");
}

void CheckWord(const Ban& ban, const Source& source, std::vector<Finding>& findings) {
  const std::string_view code = source.code();
  std::string_view name = ban.name;
  if (name.ends_with('*')) name.remove_suffix(1);
  for (std::size_t at = code.find(name); at != code.npos; at = code.find(name, at + 1)) {
    if (!Matches(ban.name, code, at) || IsHarmless(ban.name, code, at)) continue;
    const std::string shown(name.ends_with('(') ? name.substr(0, name.size() - 1) : name);
    findings.push_back(
        source.At(source.LineAt(at), shown + " is banned: use " + std::string(ban.instead)));
  }
}

void CheckInclude(const Ban& ban, const Source& source, std::vector<Finding>& findings) {
  for (const Include& include : Includes(source)) {
    if (include.quoted || include.name != ban.name.substr(1, ban.name.size() - 2)) continue;
    findings.push_back(source.At(
        include.line, std::string(ban.name) + " is banned: use " + std::string(ban.instead)));
  }
}

}  // namespace

std::span<const Ban> Bans() {
  static const std::array kBans = {
      Ban{"std::mutex", kLock, {kUsers}},
      Ban{"std::shared_mutex", kLock, {kUsers}},
      Ban{"std::recursive_mutex", kLock, {}},
      Ban{"std::timed_mutex", kLock, {}},
      Ban{"std::lock_guard", kLock, {kUsers}},
      Ban{"std::unique_lock", kLock, {kUsers}},
      Ban{"std::scoped_lock", kLock, {kUsers}},
      Ban{"std::call_once", kLock, {}},
      Ban{"std::condition_variable*", "Event of base/mutex.h", {kUsers}},
      Ban{"pthread_mutex_*", kLock, {}},
      Ban{"std::thread", kThread, {"src/base/thread.", kUsers}},
      Ban{"std::jthread", kThread, {kUsers}},
      Ban{"std::async", kThread, {}},
      Ban{"pthread_create(", kThread, {}},
      Ban{"std::regex*", "GlobMatch of base/glob.h, or a few lines that parse", {}},
      Ban{"printf(", kText, {"tools/", "bench/", "examples/", kTests}},
      Ban{"fprintf(", kText, {"tools/", "bench/", "examples/", kTests}},
      Ban{"sprintf(", kText, {}},
      // text.cc: "%.17Lf" is what Redis replies, and nothing else prints long doubles that way.
      Ban{"snprintf(", kText, {"src/base/text.cc", "tools/", "bench/", kTests}},
      Ban{"vsnprintf(", kText, {}},
      Ban{"<iostream>", kStream, {}},
      Ban{"<sstream>", kStream, {"bench/"}},
      Ban{"<fstream>", kStream, {"bench/"}},
      Ban{"<iomanip>", kStream, {}},
      Ban{"<regex>", "GlobMatch of base/glob.h, or a few lines that parse", {}},
      Ban{"time(", kClock, {}},
      Ban{"gettimeofday(", kClock, {}},
      Ban{"clock_gettime(", kClock, {"src/base/clock.cc", "bench/", kTests}},
      Ban{"system_clock", kClock, {"tools/", "bench/", kTests}},
      Ban{"steady_clock", kClock, {"tools/", "bench/", kTests}},
      Ban{"rand(", kRandom, {}},
      Ban{"srand(", kRandom, {}},
      Ban{"std::random_device", kRandom, {"src/base/random.cc"}},
      Ban{"std::mt19937*", kRandom, {}},
      Ban{"std::default_random_engine", kRandom, {}},
      Ban{"sleep(", kNoSleep, {}},
      Ban{"usleep(", kNoSleep, {}},
      Ban{"nanosleep(", kNoSleep, {}},
      Ban{"sleep_for", kNoSleep, {}},
      Ban{"sleep_until", kNoSleep, {}},
      Ban{"new", kOwner, {"src/ds/", "src/base/blob."}},
      Ban{"delete", kOwner, {"src/ds/", "src/base/blob."}},
      Ban{"malloc(", kOwner, {"src/ds/", "src/base/blob."}},
      Ban{"calloc(", kOwner, {"src/ds/", "src/base/blob."}},
      Ban{"realloc(", kOwner, {"src/ds/", "src/base/blob.", "src/scripting/lua_vm."}},
      Ban{"free(", kOwner, {"src/ds/", "src/base/blob.", "src/scripting/lua_vm."}},
      Ban{"using namespace std", "the names with their std::", {}},
      Ban{"throw", kStatus, {}},
      Ban{"dynamic_cast", kNoCast, {}},
      Ban{"typeid", kNoCast, {}},
      Ban{"assert(", "CHECK or DCHECK of base/check.h", {}},
      Ban{"atoi(", kNumber, {}},
      Ban{"atof(", kNumber, {}},
      Ban{"stoi(", kNumber, {}},
      Ban{"stol(", kNumber, {}},
      Ban{"stoll(", kNumber, {}},
      Ban{"stoul(", kNumber, {}},
      Ban{"stoull(", kNumber, {}},
      Ban{"stod(", kNumber, {}},
      Ban{"strcpy(", "std::string_view and std::memcpy", {}},
      Ban{"strcat(", "std::string", {}},
      Ban{"strtok(", "std::string_view::find, or SplitWords of base/text.h", {}},
  };
  return kBans;
}

std::vector<Finding> CheckBanned(const Source& source) {
  std::vector<Finding> findings;
  if (!source.IsCpp()) return findings;
  for (const Ban& ban : Bans()) {
    if (IsAllowed(ban, source)) continue;
    if (ban.name.starts_with('<')) {
      CheckInclude(ban, source, findings);
    } else {
      CheckWord(ban, source, findings);
    }
  }
  return findings;
}

}  // namespace cairn::tidy
