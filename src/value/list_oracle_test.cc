// SPDX-License-Identifier: BSD-3-Clause
// Lists against real servers: the bytes of every node, and the form after every command.
//
// redis-server 7.0 keeps every list as a chain, so that its DUMPs are compared with a ListChain's
// nodes, byte for byte, for nodes limited in elements: where bytes count it joins two nodes that
// are up to four bytes too large together, which 7.2 does not. valkey-server 8.0 has the small form
// and 7.2's rules for all that; its OBJECT ENCODING and DUMPs are compared with List's. (It treats
// elements larger than a node otherwise, which are left out.) Where a server is missing, its case
// is skipped.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "value/list.h"
#include "value/oracle_testing.h"

namespace cairn::value {
namespace {

constexpr std::uint64_t kSeed = 31;

// A length as RDB writes it, for those below 2^32.
std::string RdbLength(std::size_t length) {
  const auto byte = [](std::size_t bits) { return static_cast<char>(bits & 0xff); };
  if (length < 64) return {byte(length)};
  if (length < 16384) return {byte(0x40 | length >> 8), byte(length)};
  return {'\x80', byte(length >> 24), byte(length >> 16), byte(length >> 8), byte(length)};
}

void AppendNode(std::string& dump, const ListNodeView& node) {
  const std::string_view bytes = node.is_plain ? node.plain : node.packed.bytes();
  dump += RdbLength(node.is_plain ? 1 : 2);
  dump.append(RdbLength(bytes.size())).append(bytes);
}

// What DUMP answers, without its last ten bytes (version and checksum).
std::string DumpOf(const ListChain& chain) {
  std::string dump = "\x12" + RdbLength(chain.node_count());
  std::string scratch;
  for (std::size_t i = 0; i < chain.node_count(); ++i) {
    AppendNode(dump, chain.node(i).View(scratch));
  }
  return dump;
}

std::string DumpOf(const List& list) {
  std::size_t nodes = 0;
  std::string rest;
  list.ForEachNode([&](const ListNodeView& node) {
    ++nodes;
    AppendNode(rest, node);
  });
  return "\x12" + RdbLength(nodes) + rest;
}

void ExpectDump(Oracle& oracle, const std::string& ours) {
  std::string theirs = oracle.Call({"DUMP", "k"}).text;
  ASSERT_GT(theirs.size(), 10U);
  theirs.resize(theirs.size() - 10);
  if (theirs != ours) {
    ASSERT_EQ(Hex(theirs), Hex(ours));
  }
}

std::string RandomText(Random& random, std::size_t bytes_max) {
  switch (random.Below(5)) {
    case 0:
      return std::string(random.Below(bytes_max), static_cast<char>('a' + random.Below(20)));
    case 1:
      return std::to_string(static_cast<std::int64_t>(random.Next()) >> random.Below(64));
    default:
      return std::to_string(random.Below(40));
  }
}

// One chain and one key, changed alike. The oracle compresses nothing, since that would be seen in
// its DUMPs; we do, and cut nodes all the same.
class Chains {
 public:
  Chains(Oracle& oracle, const ListLimits& limits, std::uint64_t seed)
      : oracle_(oracle), limits_(limits), random_(seed) {
    oracle_.Call({"CONFIG", "SET", "list-max-listpack-size", std::to_string(limits.node_fill)});
    oracle_.Call({"DEBUG", "QUICKLIST-PACKED-THRESHOLD", std::to_string(limits.plain_bytes) + "b"});
    oracle_.Call({"DEL", "k"});
    chain_ = std::make_unique<ListChain>(limits_);
  }

  void Step() {
    if (chain_->size() > 600) growing_ = false;
    if (chain_->size() == 0) {
      chain_ = std::make_unique<ListChain>(limits_);
      growing_ = true;
    }
    const std::string text = RandomText(random_, 60);
    switch (chain_->size() == 0 ? 0 : random_.Below(growing_ ? 10 : 16)) {
      case 0:
      case 1:
      case 2:
        Push(text);
        break;
      case 3:
      case 4:
      case 5:
      case 6:
      case 7:
        Insert(text);
        break;
      case 8:
      case 9:
        Set(text);
        break;
      case 10:
        Remove();
        break;
      case 11:
        if (random_.Below(20) == 0) Trim();
        break;
      default:
        Pop();
    }
  }

