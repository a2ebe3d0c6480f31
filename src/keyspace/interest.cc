// SPDX-License-Identifier: BSD-3-Clause
// The map's nodes stay where they are, so places and marks may point into them.
#include "keyspace/interest.h"

namespace cairn::keyspace {

KeyInterest& Interest::Ensure(DbId db, std::string_view name) {
  if (KeyInterest* at = Find(db, name); at != nullptr) return *at;
  const auto [added, is_new] = keys_.try_emplace(Name{db, std::string(name)});
  KeyInterest& at = added->second;
  at.db = db;
  at.name = added->first.name;
  return at;
}

std::size_t Interest::BytesOf(std::string_view name) {
  // Of the map: a node's hash and link, and its place among the buckets.
  constexpr std::size_t kNodeBytes =
      sizeof(std::pair<const Name, KeyInterest>) + sizeof(std::size_t) + 2 * sizeof(void*);
  const bool is_outside = name.size() > std::string().capacity();
  return kNodeBytes + (is_outside ? name.size() + 1 : 0);
}

void Interest::DropIfEmpty(KeyInterest* at) {
  if (at->empty()) keys_.erase(keys_.find(NameRef{at->db, at->name}));
}

}  // namespace cairn::keyspace
