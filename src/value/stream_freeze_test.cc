// SPDX-License-Identifier: BSD-3-Clause
// What a frozen stream keeps, for whom a change costs what, and its end. (That it is read as it
// was, whatever is done to it, is shown by keyspace/cut_value_test.cc.)
#include "value/stream_freeze.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>

#include "value/stream_testing.h"

namespace cairn::value {
namespace {

using testing::Add;
using testing::Fill;

// A part as text, to compare.
std::string Described(const StreamPart& part) {
  std::string said = std::to_string(part.what.index()) + " " + std::string(part.text);
  const auto add = [&](auto... words) { ((said += " " + std::to_string(words)), ...); };
  struct Visitor {
    decltype(add)& say;
    void operator()(const StreamPart::Node& node) { say(node.base.ms, node.base.seq); }
    void operator()(const StreamPart::Counters& c) {
      say(c.length, c.entries_added, c.last_id.ms, c.first_id.ms, c.max_deleted_id.ms, c.groups);
    }
    void operator()(const StreamPart::Group& group) {
      say(group.last_id.ms, group.entries_read, group.pending);
    }
    void operator()(const StreamPart::Pending& pending) {
      say(pending.id.ms, pending.time, pending.count);
    }
    void operator()(const StreamPart::Consumers& consumers) { say(consumers.count); }
    void operator()(const StreamPart::Consumer& consumer) {
      say(consumer.seen_time, consumer.active_time, consumer.own);
    }
    void operator()(const StreamPart::Own& own) { say(own.id.ms); }
  };
  std::visit(Visitor{add}, part.what);
  return said;
}

std::vector<std::string> PartsOf(const Stream& stream) {
  std::vector<std::string> parts;
  stream.ForEachPart([&](const StreamPart& part) { parts.push_back(Described(part)); });
  return parts;
}

class Frozen final : public StreamFreeze {
 public:
  explicit Frozen(const Stream& stream) : StreamFreeze(stream) {}
  ~Frozen() override { Thaw(); }

  std::vector<std::string> ReadAll() {
    std::vector<std::string> parts;
    const auto add = [&](const StreamPart& part) { parts.push_back(Described(part)); };
    for (bool more = true; more;) {
      Taken nodes;
      more = TakeNodes(5000, &nodes);
      nodes.ForEach(add);
    }
    while (!ReadGroups(10, add)) continue;
    Thaw();
    return parts;
  }
  // The nodes only.
  void ReadNodes() {
    for (bool more = true; more;) {
      Taken nodes;
      more = TakeNodes(5000, &nodes);
    }
  }
  std::size_t kept() const { return kept_; }

 private:
  void Keeps(std::size_t bytes) override { kept_ += bytes; }
  void LetsGo(std::size_t bytes) override { kept_ -= bytes; }
  std::size_t kept_ = 0;
};

// 1-0 ... 2030-0 in 21 nodes, of which the last has room; a group that has read all for two
// consumers.
class StreamFreezeTest : public ::testing::Test {
 protected:
  StreamFreezeTest() : stream_(std::in_place) {
    Fill(*stream_, 2030);
    group_ = stream_->CreateGroup("group", {}, 0);
    first_ = group_->AddConsumer("first", 5);
    second_ = group_->AddConsumer("second", 6);
    stream_->ReadNew(*group_, *first_, 1000, StreamAcknowledge::kByConsumer, 7, [](const auto&) {});
    stream_->ReadNew(*group_, *second_, 0, StreamAcknowledge::kByConsumer, 8, [](const auto&) {});
    stream_->CreateGroup("other", {3, 0}, kEntriesReadUnknown);
    expected_ = PartsOf(*stream_);
  }