  void Check() {
    if (chain_->size() == 0) return;
    ExpectDump(oracle_, DumpOf(*chain_));
  }

 private:
  std::size_t AnyIndex() { return random_.Below(chain_->size()); }
  std::string TextAt(std::size_t index) {
    return oracle_.Call({"LINDEX", "k", std::to_string(index)}).text;
  }

  void Push(const std::string& text) {
    const bool is_front = random_.Below(2) == 0;
    chain_->Push(is_front ? ListEnd::kFront : ListEnd::kBack, ListElement(text, limits_));
    oracle_.Call({is_front ? "LPUSH" : "RPUSH", "k", text});
  }
  void Insert(const std::string& text) {
    const bool is_after = random_.Below(2) == 0;
    const std::string pivot = TextAt(AnyIndex());
    const auto place = chain_->Find(pivot);
    ASSERT_TRUE(place.has_value());
    chain_->Insert(*place, is_after ? ListSide::kAfter : ListSide::kBefore,
                   ListElement(text, limits_));
    oracle_.Call({"LINSERT", "k", is_after ? "AFTER" : "BEFORE", pivot, text});
  }
  void Set(const std::string& text) {
    const std::size_t index = AnyIndex();
    chain_->Replace(chain_->Locate(index), ListElement(text, limits_));
    oracle_.Call({"LSET", "k", std::to_string(index), text});
  }
  void Remove() {
    const std::string text = TextAt(AnyIndex());
    const std::size_t limit = 1 + random_.Below(3);
    const bool is_back = random_.Below(2) == 0;
    const std::size_t removed =
        chain_->Remove(text, limit, is_back ? ListEnd::kBack : ListEnd::kFront);
    const Reply reply =
        oracle_.Call({"LREM", "k", (is_back ? "-" : "") + std::to_string(limit), text});
    ASSERT_EQ(reply.number, static_cast<std::int64_t>(removed));
  }
  void Trim() {
    const std::size_t start = AnyIndex();
    const std::size_t count = 1 + random_.Below(chain_->size() - start);
    oracle_.Call({"LTRIM", "k", std::to_string(start), std::to_string(start + count - 1)});
    chain_->EraseRange(start + count, chain_->size() - start - count);
    chain_->EraseRange(0, start);
  }
  void Pop() {
    const bool is_front = random_.Below(2) == 0;
    const std::size_t count = 1 + random_.Below(std::min<std::size_t>(chain_->size(), 9));
    chain_->EraseRange(is_front ? 0 : chain_->size() - count, count);
    oracle_.Call({is_front ? "LPOP" : "RPOP", "k", std::to_string(count)});
  }

  Oracle& oracle_;
  ListLimits limits_;
  Random random_;
  std::unique_ptr<ListChain> chain_;
  bool growing_ = true;
};

TEST(ListOracle, NodesAsRedisCutsThem) {
  const std::unique_ptr<Oracle> oracle = Oracle::Start();
  if (oracle == nullptr) GTEST_SKIP() << "no redis-server to compare with";
  const ListLimits kinds[] = {{.node_fill = 60},
                              {.node_fill = 4},
                              {.node_fill = 16, .compress_depth = 1},
                              {.node_fill = 5, .plain_bytes = 30},
                              {.node_fill = 1}};
  for (std::uint64_t seed = kSeed; const ListLimits& limits : kinds) {
    Chains chains(*oracle, limits, ++seed);
    for (int step = 0; step < 3000; ++step) {
      SCOPED_TRACE(testing::Message()
                   << "fill " << limits.node_fill << " seed " << seed << " step " << step);
      chains.Step();
      chains.Check();
      if (testing::Test::HasFailure()) return;
    }
  }
}

// One list and one key, changed by the same commands.
class Lists {
 public:
  Lists(Oracle& oracle, const ListLimits& limits, std::uint64_t seed)
      : oracle_(oracle), limits_(limits), random_(seed) {
    oracle_.Call({"CONFIG", "SET", "list-max-listpack-size", std::to_string(limits.node_fill)});
    oracle_.Call({"DEL", "k"});
  }

