// SPDX-License-Identifier: BSD-3-Clause
// What BY and GET of SORT name: a key, or a field of a hash, made from an element.
//
//     "weight_*"        the string under "weight_" and the element
//     "user_*->name"    the field "name" of the hash under "user_" and the element
//     "#"               the element itself
//
// A pattern without a star leads nowhere.
#ifndef CAIRN_COMMANDS_SORT_PATTERN_H_
#define CAIRN_COMMANDS_SORT_PATTERN_H_

#include <optional>
#include <string>
#include <string_view>

#include "command/call.h"
#include "ds/packed_list.h"

namespace cairn::commands {

// A view of an argument.
class KeyPattern {
 public:
  explicit KeyPattern(std::string_view text);

  bool is_element() const { return is_element_; }
  bool has_star() const { return has_star_; }
  // Empty: the key holds a string.
  std::string_view field() const { return field_; }
  // REQUIRES: has_star().
  void KeyOf(std::string_view element, std::string& key) const;

 private:
  std::string_view prefix_;
  std::string_view suffix_;
  std::string_view field_;
  bool has_star_ = false;
  bool is_element_ = false;
};

// Looks up what patterns lead to. REQUIRES: the call holds all stripes.
class PatternReader {
 public:
  explicit PatternReader(command::Call& call) : call_(call) {}

  // Nothing if there is no such key or field, or the key is of another type. Valid until the next
  // Read, or change of the keyspace.
  std::optional<std::string_view> Read(const KeyPattern& pattern, std::string_view element);

 private:
  command::Call& call_;
  std::string key_;
  ds::PackedValue::Scratch scratch_;
};

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_SORT_PATTERN_H_