  std::optional<Stream> stream_;
  StreamGroup* group_;
  StreamConsumer* first_;
  StreamConsumer* second_;
  std::vector<std::string> expected_;
};

TEST_F(StreamFreezeTest, IsReadAsItIs) {
  Frozen frozen(*stream_);
  EXPECT_EQ(frozen.node_count(), stream_->node_count());
  EXPECT_EQ(frozen.ReadAll(), expected_);
  EXPECT_EQ(stream_->freeze(), nullptr);
}

// Each change alone, since every way to a node or a block has to say that it changes.
TEST_F(StreamFreezeTest, NoChangeIsSeen) {
  const std::pair<const char*, std::function<void()>> changes[] = {
      {"append", [this] { Add(*stream_, {2031, 0}, {"field", "value"}); }},
      {"append a node",
       [this] {
         for (std::uint64_t ms = 2031; ms < 2330; ++ms) Add(*stream_, {ms, 0}, {"f", "v"});
       }},
      {"delete", [this] { stream_->Delete({150, 0}); }},
      {"delete the last", [this] { stream_->Delete({2030, 0}); }},
      {"delete a node's all",
       [this] {
         for (std::uint64_t ms = 101; ms <= 200; ++ms) stream_->Delete({ms, 0});
       }},
      {"trim", [this] { stream_->Trim({.max_length = 950}); }},
      {"trim all", [this] { stream_->Trim({.max_length = 0}); }},
      {"trim by id",
       [this] {
         stream_->Trim({.kind = StreamTrim::Kind::kMinId,
                        .references = StreamReferences::kDrop,
                        .min_id = {150, 0}});
       }},
      {"counters", [this] { (void)stream_->SetId({9000, 0}, 9000, {77, 0}); }},
      {"acknowledge", [this] { group_->Acknowledge({1500, 0}); }},
      {"deliver again", [this] { group_->Redeliver({700, 0}, 99); }},
      {"claim",
       [this] { stream_->Claim(*group_, *second_, {1, 0}, {.now = 50, .delivery_time = 50}); }},
      {"read",
       [this] {
         Add(*stream_, {2031, 0}, {"field", "value"});
         stream_->ReadNew(*group_, *first_, 0, StreamAcknowledge::kByConsumer, 60,
                          [](const auto&) {});
       }},
      {"seen", [this] { first_->set_seen_time(77); }},
      {"a consumer more", [this] { group_->AddConsumer("a", 77); }},
      {"a consumer less", [this] { group_->DeleteConsumer("first"); }},
      {"a group more", [this] { stream_->CreateGroup("a", {}, 0); }},
      {"a group less", [this] { stream_->DestroyGroup("group"); }},
      {"another place", [this] { group_->SetLastId({1, 0}, 1); }},
      {"moved",
       [this] {
         Stream other = std::move(*stream_);
         other.Trim({.max_length = 10});
         stream_ = std::move(other);
       }},
      {"the end", [this] { stream_.reset(); }},
  };
  const Stream whole = stream_->Clone();
  for (const auto& [name, change] : changes) {
    SCOPED_TRACE(name);
    stream_ = whole.Clone();
    group_ = stream_->FindGroup("group");
    first_ = group_->FindConsumer("first");
    second_ = group_->FindConsumer("second");
    Frozen frozen(*stream_);
    change();
    EXPECT_EQ(frozen.ReadAll(), expected_);
    EXPECT_EQ(frozen.kept(), 0u);
  }
}

TEST_F(StreamFreezeTest, AChangeCostsANodeOnce) {
  Frozen frozen(*stream_);
  EXPECT_EQ(frozen.kept(), 0u);
  stream_->Delete({150, 0});
  const std::size_t node = frozen.kept();
  EXPECT_GT(node, 0u);
  EXPECT_LT(node, 4096u);
  stream_->Delete({160, 0});
  EXPECT_EQ(frozen.kept(), node);
  for (std::uint64_t ms = 2031; ms <= 5000; ++ms) Add(*stream_, {ms, 0}, {"field", "value"});
  EXPECT_LT(frozen.kept(), node + 4096);
}

TEST_F(StreamFreezeTest, WhatWasReadCostsNothing) {
  Frozen frozen(*stream_);
  stream_->Trim({.max_length = 1000});
  EXPECT_GT(frozen.kept(), 0u);
  frozen.ReadNodes();
  EXPECT_EQ(frozen.kept(), 0u);
  stream_->Trim({.max_length = 5});
  Add(*stream_, {2031, 0}, {"field", "value"});
  EXPECT_EQ(frozen.kept(), 0u);
}

// The second freeze knows nothing of the first one's marks, nor does a copy made during it.
TEST_F(StreamFreezeTest, IsFrozenAgainAndAgain) {
  for (int round = 0; round < 5; ++round) {
    Frozen frozen(*stream_);
    stream_->Delete({150 + static_cast<std::uint64_t>(round), 0});
    if (round % 2 == 0) frozen.ReadNodes();
    const Stream copy = stream_->Clone();
    for (int again = 0; again < 5; ++again) EXPECT_EQ(Frozen(copy).ReadAll(), PartsOf(*stream_));
  }
  const auto now = PartsOf(*stream_);
  EXPECT_EQ(Frozen(*stream_).ReadAll(), now);
}

TEST_F(StreamFreezeTest, GivenUpLeavesItAsItIs) {
  {
    Frozen frozen(*stream_);
    stream_->Trim({.max_length = 500});
    stream_->DestroyGroup("group");
  }
  EXPECT_EQ(stream_->freeze(), nullptr);
  EXPECT_EQ(stream_->size(), 500u);
  const auto now = PartsOf(*stream_);
  EXPECT_EQ(Frozen(*stream_).ReadAll(), now);
}

}  // namespace
}  // namespace cairn::value
