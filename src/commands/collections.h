// SPDX-License-Identifier: BSD-3-Clause
// What the families of the collection types share: finding a key as a List, Hash, Set, SortedSet or
// Stream, and where such a value changes its form.
//
//   Found found;
//   if (!FindAs<value::List>(call, 0, Access::kWrite, &found)) return;   // it has been seen to
//   {
//     auto list = call.txn().Edit<value::List>(call.key(0), found);
//     list->Push(value::ListEnd::kFront, texts, LimitsOf<value::List>(call));
//   }
#ifndef CAIRN_COMMANDS_COLLECTIONS_H_
#define CAIRN_COMMANDS_COLLECTIONS_H_

#include <algorithm>
#include <span>
#include <string_view>

#include "command/call.h"
#include "command/errors.h"
#include "commands/heavy.h"
#include "keyspace/txn.h"
#include "value/list_rules.h"

namespace cairn::commands {

// Whether the command goes to the lane because the elements are large: each is copied when it is
// replied with, and freed when it goes. (Few large ones among many small ones do not show.)
template <class V>
bool DeferLargeElements(command::Call& call, const V& collection) {
  if (collection.memory_bytes() < command::Call::kLargeBytes) [[likely]]
    return false;
  return call.Defer(ElementsTaken(collection, 1));
}

// Finds the n-th key of the call as a V. False, with WRONGTYPE replied, if it holds something else,
// or without a reply if the command goes to the lane; an absent key is fine. REQUIRES, with kWrite:
// nothing replied, nothing changed.
template <class V>
bool FindAs(command::Call& call, std::size_t n, keyspace::Access access, keyspace::Found* found) {
  // Copied field by field: as a whole it goes through the stack in wider loads than the stores just
  // before, which the processor waits for (13 ns of an LPUSH's 117).
  const keyspace::Found seen = call.txn().Find(call.key(n), access);
  found->shard = seen.shard;
  found->position.segment = seen.position.segment;
  found->position.slot = seen.position.slot;
  found->entry = seen.entry;
  if (!*found) return true;
  if (found->entry->type() == keyspace::kTypeOf<V>) [[likely]]
    return access != keyspace::Access::kWrite || !DeferLargeElements(call, found->entry->as<V>());
  call.Error(command::errors::kWrongType);
  return false;
}

// Row::warm of a command whose members stand at `first` and every `step` after it.
template <class V, std::size_t first, std::size_t step = 1>
void WarmMembers(const keyspace::Entry& entry, std::span<const std::string_view> args,
                 command::WarmStep warm_step) {
  constexpr std::size_t kMembersMax = 16;  // of one command: more would push out what came before
  if (entry.type() != keyspace::kTypeOf<V>) return;
  const V& collection = entry.as<V>();
  const std::size_t end = std::min(args.size(), first + kMembersMax * step);
  for (std::size_t i = first; i < end; i += step) {
    if (warm_step == command::WarmStep::kBucket) {
      collection.PrefetchBucket(args[i]);
    } else {
      collection.PrefetchNode(args[i]);
    }
  }
}

// SRANDMEMBER and its kin with a count below zero draw so often at most; Redis goes on until its
// memory ends. A reply of that many elements takes seconds and half a gigabyte.
inline constexpr std::int64_t kDrawsMax = std::int64_t{1} << 26;

// Where large collections under this key keep their nodes.
inline value::TableHome HomeOf(command::Call& call, const keyspace::KeyRef& key) {
  return {call.keyspace().stripe(key.stripe).arena, call.keyspace().seed()};
}

// The limits of the small forms, as configured at this moment.
template <class V>
auto LimitsOf(command::Call& call);

template <>
inline auto LimitsOf<value::List>(command::Call& call) {
  const keyspace::Tunables& tunables = call.keyspace().tunables();
  return value::ListLimits{
      .node_fill = tunables.list_node_fill.load(std::memory_order_relaxed),
      .compress_depth = tunables.list_compress_depth.load(std::memory_order_relaxed)};
}
template <>
inline auto LimitsOf<value::Hash>(command::Call& call) {
  const keyspace::Tunables& tunables = call.keyspace().tunables();
  return value::HashLimits{
      .packed_entries = tunables.hash_packed_entries.load(std::memory_order_relaxed),
      .packed_value_bytes = tunables.hash_packed_value_bytes.load(std::memory_order_relaxed)};
}
template <>
inline auto LimitsOf<value::Set>(command::Call& call) {
  const keyspace::Tunables& tunables = call.keyspace().tunables();
  return value::SetLimits{
      .int_entries = tunables.set_int_entries.load(std::memory_order_relaxed),
      .packed_entries = tunables.set_packed_entries.load(std::memory_order_relaxed),
      .packed_value_bytes = tunables.set_packed_value_bytes.load(std::memory_order_relaxed)};
}
template <>
inline auto LimitsOf<value::SortedSet>(command::Call& call) {
  const keyspace::Tunables& tunables = call.keyspace().tunables();
  return value::SortedSetLimits{
      .packed_entries = tunables.sorted_set_packed_entries.load(std::memory_order_relaxed),
      .packed_value_bytes = tunables.sorted_set_packed_value_bytes.load(std::memory_order_relaxed)};
}
template <>
inline auto LimitsOf<value::Stream>(command::Call& call) {
  const keyspace::Tunables& tunables = call.keyspace().tunables();
  return value::StreamLimits{
      .node_bytes = tunables.stream_node_bytes.load(std::memory_order_relaxed),
      .node_entries = tunables.stream_node_entries.load(std::memory_order_relaxed)};
}

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_COLLECTIONS_H_
