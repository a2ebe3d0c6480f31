// SPDX-License-Identifier: BSD-3-Clause
// ScoredMembers: members with scores gathered on the way to a reply or to a new sorted set.
//
// It owns the bytes of its members, in chunks that stay where they are, so that the views in
// entries() are good for as long as it lives. What is gathered by algebra is gathered in no order;
// Sort brings it into that of a sorted set. Distinctness is the caller's business.
//
// Belongs to one call. Cost of Add: amortized constant, one copy of the member.
#ifndef CAIRN_VALUE_SCORED_MEMBERS_H_
#define CAIRN_VALUE_SCORED_MEMBERS_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "value/sorted_set.h"

namespace cairn::value {

class ScoredMembers {
 public:
  void Add(std::string_view member, double score) { entries_.push_back({Keep(member), score}); }

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  std::span<MemberScore> entries() { return entries_; }
  std::span<const MemberScore> entries() const { return entries_; }
  // By score and then bytes.
  void Sort();

 private:
  std::string_view Keep(std::string_view bytes);

  std::vector<MemberScore> entries_;
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* free_ = nullptr;
  std::size_t free_bytes_ = 0;
};

}  // namespace cairn::value

#endif  // CAIRN_VALUE_SCORED_MEMBERS_H_
