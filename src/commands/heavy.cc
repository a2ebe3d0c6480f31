// SPDX-License-Identifier: BSD-3-Clause
// Counting without touching: sizes that are known, and for streams, which do not know how many
// entries lie between two ids, a walk that ends where it is heavy.
#include "commands/heavy.h"

#include "value/hash.h"
#include "value/list.h"
#include "value/set.h"
#include "value/sorted_set.h"

namespace cairn::commands {

std::uint64_t ElementsOf(const keyspace::Entry& entry) {
  if (!entry.is_collection()) return ElementsOfBytes(entry.value().size());
  return entry.element_count() * WeightOf(entry);
}

// A stream does not know how many entries lie between two ids; walking so far as to know that they
// are many costs a fifth of replying with them.
std::uint64_t ElementsBetween(const value::Stream& stream, value::StreamId start,
                              value::StreamId end, std::size_t count, std::uint64_t heavy) {
  const std::uint64_t most =
      count == 0 ? stream.size() : std::min<std::uint64_t>(count, stream.size());
  if (most < heavy) return most;
  value::StreamRange range(stream, start, end, value::StreamOrder::kForward);
  value::StreamEntry entry;
  std::uint64_t seen = 0;
  while (seen < heavy && range.Next(&entry)) ++seen;
  return seen;
}

}  // namespace cairn::commands