  void Step() {
    const std::string text = RandomText(random_, limits_.node_fill < 0 ? 900 : 30);
    switch (list_.empty() ? 0 : random_.Below(12)) {
      case 0:
      case 1:
      case 2:
        Push(text);
        break;
      case 3:
      case 4:
        Insert(text);
        break;
      case 5:
      case 6:
        Set(text);
        break;
      case 7:
        Remove();
        break;
      case 8:
        Trim();
        break;
      case 9:
        Rotate();
        break;
      default:
        Pop();
    }
  }

  void Check() {
    const Reply length = oracle_.Call({"LLEN", "k"});
    ASSERT_EQ(length.number, static_cast<std::int64_t>(list_.size()));
    if (list_.empty()) return;
    ASSERT_EQ(oracle_.Call({"OBJECT", "ENCODING", "k"}).text, list_.encoding());
    ExpectDump(oracle_, DumpOf(list_));
  }

 private:
  std::size_t AnyIndex() { return random_.Below(list_.size()); }
  std::string AnyText() { return oracle_.Call({"LINDEX", "k", std::to_string(AnyIndex())}).text; }

  void Push(const std::string& text) {
    const std::vector<std::string_view> texts(1 + random_.Below(6), text);
    const bool is_front = random_.Below(2) == 0;
    list_.Push(is_front ? ListEnd::kFront : ListEnd::kBack, texts, limits_);
    std::vector<std::string> words = {is_front ? "LPUSH" : "RPUSH", "k"};
    words.insert(words.end(), texts.begin(), texts.end());
    oracle_.Call(words);
  }
  void Insert(const std::string& text) {
    const bool is_after = random_.Below(2) == 0;
    const std::string pivot = random_.Below(4) == 0 ? "no such" : AnyText();
    list_.Insert(pivot, is_after ? ListSide::kAfter : ListSide::kBefore, text, limits_);
    oracle_.Call({"LINSERT", "k", is_after ? "AFTER" : "BEFORE", pivot, text});
  }
  void Set(const std::string& text) {
    const std::int64_t index =
        random_.Below(8) == 0 ? 100'000 : static_cast<std::int64_t>(AnyIndex());
    list_.Set(index, text, limits_);
    oracle_.Call({"LSET", "k", std::to_string(index), text});
  }
  void Remove() {
    const std::string text = AnyText();
    const std::int64_t count = static_cast<std::int64_t>(random_.Below(5)) - 2;
    list_.Remove(text, count, limits_);
    oracle_.Call({"LREM", "k", std::to_string(count), text});
  }
  void Trim() {
    const std::size_t start = random_.Below(std::min<std::size_t>(list_.size(), 10));
    const std::size_t most = list_.size() - start;
    const std::size_t count = 1 + (random_.Below(10) == 0 ? random_.Below(most) : most - 1);
    list_.Trim(start, count, limits_);
    oracle_.Call({"LTRIM", "k", std::to_string(start), std::to_string(start + count - 1)});
  }
  void Rotate() {
    const bool is_front = random_.Below(2) == 0;
    list_.Rotate(is_front ? ListEnd::kFront : ListEnd::kBack,
                 is_front ? ListEnd::kBack : ListEnd::kFront, limits_);
    oracle_.Call({"LMOVE", "k", "k", is_front ? "LEFT" : "RIGHT", is_front ? "RIGHT" : "LEFT"});
  }
  void Pop() {
    const bool is_front = random_.Below(2) == 0;
    const std::size_t count = 1 + random_.Below(std::min<std::size_t>(list_.size(), 12));
    list_.EraseRange(is_front ? 0 : list_.size() - count, count, limits_);
    oracle_.Call({is_front ? "LPOP" : "RPOP", "k", std::to_string(count)});
  }

  Oracle& oracle_;
  ListLimits limits_;
  Random random_;
  List list_;
};

TEST(ListOracle, FormsAsValkeySaysThem) {
  const std::unique_ptr<Oracle> oracle = Oracle::Start("valkey-server");
  if (oracle == nullptr) GTEST_SKIP() << "no valkey-server to compare with";
  for (std::uint64_t seed = kSeed; const int fill : {-2, -1, 1, 3, 10, 64}) {
    Lists lists(*oracle, {.node_fill = fill}, ++seed);
    for (int step = 0; step < 5000; ++step) {
      SCOPED_TRACE(testing::Message() << "fill " << fill << " seed " << seed << " step " << step);
      lists.Step();
      lists.Check();
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace cairn::value
