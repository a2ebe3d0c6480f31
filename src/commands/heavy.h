// SPDX-License-Identifier: BSD-3-Clause
// What handlers tell Call::Defer: how many elements they are going to touch, counted before they
// touch them. An element is what takes about 100 ns; where it takes less, several count as one.
#ifndef CAIRN_COMMANDS_HEAVY_H_
#define CAIRN_COMMANDS_HEAVY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "command/call.h"
#include "value/stream.h"

namespace cairn::commands {

// Copying, or counting bits: 256 bytes, new pages included.
inline std::uint64_t ElementsOfBytes(std::uint64_t bytes) { return bytes / 256; }

// Reading them once: hashing, comparing.
inline std::uint64_t ElementsRead(std::uint64_t bytes) { return bytes / 1024; }

// Before Txn::EditString: a string that has to be copied for it, or to grow by much, is changed in
// the lane.
inline bool DeferEdit(command::Call& call, const keyspace::Found& found, std::size_t size) {
  return call.Defer(ElementsOfBytes(keyspace::Txn::EditedBytes(found, size)));
}

// What its elements take, together.
template <class V>
std::size_t BytesOfElements(const V& collection) {
  return collection.memory_bytes();
}
inline std::size_t BytesOfElements(const value::Stream& stream) { return stream.entry_bytes(); }

// As how many an element of the collection counts: large ones by their bytes, which are copied, and
// maybe freed. (A stream may have none, and be large by what is pending at its groups.)
template <class V>
std::uint64_t WeightOf(const V& collection) {
  const std::size_t size = std::max<std::size_t>(collection.size(), 1);
  return std::max<std::uint64_t>(1, ElementsOfBytes(BytesOfElements(collection) / size));
}
inline std::uint64_t WeightOf(const keyspace::Entry& entry) {
  if (!entry.is_collection()) return 1;
  return entry.Visit([](const auto& collection) { return WeightOf(collection); });
}
// So many of its elements. REQUIRES: elements <= size(), or looked for in vain.
template <class V>
std::uint64_t ElementsTaken(const V& collection, std::uint64_t elements) {
  return elements * WeightOf(collection);
}

// Elements of a list that are only looked at in passing.
inline std::uint64_t ElementsPassed(std::uint64_t elements) { return elements / 4; }

// How many there are, or are asked for; a count below zero asks for so many draws.
inline std::uint64_t ElementsDrawn(std::uint64_t size, std::int64_t count) {
  if (count < 0) return static_cast<std::uint64_t>(-(count + 1)) + 1;
  return std::min(size, static_cast<std::uint64_t>(count));
}

// The same of at most so many. REQUIRES: count >= 0.
template <class V>
std::uint64_t ElementsUpTo(const V& collection, std::int64_t count) {
  return ElementsTaken(collection, ElementsDrawn(collection.size(), count));
}

// The value's elements, by their bytes if they are large, or what its bytes come to.
std::uint64_t ElementsOf(const keyspace::Entry& entry);

// Entries between the ids, at most `count` (0: all) of them, counted up to `heavy`. It costs
// nothing where the stream or the count are small.
std::uint64_t ElementsBetween(const value::Stream& stream, value::StreamId start,
                              value::StreamId end, std::size_t count,
                              std::uint64_t heavy = command::Call::kHeavyElements);

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_HEAVY_H_
