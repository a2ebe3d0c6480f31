// SPDX-License-Identifier: BSD-3-Clause
// Streams against a model of std::map, with random operations over sizes that make and unmake many
// nodes; after each round everything a client can see is compared.
#include <map>
#include <set>
#include <string>

#include "base/random.h"
#include "value/stream_testing.h"

namespace cairn::value {
namespace {

using testing::Show;

using Fields = std::vector<std::string>;

struct ModelGroup {
  StreamId last_id;
  std::map<StreamId, std::string> pending;  // to whom
};

struct Model {
  std::map<StreamId, Fields> entries;
  StreamId last_id;
  StreamId max_deleted_id;
  std::uint64_t entries_added = 0;
  std::map<std::string, ModelGroup> groups;

  bool Referenced(StreamId id) const {
    for (const auto& [name, group] : groups) {
      if (id > group.last_id || group.pending.contains(id)) return true;
    }
    return false;
  }
  void Forget(StreamId id) {
    for (auto& [name, group] : groups) group.pending.erase(id);
  }
};

class Play {
 public:
  explicit Play(std::uint64_t seed) : random_(seed) {}

  void Run(int steps) {
    for (int step = 0; step < steps && !::testing::Test::HasFatalFailure(); ++step) {
      Step();
      if (step % 200 == 0) Compare();
    }
    Compare();
  }

 private:
  void Step() {
    const std::uint64_t dice = random_.Below(100);
    if (dice < 55) return AppendSome();
    if (dice < 72) return DeleteOne();
    if (dice < 74) return TrimSome();
    if (dice < 84) return ReadSome();
    if (dice < 94) return AcknowledgeOne();
    if (dice < 96) return ClaimOne();
    if (dice < 97) return CopyOrRepack();
    if (dice < 98) return ChangeGroups();
    return CompareRange();
  }

  std::string Text() {
    switch (random_.Below(6)) {
      case 0:
        return std::to_string(static_cast<std::int64_t>(random_.Next()) >> random_.Below(64));
      case 1:
        return std::string(random_.Below(100), 'x');
      case 2:
        return std::string(random_.Below(30) == 0 ? 4000 + random_.Below(200) : 3, 'y');
      default:
        return "text" + std::to_string(random_.Below(10));
    }
  }
  // An id that is there, or nearly.
  StreamId SomeId() {
    if (model_.entries.empty()) return {1, random_.Below(3)};
    const std::uint64_t span = model_.last_id.ms - model_.entries.begin()->first.ms;
    const StreamId guess{model_.entries.begin()->first.ms + random_.Below(span + 1),
                         random_.Below(3)};
    const auto at = model_.entries.lower_bound(guess);
    return at == model_.entries.end() || random_.Below(10) == 0 ? guess : at->first;
  }
  StreamReferences SomeReferences() { return static_cast<StreamReferences>(random_.Below(3)); }

  void AppendSome() {
    const StreamLimits limits{random_.Below(3) == 0 ? std::size_t{300} : std::size_t{1000},
                              random_.Below(50) == 0 ? std::size_t{0} : std::size_t{5}};
    for (std::uint64_t count = random_.Below(4); count > 0; --count) {
      Fields fields = {"name", Text()};
      if (random_.Below(4) == 0) fields = {"name", Text(), Text(), Text()};
      StreamId id{model_.last_id.ms + random_.Below(3), random_.Below(300)};
      const bool good = id > model_.last_id;
      const std::vector<std::string_view> views(fields.begin(), fields.end());
      const auto added =
          stream_.Append({NewStreamId::Kind::kGiven, id}, views, 0, limits, testing::TestArena());
      ASSERT_EQ(added.has_value(), good);
      if (!good) continue;
      model_.entries[id] = fields;
      model_.last_id = id;
      ++model_.entries_added;
    }
  }

  void DeleteOne() {
    const StreamId id = SomeId();
    const StreamReferences references = SomeReferences();
    auto expected = StreamDeleteResult::kMissing;
    if (references == StreamReferences::kDrop) model_.Forget(id);
    if (model_.entries.contains(id)) {
      expected = StreamDeleteResult::kDeleted;
      if (references == StreamReferences::kAcknowledged && model_.Referenced(id)) {
        expected = StreamDeleteResult::kReferenced;
      } else {
        model_.entries.erase(id);
        model_.max_deleted_id = std::max(model_.max_deleted_id, id);
      }
    }
    ASSERT_EQ(stream_.Delete(id, references), expected);
  }

