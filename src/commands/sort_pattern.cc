// SPDX-License-Identifier: BSD-3-Clause
// The first star is the element's place; the first arrow behind it parts key and field, unless
// nothing follows it: then it is part of the key.
#include "commands/sort_pattern.h"

#include "value/hash.h"

namespace cairn::commands {

KeyPattern::KeyPattern(std::string_view text) : is_element_(text == "#") {
  const std::size_t star = text.find('*');
  if (star == text.npos) return;
  has_star_ = true;
  prefix_ = text.substr(0, star);
  suffix_ = text.substr(star + 1);
  const std::size_t arrow = suffix_.find("->");
  if (arrow == suffix_.npos || arrow + 2 == suffix_.size()) return;
  field_ = suffix_.substr(arrow + 2);
  suffix_ = suffix_.substr(0, arrow);
}

void KeyPattern::KeyOf(std::string_view element, std::string& key) const {
  key.assign(prefix_);
  key.append(element);
  key.append(suffix_);
}

std::optional<std::string_view> PatternReader::Read(const KeyPattern& pattern,
                                                    std::string_view element) {
  if (pattern.is_element()) return element;
  if (!pattern.has_star()) return std::nullopt;
  pattern.KeyOf(element, key_);
  const keyspace::Found found =
      call_.txn().Find(call_.keyspace().Ref(key_), keyspace::Access::kRead);
  if (!found) return std::nullopt;
  if (pattern.field().empty()) {
    if (found.entry->type() != keyspace::Type::kString) return std::nullopt;
    return found.entry->value();
  }
  if (found.entry->type() != keyspace::Type::kHash) return std::nullopt;
  const std::optional<ds::PackedValue> field = found.entry->as<value::Hash>().Get(pattern.field());
  if (!field) return std::nullopt;
  return field->Text(scratch_);
}

}  // namespace cairn::commands
