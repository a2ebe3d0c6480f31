// SPDX-License-Identifier: BSD-3-Clause
// Libraries are few (kLibrariesMax), so they are looked for one by one.
#include "scripting/library_set.h"

#include <algorithm>

#include "base/text.h"
#include "codec/dump.h"
#include "codec/rdb_format.h"
#include "codec/rdb_input.h"

namespace cairn::scripting {
namespace {

using Present = LibrarySet::Present;

// "#!lua name=mylib" and the source behind it; the name may stand in quotes.
std::string_view NameOf(std::string_view source) {
  constexpr std::string_view kName = "name=";
  const std::string_view line = source.substr(0, source.find_first_of("\r\n"));
  if (!line.starts_with("#!")) return {};
  for (std::size_t at = line.find(' '); at != std::string_view::npos; at = line.find(' ', at)) {
    ++at;
    if (!EqualsIgnoreCase(line.substr(at, kName.size()), kName)) continue;
    std::string_view name = line.substr(at + kName.size());
    name = name.substr(0, name.find(' '));
    const bool is_quoted = name.size() >= 2 && (name.front() == '"' || name.front() == '\'') &&
                           name.back() == name.front();
    return is_quoted ? name.substr(1, name.size() - 2) : name;
  }
  return {};
}

Status Corrupt(std::string what) { return {StatusCode::kCorrupt, std::move(what)}; }

}  // namespace

LibrarySet::Libraries::iterator LibrarySet::Find(std::string_view name) {
  return std::find_if(libraries_.begin(), libraries_.end(),
                      [&](const auto& library) { return !name.empty() && library->name == name; });
}

const Library* LibrarySet::Named(std::string_view name) const {
  for (const auto& library : libraries_) {
    if (!name.empty() && library->name == name) return library.get();
  }
  return nullptr;
}

Status LibrarySet::Add(std::string_view source, Present present) {
  const std::string_view name = NameOf(source);
  const auto there = Find(name);
  const bool is_there = there != libraries_.end();
  if (is_there && present == Present::kRefuse)
    return Corrupt("the library '" + std::string(name) + "' for the second time");
  if (!is_there && libraries_.size() == kLibrariesMax) {
    return {StatusCode::kUnsupported,
            "more than " + std::to_string(kLibrariesMax) + " libraries of functions"};
  }
  const std::size_t bytes = bytes_ - (is_there ? (*there)->source.size() : 0);
  if (source.size() > kBytesMax - bytes) {
    return {StatusCode::kUnsupported,
            "libraries of functions of more than " + std::to_string(kBytesMax) + " bytes"};
  }
  auto library = std::make_shared<const Library>(
      Library{.name = std::string(name), .source = std::string(source)});
  bytes_ = bytes + source.size();
  if (is_there) {
    *there = std::move(library);
  } else {
    libraries_.push_back(std::move(library));
  }
  return {};
}

std::size_t LibrarySet::memory_bytes() const {
  std::size_t bytes = libraries_.capacity() * sizeof(libraries_[0]);
  for (const auto& library : libraries_)
    bytes += sizeof(Library) + library->name.capacity() + library->source.capacity();
  return bytes;
}

bool LibrarySet::IsChange(std::span<const std::string_view> args) {
  if (args.empty()) return false;
  const std::string_view what = args[0];
  return EqualsIgnoreCase(what, "load") || EqualsIgnoreCase(what, "delete") ||
         EqualsIgnoreCase(what, "flush") || EqualsIgnoreCase(what, "restore");
}

Status LibrarySet::Apply(std::span<const std::string_view> args) {
  if (EqualsIgnoreCase(args[0], "flush")) {
    *this = LibrarySet();
    return {};
  }
  if (args.size() < 2) return Corrupt("wrong number of arguments");
  if (EqualsIgnoreCase(args[0], "restore")) return Restore(args);
  if (EqualsIgnoreCase(args[0], "load")) {
    const bool replaces = args.size() == 3 && EqualsIgnoreCase(args[1], "replace");
    return Add(args.back(), replaces ? Present::kReplace : Present::kRefuse);
  }
  const auto there = Find(args[1]);
  if (there == libraries_.end()) return Corrupt("no library '" + std::string(args[1]) + "'");
  bytes_ -= (*there)->source.size();
  libraries_.erase(there);
  return {};
}

// RESTORE payload [FLUSH | APPEND | REPLACE]: all libraries of the payload, or none.
Status LibrarySet::Restore(std::span<const std::string_view> args) {
  const std::string_view payload = args[1];
  const std::string_view policy = args.size() > 2 ? args[2] : "append";
  if (!codec::IsDumpIntact(payload)) return Corrupt("a payload whose checksum does not fit");
  Result<LibrarySet> given = FromDump(payload);
  if (!given) return given.error();
  LibrarySet fresh = EqualsIgnoreCase(policy, "flush") ? LibrarySet() : *this;
  const Present present =
      EqualsIgnoreCase(policy, "replace") ? Present::kReplace : Present::kRefuse;
  for (const auto& library : given->libraries()) {
    if (Status added = fresh.Add(library->source, present); !added.ok()) return added;
  }
  *this = std::move(fresh);
  return {};
}

Result<LibrarySet> LibrarySet::FromDump(std::string_view payload) {
  LibrarySet given;
  codec::RdbInput in(payload.substr(0, payload.size() - codec::kDumpFooterBytes));
  while (in.ok() && !in.at_end()) {
    if (in.Byte() != static_cast<std::uint8_t>(codec::RdbOpcode::kFunction))
      in.Corrupt("no library of functions");
    const std::string_view source = in.Text();
    if (!in.ok()) break;
    if (Status added = given.Add(source, Present::kRefuse); !added.ok())
      return std::unexpected(std::move(added));
  }
  if (!in.ok()) return std::unexpected(in.status());
  return given;
}

}  // namespace cairn::scripting