  void TrimSome() {
    if (random_.Below(4) != 0) return;  // so that streams become long
    StreamTrim trim;
    trim.kind = static_cast<StreamTrim::Kind>(random_.Below(2));
    trim.precision = static_cast<StreamTrim::Precision>(random_.Below(2));
    trim.references = SomeReferences();
    trim.max_length = model_.entries.size() - random_.Below(model_.entries.size() / 2 + 1);
    trim.min_id = SomeId();
    if (trim.precision == StreamTrim::Precision::kWholeNodes) trim.limit = random_.Below(200);
    const std::size_t before = model_.entries.size();
    TrimModel(trim);
    ASSERT_EQ(stream_.Trim(trim), before - model_.entries.size());
  }
  // Nodes are taken from the stream: where they end is tested elsewhere.
  void TrimModel(const StreamTrim& trim) {
    struct Node {
      StreamId last;
      std::uint64_t live;
    };
    std::vector<Node> nodes;
    stream_.ForEachNode(
        [&](const StreamNode& node) { nodes.push_back({node.LastId(), node.live()}); });
    const bool by_length = trim.kind == StreamTrim::Kind::kMaxLength;
    std::uint64_t deleted = 0;
    auto at = model_.entries.begin();
    const auto enough = [&](StreamId id) {
      return by_length ? model_.entries.size() <= trim.max_length : id >= trim.min_id;
    };
    for (const Node& node : nodes) {
      if (by_length && model_.entries.size() <= trim.max_length) return;
      if (trim.limit != 0 && deleted + node.live > trim.limit) return;
      const bool all = by_length ? model_.entries.size() - node.live >= trim.max_length
                                 : node.last < trim.min_id;
      if (!all && trim.precision == StreamTrim::Precision::kWholeNodes) return;
      while (at != model_.entries.end() && at->first <= node.last && !enough(at->first)) {
        if (trim.references == StreamReferences::kAcknowledged && model_.Referenced(at->first)) {
          ++at;
          continue;
        }
        if (trim.references == StreamReferences::kDrop) model_.Forget(at->first);
        at = model_.entries.erase(at);
        ++deleted;
      }
      if (!all) return;
    }
  }

  void ChangeGroups() {
    const std::string name = "group" + std::to_string(random_.Below(3));
    if (random_.Below(3) == 0) {
      ASSERT_EQ(stream_.DestroyGroup(name), model_.groups.erase(name) == 1);
      return;
    }
    const StreamId from = SomeId();
    const bool fresh = model_.groups.emplace(name, ModelGroup{from, {}}).second;
    StreamGroup* group = stream_.CreateGroup(name, from, kEntriesReadUnknown);
    ASSERT_EQ(group != nullptr, fresh);
    if (!fresh && random_.Below(2) == 0) {
      model_.groups[name].last_id = from;
      stream_.FindGroup(name)->SetLastId(from, 0);
    }
  }
  StreamGroup* SomeGroup(ModelGroup** model) {
    if (model_.groups.empty()) return nullptr;
    auto at = model_.groups.begin();
    std::advance(at, random_.Below(model_.groups.size()));
    *model = &at->second;
    return stream_.FindGroup(at->first);
  }
  StreamConsumer& SomeConsumer(StreamGroup& group) {
    const std::string name = "consumer" + std::to_string(random_.Below(3));
    StreamConsumer* consumer = group.FindConsumer(name);
    return consumer != nullptr ? *consumer : *group.AddConsumer(name, 1);
  }

  void ReadSome() {
    ModelGroup* model = nullptr;
    StreamGroup* group = SomeGroup(&model);
    if (group == nullptr) return;
    StreamConsumer& consumer = SomeConsumer(*group);
    const std::size_t count = random_.Below(12);
    auto at = model_.entries.upper_bound(model->last_id);
    std::size_t read = 0;
    const std::size_t got = stream_.ReadNew(*group, consumer, count, StreamAcknowledge::kByConsumer,
                                            7, [&](const StreamEntry& entry) {
                                              ASSERT_EQ(entry.id(), at->first);
                                              model->pending[entry.id()] = consumer.name();
                                              model->last_id = entry.id();
                                              ++at;
                                              ++read;
                                            });
    ASSERT_EQ(got, read);
    ASSERT_TRUE(at == model_.entries.end() || (count != 0 && read == count));
  }

  void AcknowledgeOne() {
    ModelGroup* model = nullptr;
    StreamGroup* group = SomeGroup(&model);
    if (group == nullptr) return;
    StreamId id = SomeId();
    if (!model->pending.empty() && random_.Below(3) != 0) id = model->pending.begin()->first;
    const bool was = model->pending.erase(id) == 1;
    ASSERT_EQ(group->Acknowledge(id), was);
  }

