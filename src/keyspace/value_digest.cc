// SPDX-License-Identifier: BSD-3-Clause
// One function a type. Members are mixed before they are summed, so that moving a value from one
// field to another changes the sum.
#include "keyspace/value_digest.h"

#include <bit>
#include <initializer_list>

#include "base/hash.h"

namespace cairn::keyspace {
namespace {

std::uint64_t Mix(std::initializer_list<std::uint64_t> parts) {
  return Xxh3({reinterpret_cast<const char*>(parts.begin()), parts.size() * sizeof(std::uint64_t)});
}
std::uint64_t Mix(value::StreamId id) { return Mix({id.ms, id.seq}); }

std::uint64_t DigestOf(const value::List& list) {
  std::uint64_t digest = 0;
  ds::PackedValue::Scratch scratch;
  for (value::ListCursor at(list, 0, value::ListEnd::kBack); !at.done(); at.Advance())
    digest = Mix({digest, Xxh3(at.value().Text(scratch))});
  return digest;
}

std::uint64_t DigestOf(const value::Set& set) {
  std::uint64_t digest = 0;
  set.ForEach([&](std::string_view member) { digest += Mix({Xxh3(member)}); });
  return digest;
}

std::uint64_t DigestOf(const value::SortedSet& set) {
  std::uint64_t digest = 0;
  set.ForEach([&](std::string_view member, double score) {
    // -0 and 0 are the same score.
    digest += Mix({Xxh3(member), std::bit_cast<std::uint64_t>(score == 0 ? 0.0 : score)});
  });
  return digest;
}

std::uint64_t DigestOf(const value::Hash& hash) {
  std::uint64_t digest = 0;
  hash.ForEach([&](std::string_view field, std::string_view value) {
    const UnixMs expiry = hash.has_times() ? hash.ExpiryOf(field).value_or(kNever) : kNever;
    digest += Mix({Xxh3(field), Xxh3(value), static_cast<std::uint64_t>(expiry)});
  });
  return digest;
}

std::uint64_t DigestOf(const value::StreamGroup& group) {
  std::uint64_t digest = Mix(
      {Xxh3(group.name()), Mix(group.last_id()), static_cast<std::uint64_t>(group.entries_read())});
  for (const auto& consumer : group.consumers()) {
    digest = Mix({digest, Xxh3(consumer->name())});
    group.ForEachPending(value::kStreamIdMin, value::kStreamIdMax, consumer.get(),
                         [&](value::StreamId id, const value::StreamDelivery&) {
                           digest = Mix({digest, Mix(id)});
                           return true;
                         });
  }
  return digest;
}

std::uint64_t DigestOf(const value::Stream& stream) {
  std::uint64_t digest = Mix(stream.last_id());
  value::StreamRange range(stream, value::kStreamIdMin, value::kStreamIdMax,
                           value::StreamOrder::kForward);
  for (value::StreamEntry entry; range.Next(&entry);) {
    digest = Mix({digest, Mix(entry.id())});
    entry.ForEach([&](std::string_view field, std::string_view value) {
      digest = Mix({digest, Xxh3(field), Xxh3(value)});
    });
  }
  for (const auto& group : stream.groups()) digest = Mix({digest, DigestOf(*group)});
  return digest;
}

}  // namespace

std::uint64_t ValueDigest(const Entry& entry) {
  if (!entry.is_collection()) return Xxh3(entry.value());
  return entry.Visit([&](const auto& value) {
    return Mix({static_cast<std::uint64_t>(entry.type()), DigestOf(value)});
  });
}

}  // namespace cairn::keyspace
