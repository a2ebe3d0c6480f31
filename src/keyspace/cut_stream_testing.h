// SPDX-License-Identifier: BSD-3-Clause
// What tests of cuts need of streams: one made of its parts, and a digest of all that it has.
#ifndef CAIRN_KEYSPACE_CUT_STREAM_TESTING_H_
#define CAIRN_KEYSPACE_CUT_STREAM_TESTING_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <variant>

#include "base/hash.h"
#include "keyspace/entry.h"
#include "keyspace/value_digest.h"

namespace cairn::keyspace {

// Makes a stream of its parts.
class StreamBuilder {
 public:
  StreamBuilder(value::Stream& stream, ds::SlabArena& arena) : stream_(stream), arena_(arena) {}

  void Add(const value::StreamPart& part) {
    std::visit([&](const auto& what) { Add(what, part.text); }, part.what);
  }
  std::size_t nodes() const { return nodes_; }

 private:
  using Part = value::StreamPart;

  void Add(const Part::Node& node, std::string_view packed) {
    ++nodes_;
    EXPECT_TRUE(stream_.Adopt(node.base, packed, arena_).ok());
  }
  void Add(const Part::Counters& counters, std::string_view) {
    stream_.SetCounters({.last_id = counters.last_id,
                         .max_deleted_id = counters.max_deleted_id,
                         .entries_added = counters.entries_added});
    EXPECT_EQ(stream_.size(), counters.length);
    EXPECT_EQ(stream_.first_id(), counters.first_id);
  }
  void Add(const Part::Group& group, std::string_view name) {
    group_ = stream_.CreateGroup(name, group.last_id, group.entries_read);
    ASSERT_NE(group_, nullptr) << name << " twice";
    pending_.clear();
  }
  void Add(const Part::Pending& pending, std::string_view) {
    EXPECT_TRUE(pending_.emplace(pending.id, pending).second);
  }
  void Add(const Part::Consumers&, std::string_view) {}
  void Add(const Part::Consumer& consumer, std::string_view name) {
    consumer_ = group_->AddConsumer(name, consumer.seen_time);
    ASSERT_NE(consumer_, nullptr) << name << " twice";
    consumer_->set_active_time(consumer.active_time);
  }
  void Add(const Part::Own& own, std::string_view) {
    const auto at = pending_.find(own.id);
    ASSERT_NE(at, pending_.end());
    EXPECT_TRUE(group_->SetPending(own.id, {at->second.time, at->second.count, consumer_}));
  }

  value::Stream& stream_;
  ds::SlabArena& arena_;
  std::size_t nodes_ = 0;
  value::StreamGroup* group_ = nullptr;
  value::StreamConsumer* consumer_ = nullptr;
  std::map<value::StreamId, Part::Pending> pending_;
};

// ValueDigest and, of a stream, what that leaves out: each part to the byte.
inline std::uint64_t FullDigest(const Entry& entry) {
  std::uint64_t digest = ValueDigest(entry);
  if (entry.type() != Type::kStream) return digest;
  const auto mix = [&](auto... words) {
    for (const auto word : {static_cast<std::uint64_t>(words)...})
      digest = (digest ^ word) * 0x9e3779b97f4a7c15 + (digest >> 29);
  };
  using Part = value::StreamPart;
  struct Visitor {
    decltype(mix)& add;
    void operator()(const Part::Node& node) { add(node.base.ms, node.base.seq); }
    void operator()(const Part::Counters& c) {
      add(c.length, c.entries_added, c.last_id.ms, c.last_id.seq, c.first_id.ms, c.first_id.seq,
          c.max_deleted_id.ms, c.max_deleted_id.seq, c.groups);
    }
    void operator()(const Part::Group& group) {
      add(group.last_id.ms, group.last_id.seq, group.entries_read, group.pending);
    }
    void operator()(const Part::Pending& p) { add(p.id.ms, p.id.seq, p.time, p.count); }
    void operator()(const Part::Consumers& consumers) { add(consumers.count); }
    void operator()(const Part::Consumer& c) { add(c.seen_time, c.active_time, c.own); }
    void operator()(const Part::Own& own) { add(own.id.ms, own.id.seq); }
  };
  entry.as<value::Stream>().ForEachPart([&](const Part& part) {
    mix(part.what.index(), Xxh3(part.text));
    std::visit(Visitor{mix}, part.what);
  });
  return digest;
}

}  // namespace cairn::keyspace

#endif  // CAIRN_KEYSPACE_CUT_STREAM_TESTING_H_
