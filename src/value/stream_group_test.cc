// SPDX-License-Identifier: BSD-3-Clause
// Groups: reading, acknowledging, claiming, lag, and who still needs an entry.
#include "value/stream_group.h"

#include <string>

#include "value/stream.h"
#include "value/stream_testing.h"

namespace cairn::value {
namespace {

using testing::Fill;
using testing::Ids;

std::vector<StreamId> Read(Stream& stream, StreamGroup& group, std::string_view name,
                           std::size_t count, UnixMs now = 0,
                           StreamAcknowledge acknowledge = StreamAcknowledge::kByConsumer) {
  StreamConsumer* consumer = group.FindConsumer(name);
  if (consumer == nullptr) consumer = group.AddConsumer(name, now);
  std::vector<StreamId> ids;
  stream.ReadNew(group, *consumer, count, acknowledge, now,
                 [&](const StreamEntry& entry) { ids.push_back(entry.id()); });
  return ids;
}

TEST(StreamGroup, NamesAreInByteOrder) {
  Stream stream;
  for (const char* name : {"b", "", "a", "B", "aa"}) {
    EXPECT_NE(stream.CreateGroup(name, {}, 0), nullptr);
    EXPECT_EQ(stream.CreateGroup(name, {}, 0), nullptr);
  }
  std::vector<std::string> names;
  for (const auto& group : stream.groups()) names.emplace_back(group->name());
  EXPECT_EQ(names, (std::vector<std::string>{"", "B", "a", "aa", "b"}));
  EXPECT_TRUE(stream.DestroyGroup("a"));
  EXPECT_FALSE(stream.DestroyGroup("a"));
  EXPECT_EQ(stream.groups().size(), 4U);
  StreamGroup* group = stream.FindGroup("aa");
  EXPECT_NE(group->AddConsumer("y", 1), nullptr);
  EXPECT_NE(group->AddConsumer("x", 2), nullptr);
  EXPECT_EQ(group->AddConsumer("x", 3), nullptr);
  EXPECT_EQ(group->consumers()[0]->name(), "x");
  EXPECT_EQ(group->consumers()[0]->seen_time(), 2);
  EXPECT_EQ(group->consumers()[0]->active_time(), kNeverActive);
  EXPECT_EQ(group->DeleteConsumer("z"), std::nullopt);
  EXPECT_EQ(group->DeleteConsumer("y"), 0U);
}

TEST(StreamGroup, ReadAndAcknowledge) {
  Stream stream;
  Fill(stream, 5);
  StreamGroup& group = *stream.CreateGroup("g", {}, 0);
  EXPECT_EQ(Read(stream, group, "x", 2, 100).size(), 2U);
  EXPECT_EQ(Read(stream, group, "y", 1, 200).size(), 1U);
  EXPECT_EQ(group.last_id(), (StreamId{3, 0}));
  EXPECT_EQ(group.entries_read(), 3);
  EXPECT_EQ(group.pending().size(), 3U);
  EXPECT_EQ(group.FindConsumer("x")->pending().size(), 2U);
  EXPECT_EQ(group.FindPending({3, 0})->consumer->name(), "y");
  EXPECT_EQ(group.FindPending({3, 0})->time, 200);
  EXPECT_EQ(group.FindPending({3, 0})->count, 1U);
  group.Redeliver({3, 0}, 300);
  EXPECT_EQ(group.FindPending({3, 0})->count, 2U);
  EXPECT_TRUE(group.Acknowledge({1, 0}));
  EXPECT_FALSE(group.Acknowledge({1, 0}));
  EXPECT_EQ(group.FindConsumer("x")->pending().size(), 1U);
  EXPECT_EQ(Read(stream, group, "y", 0, 400, StreamAcknowledge::kAtOnce).size(), 2U);
  EXPECT_EQ(group.pending().size(), 2U);
  EXPECT_EQ(group.FindConsumer("y")->active_time(), 200);
  // Set back, entries come again; they change hands.
  group.SetLastId({}, 0);
  EXPECT_EQ(Read(stream, group, "y", 0, 500).size(), 5U);
  EXPECT_EQ(group.FindConsumer("x")->pending().size(), 0U);
  EXPECT_EQ(group.pending().size(), 5U);
  EXPECT_EQ(group.FindPending({3, 0})->count, 1U);
  EXPECT_EQ(group.DeleteConsumer("y"), 5U);
  EXPECT_TRUE(group.pending().empty());
}

TEST(StreamGroup, History) {
  Stream stream;
  Fill(stream, 6);
  StreamGroup& group = *stream.CreateGroup("g", {}, 0);
  Read(stream, group, "x", 2, 100);
  Read(stream, group, "y", 1, 100);
  Read(stream, group, "x", 3, 100);
  stream.Delete({2, 0});
  const StreamConsumer& x = *group.FindConsumer("x");
  std::vector<StreamId> ids;
  const auto read = [&](StreamId after, std::size_t count) {
    ids.clear();
    return stream.ReadHistory(group, x, after, count, 200,
                              [&](StreamId id, const std::optional<StreamEntry>& entry) {
                                EXPECT_EQ(entry.has_value(), id != (StreamId{2, 0}));
                                ids.push_back(id);
                              });
  };
  EXPECT_EQ(read({1, 0}, 2), 2U);
  EXPECT_EQ(ids, (std::vector<StreamId>{{2, 0}, {4, 0}}));
  EXPECT_EQ(read({}, 0), 5U);
  EXPECT_EQ(read(kStreamIdMax, 0), 0U);
  EXPECT_EQ(group.FindPending({2, 0})->count, 1U);
  EXPECT_EQ(group.FindPending({4, 0})->count, 3U);
  EXPECT_EQ(group.FindPending({4, 0})->time, 200);
}

TEST(StreamGroup, ForEachPending) {
  Stream stream;
  Fill(stream, 10);
  StreamGroup& group = *stream.CreateGroup("g", {}, 0);
  for (int i = 0; i < 5; ++i) {
    Read(stream, group, "x", 1, 100);
    Read(stream, group, "y", 1, 200);
  }
  struct Row {
    StreamId start;
    StreamId end;
    const char* consumer;
    std::size_t count;
    std::vector<StreamId> ids;
  };
  const Row rows[] = {
      {{2, 1}, {5, 0}, nullptr, 9, {{3, 0}, {4, 0}, {5, 0}}},
      {{2, 1}, {5, 0}, "y", 9, {{4, 0}}},
      {{0, 0}, kStreamIdMax, "x", 2, {{1, 0}, {3, 0}}},
      {{11, 0}, kStreamIdMax, "x", 2, {}},
  };
  for (const Row& row : rows) {
    std::vector<StreamId> ids;
    const StreamConsumer* consumer =
        row.consumer == nullptr ? nullptr : group.FindConsumer(row.consumer);
    group.ForEachPending(row.start, row.end, consumer, [&](StreamId id, const StreamDelivery& d) {
      EXPECT_EQ(d.time, id.ms % 2 == 1 ? 100 : 200);
      ids.push_back(id);
      return ids.size() < row.count;
    });
    EXPECT_EQ(ids, row.ids);
  }
}

TEST(StreamGroup, MemoryIsGivenBack) {
  Stream stream;
  Fill(stream, 3000);
  const std::size_t before = stream.memory_bytes();
  StreamGroup* group = stream.CreateGroup("a group with quite a long name", {}, 0);
  Read(stream, *group, "a consumer with quite a long name", 0);
  const std::size_t read = stream.memory_bytes();
  EXPECT_GT(read, before + 3000 * 56);
  EXPECT_LT(read, before + 3000 * 64);
  for (const StreamId id : Ids(stream)) group->Acknowledge(id);
  EXPECT_LT(stream.memory_bytes(), before + 1024);
  stream.DestroyGroup("a group with quite a long name");
  EXPECT_LE(stream.memory_bytes(), before + 16);
}

// Every expectation was asked of Redis 7.0.15.
TEST(StreamGroup, LagAsRedisEstimatesIt) {
  Stream stream;
  Fill(stream, 5);
  StreamGroup& g = *stream.CreateGroup("g", {}, kEntriesReadUnknown);
  StreamGroup& h = *stream.CreateGroup("h", {3, 0}, kEntriesReadUnknown);
  const auto expect = [&](std::int64_t g_read, std::optional<std::int64_t> g_lag,
                          std::optional<std::int64_t> h_lag, int line) {
    SCOPED_TRACE(line);
    EXPECT_EQ(g.entries_read(), g_read);
    EXPECT_EQ(stream.Lag(g), g_lag);
    EXPECT_EQ(stream.Lag(h), h_lag);
  };
  expect(-1, 5, {}, __LINE__);
  Read(stream, g, "c", 1);
  expect(1, 4, {}, __LINE__);
  Read(stream, h, "c", 1);
  expect(1, 4, {}, __LINE__);
  stream.Delete({2, 0});
  expect(1, {}, {}, __LINE__);
  Read(stream, g, "c", 1);
  expect(2, 3, {}, __LINE__);
  stream.Delete({1, 0});
  expect(2, 3, {}, __LINE__);
  EXPECT_EQ(stream.Trim({.max_length = 2}), 1U);
  expect(2, 3, 1, __LINE__);
  stream.Delete({5, 0});
  expect(2, {}, {}, __LINE__);
  Read(stream, g, "c", 0);
  expect(-1, {}, {}, __LINE__);
  testing::Add(stream, {6, 0}, {"a", "b"});
  expect(-1, {}, {}, __LINE__);
}

TEST(StreamGroup, LagBehindTombstonesOnly) {
  Stream stream;
  Fill(stream, 5);
  StreamGroup& group = *stream.CreateGroup("g", {}, 0);
  stream.Delete({1, 0});
  stream.Delete({2, 0});
  EXPECT_EQ(stream.Lag(group), 5);
  Read(stream, group, "c", 1);
  EXPECT_EQ(group.entries_read(), 1);
  EXPECT_EQ(stream.Lag(group), 4);
  Stream empty;
  EXPECT_EQ(empty.Lag(*empty.CreateGroup("g", {5, 5}, kEntriesReadUnknown)), 0);
}

TEST(StreamGroup, Claim) {
  Stream stream;
  Fill(stream, 6);
  StreamGroup& group = *stream.CreateGroup("g", {}, 0);
  Read(stream, group, "x", 4, 1000);
  StreamConsumer& y = *group.AddConsumer("y", 0);
  stream.Delete({2, 0});
  struct Row {
    StreamId id;
    StreamClaim claim;
    StreamClaimResult result;
    std::uint64_t count;  // after it; 0 is not pending
    std::string_view consumer;
  };
  const Row rows[] = {
      {{1, 0}, {.now = 1500, .min_idle_ms = 501}, StreamClaimResult::kTooYoung, 1, "x"},
      {{1, 0}, {.now = 1500, .min_idle_ms = 500}, StreamClaimResult::kClaimed, 2, "y"},
      {{1, 0}, {.now = 1500, .just_id = true}, StreamClaimResult::kClaimed, 2, "y"},
      {{1, 0}, {.now = 1500, .retry_count = 0}, StreamClaimResult::kClaimed, 0, "y"},
      {{1, 0},
       {.now = 1500, .retry_count = 9, .just_id = true},
       StreamClaimResult::kClaimed,
       9,
       "y"},
      {{2, 0}, {.now = 1500}, StreamClaimResult::kVanished, 0, ""},
      {{2, 0}, {.now = 1500, .force = true}, StreamClaimResult::kNotPending, 0, ""},
      {{5, 0}, {.now = 1500}, StreamClaimResult::kNotPending, 0, ""},
      {{5, 0},
       {.now = 1500, .min_idle_ms = 9999, .force = true},
       StreamClaimResult::kClaimed,
       2,
       "y"},
      {{6, 0}, {.now = 1500, .force = true, .just_id = true}, StreamClaimResult::kClaimed, 1, "y"},
      {{9, 0}, {.now = 1500, .force = true}, StreamClaimResult::kNotPending, 0, ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(::testing::Message() << "row " << &row - rows);
    StreamClaim claim = row.claim;
    claim.delivery_time = 1400;
    EXPECT_EQ(stream.Claim(group, y, row.id, claim), row.result);
    const StreamDelivery* pending = group.FindPending(row.id);
    ASSERT_EQ(pending == nullptr, row.consumer.empty());
    if (pending == nullptr) continue;
    EXPECT_EQ(pending->count, row.count);
    EXPECT_EQ(pending->consumer->name(), row.consumer);
    if (row.result == StreamClaimResult::kClaimed) EXPECT_EQ(pending->time, 1400);
  }
  EXPECT_EQ(group.FindConsumer("x")->pending().size(), 2U);
  EXPECT_EQ(y.pending().size(), 3U);
  EXPECT_EQ(y.active_time(), 1500);
}

TEST(StreamGroup, AutoClaim) {
  Stream stream;
  Fill(stream, 60);
  StreamGroup& group = *stream.CreateGroup("g", {}, 0);
  Read(stream, group, "x", 30, 1000);
  Read(stream, group, "z", 30, 2000);
  StreamConsumer& y = *group.AddConsumer("y", 0);
  stream.Delete({2, 0});
  StreamAutoClaim claim{.now = 2500, .min_idle_ms = 1000, .count = 3};
  StreamAutoClaimed got = stream.AutoClaim(group, y, claim);
  EXPECT_EQ(got.claimed, (std::vector<StreamId>{{1, 0}, {3, 0}}));
  EXPECT_EQ(got.vanished, (std::vector<StreamId>{{2, 0}}));
  EXPECT_EQ(got.next, (StreamId{4, 0}));
  claim.start = {29, 0};
  got = stream.AutoClaim(group, y, claim);
  EXPECT_EQ(got.claimed, (std::vector<StreamId>{{29, 0}, {30, 0}}));
  // Thirty looked at, most of them too young.
  EXPECT_EQ(got.next, (StreamId{59, 0}));
  claim.start = got.next;
  got = stream.AutoClaim(group, y, claim);
  EXPECT_TRUE(got.claimed.empty());
  EXPECT_EQ(got.next, StreamId{});
  EXPECT_EQ(y.pending().size(), 4U);
  EXPECT_EQ(group.FindPending({1, 0})->count, 2U);
}

TEST(StreamGroup, ReferencesDecideOverDeletion) {
  using References = StreamReferences;
  using Result = StreamDeleteResult;
  Stream stream;
  Fill(stream, 6);
  StreamGroup& g = *stream.CreateGroup("g", {}, 0);
  StreamGroup& h = *stream.CreateGroup("h", {}, 0);
  Read(stream, g, "c", 5);
  Read(stream, h, "c", 5);
  for (std::uint64_t ms = 1; ms <= 3; ++ms) g.Acknowledge({ms, 0});
  h.Acknowledge({1, 0});
  EXPECT_FALSE(stream.IsReferenced({1, 0}));
  EXPECT_TRUE(stream.IsReferenced({2, 0}));
  EXPECT_TRUE(stream.IsReferenced({6, 0}));  // not read yet
  EXPECT_EQ(stream.Delete({1, 0}, References::kAcknowledged), Result::kDeleted);
  EXPECT_EQ(stream.Delete({2, 0}, References::kAcknowledged), Result::kReferenced);
  EXPECT_EQ(stream.Delete({6, 0}, References::kAcknowledged), Result::kReferenced);
  EXPECT_EQ(stream.Delete({7, 0}, References::kAcknowledged), Result::kMissing);
  EXPECT_EQ(stream.Delete({2, 0}, References::kDrop), Result::kDeleted);
  EXPECT_EQ(h.FindPending({2, 0}), nullptr);
  EXPECT_EQ(stream.AcknowledgeAndDelete(g, {3, 0}, References::kKeep), Result::kMissing);
  EXPECT_EQ(stream.AcknowledgeAndDelete(h, {3, 0}, References::kAcknowledged), Result::kDeleted);
  EXPECT_EQ(stream.AcknowledgeAndDelete(h, {4, 0}, References::kAcknowledged), Result::kReferenced);
  EXPECT_EQ(stream.AcknowledgeAndDelete(g, {4, 0}, References::kKeep), Result::kDeleted);
  EXPECT_EQ(stream.AcknowledgeAndDelete(g, {5, 0}, References::kKeep), Result::kDeleted);
  EXPECT_EQ(stream.AcknowledgeAndDelete(h, {5, 0}, References::kKeep), Result::kDeleted);
  EXPECT_EQ(Ids(stream), (std::vector<StreamId>{{6, 0}}));
}

TEST(StreamGroup, ReferencesDecideOverTrimming) {
  for (const auto precision : {StreamTrim::Precision::kExact, StreamTrim::Precision::kWholeNodes}) {
    for (const auto references :
         {StreamReferences::kKeep, StreamReferences::kDrop, StreamReferences::kAcknowledged}) {
      Stream stream;
      Fill(stream, 40, {.node_entries = 10});
      StreamGroup& group = *stream.CreateGroup("g", {}, 0);
      Read(stream, group, "c", 0);
      // Pending are 5, 15, 25, 35.
      for (std::uint64_t ms = 1; ms <= 40; ++ms) {
        if (ms % 10 != 5) group.Acknowledge({ms, 0});
      }
      const StreamTrim trim{.precision = precision, .references = references, .max_length = 20};
      const bool by_ack = references == StreamReferences::kAcknowledged;
      // Acknowledged ones go until the length is reached, and further back for each that stays; in
      // whole nodes only while what the node holds is wholly too much.
      const std::uint64_t deleted =
          by_ack && precision == StreamTrim::Precision::kWholeNodes ? 18 : 20;
      EXPECT_EQ(stream.Trim(trim), deleted);
      EXPECT_EQ(group.pending().size(), references == StreamReferences::kDrop ? 2U : 4U);
      EXPECT_EQ(stream.Find({5, 0}).has_value(), by_ack);
      EXPECT_EQ(stream.first_id(), by_ack ? (StreamId{5, 0}) : (StreamId{21, 0}));
    }
  }
}

}  // namespace
}  // namespace cairn::value
