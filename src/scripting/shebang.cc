// SPDX-License-Identifier: BSD-3-Clause
// The words of the line are split once; each error is one Redis 7.2 knows, in its order of looking.
#include "scripting/shebang.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"

namespace cairn::scripting {
namespace {

constexpr std::string_view kMark = "#!";
constexpr std::string_view kFlagsOption = "flags=";
constexpr std::string_view kNameOption = "name=";

std::unexpected<Status> Refuse(std::string message) {
  return Fail(StatusCode::kInvalid, "ERR " + std::move(message));
}

bool StartsIgnoringCase(std::string_view text, std::string_view prefix) {
  return EqualsIgnoreCase(text.substr(0, prefix.size()), prefix);
}

// Returns the name that is none, or nothing.
std::optional<std::string_view> ReadFlags(std::string_view list, ScriptFlags& flags) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view name = list.substr(0, comma);
    if (!SetScriptFlag(flags, name)) return name;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
    if (list.empty()) return list;
  }
  return std::nullopt;
}

}  // namespace

bool SetScriptFlag(ScriptFlags& flags, std::string_view name) {
  static constexpr std::pair<std::string_view, bool ScriptFlags::*> kFlags[] = {
      {"no-writes", &ScriptFlags::no_writes},
      {"allow-oom", &ScriptFlags::allow_oom},
      {"allow-stale", &ScriptFlags::allow_stale},
      {"no-cluster", &ScriptFlags::no_cluster},
      {"allow-cross-slot-keys", &ScriptFlags::allow_cross_slot_keys}};
  for (const auto& [flag_name, flag] : kFlags) {
    if (flag_name != name) continue;
    flags.*flag = true;
    return true;
  }
  return false;
}

Result<ScriptShebang> ReadScriptShebang(std::string_view body) {
  ScriptShebang shebang;
  if (!body.starts_with(kMark)) return shebang;
  shebang.present = true;
  const std::size_t line_end = body.find('\n');
  if (line_end == std::string_view::npos) return Refuse("Invalid script shebang");
  const auto words = SplitWords(body.substr(0, line_end));
  if (!words || words->empty()) return Refuse("Invalid engine in script shebang");
  if (words->front() != "#!lua") {
    return Refuse("Unexpected engine in script shebang: " + words->front());
  }
  for (std::size_t i = 1; i < words->size(); ++i) {
    const std::string_view word = (*words)[i];
    if (!word.starts_with(kFlagsOption)) {
      return Refuse("Unknown lua shebang option: " + std::string(word));
    }
    if (const auto bad = ReadFlags(word.substr(kFlagsOption.size()), shebang.flags)) {
      return Refuse("Unexpected flag in script shebang: " + std::string(*bad));
    }
  }
  return shebang;
}

Result<std::string> ReadLibraryShebang(std::string_view code) {
  if (!code.starts_with(kMark)) return Refuse("Missing library metadata");
  const std::size_t line_end = code.find('\n');
  if (line_end == std::string_view::npos) return Refuse("Invalid library metadata");
  const auto words = SplitWords(code.substr(0, line_end));
  if (!words || words->empty()) return Refuse("Invalid library metadata");
  std::optional<std::string> name;
  for (std::size_t i = 1; i < words->size(); ++i) {
    const std::string_view word = (*words)[i];
    if (!StartsIgnoringCase(word, kNameOption)) {
      return Refuse("Invalid metadata value given: " + std::string(word));
    }
    if (name) return Refuse("Invalid metadata value, name argument was given multiple times");
    name = word.substr(kNameOption.size());
  }
  if (!name) return Refuse("Library name was not given");
  if (!IsFunctionName(*name)) return Refuse(std::string(kBadFunctionName));
  const std::string engine = words->front().substr(kMark.size());
  if (!EqualsIgnoreCase(engine, "lua")) return Refuse("Engine '" + engine + "' not found");
  return *name;
}

bool IsFunctionName(std::string_view name) {
  const auto is_fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && std::ranges::all_of(name, is_fine);
}

std::string_view WithoutShebang(std::string_view code) {
  if (!code.starts_with(kMark)) return code;
  return code.substr(std::min(code.find('\n'), code.size()));
}

}  // namespace cairn::scripting
