// SPDX-License-Identifier: BSD-3-Clause
// ScoredTable: the large form of a sorted set, one node a member and two indexes over it.
//
//     member --hash--> NodeTable --+--> ds::ScoredMember { score, bytes }
//     score, rank ---> ScoreTree --+
//
// Invariants
//   (1) Both indexes hold the same nodes; the tree has each under its node's score.
//
// Made and owned by SortedSet, which has the semantics; guarded as that is. About 24 + 12 + 24
// bytes for a member of 14 (node, hash slot, tree key).
#ifndef CAIRN_VALUE_SCORED_TABLE_H_
#define CAIRN_VALUE_SCORED_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/check.h"
#include "base/prefetch.h"
#include "ds/raw_memory.h"
#include "ds/score_tree.h"
#include "ds/scored_member.h"
#include "value/node_table.h"

namespace cairn::value {

class ScoredTable {
 public:
  using Member = ds::ScoredMember;

  explicit ScoredTable(const TableHome& home) : members_(home) {}
  ScoredTable(const ScoredTable&) = delete;
  ScoredTable& operator=(const ScoredTable&) = delete;

  std::size_t size() const { return members_.size(); }
  std::size_t memory_bytes() const {
    return ds::AllocatedBytes(sizeof(*this)) - ds::AllocatedBytes(sizeof(members_)) +
           members_.memory_bytes() + tree_.memory_bytes();
  }
  const ds::ScoreTree& tree() const { return tree_; }
  const TableHome& home() const { return members_.home(); }

  std::uint64_t HashOf(std::string_view key) const { return members_.HashOf(key); }
  ds::TablePosition PositionOf(std::uint64_t hash, std::string_view key) const {
    return members_.table().Find(hash, key);
  }
  Member* At(ds::TablePosition at) const { return members_.At(at); }
  // Null if it is not there.
  Member* Find(std::uint64_t hash, std::string_view key) const {
    const ds::TablePosition at = PositionOf(hash, key);
    return at.found() ? At(at) : nullptr;
  }
  Member* Find(std::string_view key) const { return Find(HashOf(key), key); }

  void PrefetchBucket(std::string_view key) const { members_.PrefetchBucket(key); }
  void PrefetchNode(std::string_view key) const { members_.PrefetchNode(key); }

  // REQUIRES: the key is not there; `hash` is the key's.
  void Insert(std::uint64_t hash, std::string_view key, double score) {
    Member* member = Member::Make(members_.arena(), score, key);
    members_.Insert(hash, member);
    tree_.Insert(score, member);
  }
  struct Unordered {
    double score;
    Member* member;
  };
  // The same, but that the tree lacks it. Between the first call and Order nothing else may be
  // asked of the order, or changed. REQUIRES: the tree is empty.
  Unordered InsertUnordered(std::uint64_t hash, std::string_view key, double score) {
    Member* member = Member::Make(members_.arena(), score, key);
    members_.Insert(hash, member);
    return {score, member};
  }
  // `all`: what the calls before returned, which is sorted.
  void Order(std::span<Unordered> all);
  void SetScore(ds::TablePosition at, double score) {
    Member* const member = At(at);
    members_.Preserve(at);
    tree_.Update(member->score(), member, {score});
    member->set_score(score);
  }
  // True if it was there.
  bool Erase(std::string_view key) {
    const auto at = members_.Find(key);
    if (!at.found()) return false;
    const Member* member = members_.At(at);
    tree_.Erase(member->score(), member);
    members_.Erase(at);
    return true;
  }
  template <class Fn>  // void(std::string_view, double)
  void EraseRanks(std::uint64_t begin, std::uint64_t count, Fn&& fn) {
    tree_.EraseRanks(begin, count, [&](auto scores, std::span<Member* const> members) {
      // A leaf's members lie anywhere, and so do their buckets: all are fetched before any is used.
      for (const Member* member : members) PrefetchLine(member);
      std::uint64_t hashes[ds::ScoreNode::kKeysMax];
      for (std::size_t i = 0; i < members.size(); ++i) {
        hashes[i] = HashOf(members[i]->key());
        members_.table().PrefetchBucket(hashes[i]);
      }
      for (std::size_t i = 0; i < members.size(); ++i) {
        fn(members[i]->key(), scores[i]);
        members_.Erase(members_.table().Find(hashes[i], members[i]->key()));
      }
    });
  }

  // Every member is in it.
  ds::SegmentTableBase& cut_table() { return members_.table(); }

  // As SegmentTable's, a bucket a call.
  template <class Fn>  // void(const Member*)
  std::uint64_t Scan(std::uint64_t cursor, Fn&& fn) {
    return members_.table().Scan(cursor, [&](ds::TablePosition, const Member* m) { fn(m); });
  }

  std::unique_ptr<ScoredTable> Clone() const {
    auto copy = std::make_unique<ScoredTable>(home());
    if (size() == 0) return copy;
    tree_.VisitForward(tree_.Select(0), size(), [&](double score, const Member* member) {
      copy->Insert(copy->HashOf(member->key()), member->key(), score);
    });
    return copy;
  }
  bool FreeStep(std::size_t members) { return tree_.FreeStep(members) && members_.Drain(members); }
  void CheckInvariants() const {
    members_.table().CheckInvariants();
    tree_.CheckInvariants();
    CHECK(members_.size() == tree_.size());
    if (size() == 0) return;
    tree_.VisitForward(tree_.Select(0), size(), [&](double score, const Member* member) {
      CHECK(member->score() == score);
      CHECK(Find(member->key()) == member);
    });
  }

 private:
  NodeTable<Member> members_;
  ds::ScoreTree tree_;
};

}  // namespace cairn::value

#endif  // CAIRN_VALUE_SCORED_TABLE_H_
