// SPDX-License-Identifier: BSD-3-Clause
// Finding a key's namespace, and counting.
//
// The declared prefixes stand in order. Of those that are not behind a key the last one either is
// its namespace or begins with it: a prefix of the key that stands before that one is a prefix of
// that one, too. So one binary search and some steps outwards find it.
#include "keyspace/namespaces.h"

#include <algorithm>

#include "base/check.h"
#include "ds/raw_memory.h"

namespace cairn::keyspace {
namespace {

// A remembered loss: the hash without its lower bits, and the reason in their place.
constexpr std::uint32_t kReasonBits = 3;

std::uint32_t MarkOf(std::uint64_t key_hash) {
  return static_cast<std::uint32_t>(key_hash >> 32) & ~kReasonBits;
}

}  // namespace

// ---- One namespace -----------------------------------------------------------------------------

void Namespace::ClearAt(std::uint64_t number) {
  std::uint64_t now = cleared_at_.load(std::memory_order_relaxed);
  while (now < number && !cleared_at_.compare_exchange_weak(now, number, std::memory_order_acq_rel))
    continue;
}

// kAbsent: nothing is remembered of the key any more. Others of its slot are left alone.
void Namespace::NoteLoss(std::uint64_t key_hash, Loss loss) {
  std::atomic<std::uint32_t>& slot = losses_[key_hash % kLossSlots];
  const std::uint32_t mark = MarkOf(key_hash);
  const std::uint32_t old = slot.load(std::memory_order_relaxed);
  if (loss == Loss::kAbsent && (old & ~kReasonBits) != mark) return;
  slot.store(mark | static_cast<std::uint32_t>(loss), std::memory_order_relaxed);
}

void Namespace::CountMiss(std::uint64_t key_hash) {
  const std::uint32_t mark = losses_[key_hash % kLossSlots].load(std::memory_order_relaxed);
  const std::uint32_t reason = (mark & ~kReasonBits) == MarkOf(key_hash) ? mark & kReasonBits : 0;
  ShareOf(key_hash).misses[reason].Add(1);
}

void Namespace::CountLoad(std::int64_t took_ms) {
  Share& share = shares_[0];
  share.loads.Add(1);
  share.load_ms.Add(took_ms);
}

void Namespace::CountEntries(const void* near, bool is_negative, std::int64_t entries,
                             std::int64_t bytes) {
  Share& share = ShareOf(near);
  if (entries != 0) (is_negative ? share.negatives : share.keys).Add(entries);
  share.bytes.Add(bytes);
}

// Two at once must not both find the last place, nor one be refused for what another gives back.
bool Namespace::TakeLease() {
  std::int64_t held = leases_.load(std::memory_order_relaxed);
  do {
    if (rules_.leases_max != 0 && held >= rules_.leases_max) {
      leases_capped_.Add(1);
      return false;
    }
  } while (!leases_.compare_exchange_weak(held, held + 1, std::memory_order_relaxed));
  leases_granted_.Add(1);
  return true;
}

std::int64_t Namespace::bytes() const {
  std::int64_t bytes = 0;
  for (const Share& share : shares_) bytes += share.bytes.value();
  return bytes;
}

std::int64_t Namespace::negatives() const {
  std::int64_t negatives = 0;
  for (const Share& share : shares_) negatives += share.negatives.value();
  return negatives;
}

NamespaceFigures Namespace::Figures() const {
  NamespaceFigures figures;
  for (const Share& share : shares_) {
    figures.hits += share.hits.value();
    figures.negative_hits += share.negative_hits.value();
    for (std::size_t i = 0; i < kLosses; ++i) figures.misses[i] += share.misses[i].value();
    figures.keys += share.keys.value();
    figures.negatives += share.negatives.value();
    figures.bytes += share.bytes.value();
    figures.evicted += share.evicted.value();
    figures.loads += share.loads.value();
    figures.load_ms += share.load_ms.value();
  }
  return figures;
}

void Namespace::ResetStatistics() {
  for (Share& share : shares_) {
    for (SharedCounter* counter :
         {&share.hits, &share.negative_hits, &share.evicted, &share.loads, &share.load_ms})
      counter->Set(0);
    for (SharedCounter& misses : share.misses) misses.Set(0);
  }
  for (SharedCounter* counter :
       {&leases_granted_, &leases_voided_, &leases_timed_out_, &leases_capped_})
    counter->Set(0);
}

// ---- All of them -------------------------------------------------------------------------------

Namespace* Namespaces::Of(std::string_view key) const {
  const auto behind = std::ranges::upper_bound(declared_, key, {}, &Namespace::prefix);
  if (behind == declared_.begin()) return nullptr;
  const Namespace* space = *(behind - 1);
  while (space != nullptr && !key.starts_with(space->prefix())) space = space->outer_;
  return const_cast<Namespace*>(space);
}

Namespace* Namespaces::Find(std::string_view prefix) const {
  const auto at = std::ranges::lower_bound(declared_, prefix, {}, &Namespace::prefix);
  return at != declared_.end() && (*at)->prefix() == prefix ? *at : nullptr;
}

Result<Namespace*> Namespaces::Declare(std::string_view prefix, const NamespaceRules& rules,
                                       bool is_configured) {
  if (prefix.empty() || prefix.size() > kPrefixBytesMax)
    return Fail(StatusCode::kInvalid, "ERR a namespace's prefix has 1 to 512 bytes");
  Namespace* space = Find(prefix);
  if (space == nullptr) {
    if (declared_.size() == kDeclaredMax)
      return Fail(StatusCode::kInvalid, "ERR there are 256 namespaces already");
    const auto known = std::ranges::find(
        known_, prefix,
        [](const std::unique_ptr<Namespace>& s) -> const std::string& { return s->prefix(); });
    if (known == known_.end() && known_.size() == kKnownMax) {
      return Fail(StatusCode::kInvalid,
                  "ERR 4096 prefixes have been namespaces since the server was started");
    }
    space = known != known_.end() ? known->get()
                                  : known_.emplace_back(std::make_unique<Namespace>(prefix)).get();
    space->is_declared_ = true;
    declared_.insert(std::ranges::lower_bound(declared_, prefix, {}, &Namespace::prefix), space);
    Relink();
  }
  space->rules_ = rules;
  space->is_configured_ = is_configured;
  if (is_configured) space->configured_rules_ = rules;
  any_.store(true, std::memory_order_relaxed);
  return space;
}

bool Namespaces::Undeclare(std::string_view prefix) {
  Namespace* space = Find(prefix);
  if (space == nullptr) return false;
  DCHECK(!space->is_configured());
  if (space->configured_rules_) {
    space->rules_ = *space->configured_rules_;
    space->is_configured_ = true;
    return true;
  }
  space->is_declared_ = false;
  space->rules_ = {};
  std::erase(declared_, space);
  Relink();
  return true;
}

void Namespaces::Relink() {
  std::vector<const Namespace*> open;
  for (Namespace* space : declared_) {
    while (!open.empty() && !space->prefix().starts_with(open.back()->prefix())) open.pop_back();
    space->outer_ = open.empty() ? nullptr : open.back();
    open.push_back(space);
  }
  NoteChange();
  declared_change_.store(changes(), std::memory_order_release);
}

// A walk that began long ago may end after one that was done at once.
void Namespaces::NoteSwept(std::uint64_t changes) {
  std::uint64_t now = swept_.load(std::memory_order_relaxed);
  while (now < changes && !swept_.compare_exchange_weak(now, changes, std::memory_order_acq_rel))
    continue;
}

std::size_t Namespaces::memory_bytes() const {
  return known_.size() * ds::AllocatedBytes(sizeof(Namespace));
}

}  // namespace cairn::keyspace
