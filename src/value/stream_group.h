// SPDX-License-Identifier: BSD-3-Clause
// StreamGroup: the readers of a stream that share its entries, and what each has not acknowledged.
//
// A group knows the last entry it handed out, how many it has read by its own count, and its
// pending entries: id, when and how often delivered, to whom. Each consumer has the set of its own
// ids besides, so that its history is read without walking the others'. Groups do not know their
// stream: what needs both is in Stream.
//
//     group    name  last_id  entries_read  pending {id: time, count, consumer}   56 bytes an entry
//     consumer name  seen  active           pending {id}                          in all
//
// Names are in byte order, as clients see them listed. Consumers have a fixed address until they
// are deleted. memory_bytes() of the stream is kept by the group: every change goes through here.
// Times are milliseconds of the caller's clock.
#ifndef CAIRN_VALUE_STREAM_GROUP_H_
#define CAIRN_VALUE_STREAM_GROUP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "ds/block_map.h"
#include "value/stream_id.h"

namespace cairn::value {

// What entries_read() is when nobody can tell, and a consumer's active_time() before its first
// delivery.
inline constexpr std::int64_t kEntriesReadUnknown = -1;
inline constexpr UnixMs kNeverActive = -1;

class StreamGroup;
class StreamFreeze;

class StreamConsumer {
 public:
  using Pending = ds::BlockMap<StreamId, ds::NoValue>;

  explicit StreamConsumer(std::string_view name) : name_(name) {}

  std::string_view name() const { return name_; }
  // When it last tried to read or claim, and when it last got something.
  UnixMs seen_time() const { return seen_time_; }
  UnixMs active_time() const { return active_time_; }
  void set_seen_time(UnixMs now) { seen_time_ = now; }
  void set_active_time(UnixMs now) { active_time_ = now; }
  const Pending& pending() const { return pending_; }

 private:
  friend class StreamGroup;
  friend class StreamFreeze;
  std::string name_;
  UnixMs seen_time_ = 0;
  UnixMs active_time_ = kNeverActive;
  Pending pending_;
};

struct StreamDelivery {
  UnixMs time;
  std::uint64_t count;
  StreamConsumer* consumer;
};

class StreamGroup {
 public:
  using Pending = ds::BlockMap<StreamId, StreamDelivery>;
  using Consumers = std::vector<std::unique_ptr<StreamConsumer>>;

  // `stream_bytes` is the sum that the group keeps its memory in; it outlives the group.
  StreamGroup(std::string_view name, std::size_t* stream_bytes);
  ~StreamGroup();
  StreamGroup(const StreamGroup&) = delete;
  StreamGroup& operator=(const StreamGroup&) = delete;

  std::string_view name() const { return name_; }
  StreamId last_id() const { return last_id_; }
  std::int64_t entries_read() const { return entries_read_; }
  void SetLastId(StreamId id, std::int64_t entries_read) {
    last_id_ = id;
    entries_read_ = entries_read;
  }

  // Consumers, in the order of their names.
  std::span<const std::unique_ptr<StreamConsumer>> consumers() const { return consumers_; }
  StreamConsumer* FindConsumer(std::string_view name) const;
  // Null if there is one of that name.
  StreamConsumer* AddConsumer(std::string_view name, UnixMs now);
  // How many entries it had not acknowledged; they are pending no more. nullopt without such a
  // consumer.
  std::optional<std::size_t> DeleteConsumer(std::string_view name);

  const Pending& pending() const { return pending_; }
  const StreamDelivery* FindPending(StreamId id) const;
  // Calls fn(id, delivery) for what is pending with start <= id <= end, at `consumer` if one is
  // given, until fn returns false. fn changes nothing.
  template <class Fn>
  void ForEachPending(StreamId start, StreamId end, const StreamConsumer* consumer, Fn fn) const;
  // The entry is pending at this consumer, as given, whoever had it before. True if nobody had.
  bool SetPending(StreamId id, const StreamDelivery& delivery);
  // Notes one more delivery of what the consumer has pending already.
  void Redeliver(StreamId id, UnixMs now);
  // True if it was pending.
  bool Acknowledge(StreamId id);
  // Whether the group may still need the entry: it has not read it, or not acknowledged it.
  bool Needs(StreamId id) const { return id > last_id_ || FindPending(id) != nullptr; }

  std::unique_ptr<StreamGroup> Clone(std::size_t* stream_bytes) const;
  // Forgets at most about so many pending entries; true when none is left.
  bool FreeStep(std::size_t entries);
  std::size_t memory_bytes() const { return counted_bytes_; }

 private:
  friend class StreamFreeze;
  Consumers::const_iterator LowerBound(std::string_view name) const;
  // Brings the stream's sum up to date.
  void Account();
  void Detach(StreamConsumer& consumer, StreamId id);
  void Attach(StreamConsumer& consumer, StreamId id);

  std::string name_;
  StreamId last_id_;
  std::int64_t entries_read_ = kEntriesReadUnknown;
  Pending pending_;
  Consumers consumers_;
  std::size_t consumer_bytes_ = 0;  // all consumers with their names and maps
  std::size_t counted_bytes_ = 0;   // what stands in *stream_bytes_ for this group
  std::size_t* stream_bytes_;
};

template <class Fn>
void StreamGroup::ForEachPending(StreamId start, StreamId end, const StreamConsumer* consumer,
                                 Fn fn) const {
  const auto walk = [&](const auto& map, auto delivery_of) {
    for (auto at = map.LowerBound(start); at != map.End(); at = map.Next(at)) {
      const auto& entry = map.At(at);
      if (end < entry.key || !fn(entry.key, delivery_of(entry))) return;
    }
  };
  if (consumer == nullptr) {
    walk(pending_, [](const auto& entry) -> const StreamDelivery& { return entry.value; });
  } else {
    walk(consumer->pending(),
         [this](const auto& entry) -> const StreamDelivery& { return *FindPending(entry.key); });
  }
}

}  // namespace cairn::value

#endif  // CAIRN_VALUE_STREAM_GROUP_H_