  void ClaimOne() {
    ModelGroup* model = nullptr;
    StreamGroup* group = SomeGroup(&model);
    if (group == nullptr) return;
    StreamConsumer& consumer = SomeConsumer(*group);
    const StreamId id = SomeId();
    const bool force = random_.Below(2) == 0;
    const bool was = model->pending.contains(id);
    auto expected = StreamClaimResult::kNotPending;
    if (!model_.entries.contains(id)) {
      if (was) expected = StreamClaimResult::kVanished;
      model->pending.erase(id);
    } else if (was || force) {
      expected = StreamClaimResult::kClaimed;
      model->pending[id] = consumer.name();
    }
    ASSERT_EQ(stream_.Claim(*group, consumer, id, {.now = 9, .delivery_time = 9, .force = force}),
              expected);
  }

  // The stream goes on as its copy, or as what its snapshot gives.
  void CopyOrRepack() {
    if (random_.Below(2) == 0 || !model_.groups.empty()) {
      stream_ = stream_.Clone();
      return;
    }
    Stream again;
    stream_.ForEachNode([&](const StreamNode& node) {
      const std::string packed = node.ToPacked();
      ASSERT_EQ(packed.size(), node.packed_bytes());
      ASSERT_TRUE(again.Adopt(node.base(), packed, testing::TestArena()).ok());
    });
    again.SetCounters({stream_.last_id(), stream_.max_deleted_id(), stream_.entries_added()});
    stream_ = std::move(again);
  }

  std::vector<std::string> ShowModel(StreamId start, StreamId end) const {
    std::vector<std::string> shown;
    for (auto at = model_.entries.lower_bound(start);
         at != model_.entries.end() && at->first <= end; ++at) {
      std::string line = StreamIdToString(at->first);
      for (std::size_t i = 0; i < at->second.size(); i += 2) {
        line += " " + at->second[i] + "=" + at->second[i + 1];
      }
      shown.push_back(line);
    }
    return shown;
  }
  void CompareRange() {
    const StreamId start = SomeId();
    const StreamId end = SomeId();
    if (end < start) return;
    auto expected = ShowModel(start, end);
    ASSERT_EQ(Show(stream_, start, end), expected);
    std::ranges::reverse(expected);
    ASSERT_EQ(Show(stream_, start, end, StreamOrder::kBackward), expected);
    ASSERT_EQ(stream_.Find(start).has_value(), model_.entries.contains(start));
  }

  void Compare() {
    ASSERT_EQ(Show(stream_), ShowModel(kStreamIdMin, kStreamIdMax));
    ASSERT_EQ(stream_.size(), model_.entries.size());
    ASSERT_EQ(stream_.entries_added(), model_.entries_added);
    ASSERT_EQ(stream_.last_id(), model_.last_id);
    ASSERT_EQ(stream_.max_deleted_id(), model_.max_deleted_id);
    const bool empty = model_.entries.empty();
    ASSERT_EQ(stream_.first_id(), empty ? StreamId{} : model_.entries.begin()->first);
    ASSERT_EQ(stream_.TopId(), empty ? StreamId{} : model_.entries.rbegin()->first);
    CompareMemory();
    CompareGroups();
  }
  // A copy counts anew.
  void CompareMemory() {
    std::size_t nodes = 0;
    stream_.ForEachNode([&](const StreamNode& node) { nodes += node.memory_bytes(); });
    ASSERT_GE(stream_.memory_bytes(), nodes);
    const Stream copy = stream_.Clone();
    ASSERT_LE(copy.memory_bytes(), stream_.memory_bytes() + 256);
  }
  void CompareGroups() {
    ASSERT_EQ(stream_.groups().size(), model_.groups.size());
    for (const auto& group : stream_.groups()) {
      const ModelGroup& model = model_.groups[std::string(group->name())];
      ASSERT_EQ(group->last_id(), model.last_id);
      ASSERT_EQ(group->pending().size(), model.pending.size());
      std::size_t owned = 0;
      for (const auto& consumer : group->consumers()) owned += consumer->pending().size();
      ASSERT_EQ(owned, model.pending.size());
      for (const auto& [id, name] : model.pending) {
        const StreamDelivery* delivery = group->FindPending(id);
        ASSERT_NE(delivery, nullptr);
        ASSERT_EQ(delivery->consumer->name(), name);
        ASSERT_TRUE(delivery->consumer->pending().Find(id) != delivery->consumer->pending().End());
      }
    }
  }

  Random random_;
  Stream stream_;
  Model model_;
};

TEST(StreamModel, RandomOperations) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    Play(seed).Run(6000);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace cairn::value
