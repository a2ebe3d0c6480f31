// SPDX-License-Identifier: BSD-3-Clause
// Batches, and the parts that fill them: one for each stripe's share of a database.
#include "keyspace/cut.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "keyspace/keyspace.h"
#include "keyspace/txn.h"

namespace cairn::keyspace {
namespace {

constexpr std::size_t kImageAlign = 8;

}  // namespace

// ---- Batches -----------------------------------------------------------------------------------

CutBatch::~CutBatch() {
  values_.clear();
  for (std::size_t at = 0; at < used_; at += HeadAt(at).bytes) EntryAt(at)->DropImage();
}

std::size_t CutBatch::Bytes(const Entry& entry) {
  return (sizeof(Head) + entry.own_bytes() + kImageAlign - 1) / kImageAlign * kImageAlign;
}

CutBatch CutBatch::For(const Entry& entry) {
  CutBatch batch;
  batch.capacity_ = std::max(kBytes, Bytes(entry));
  batch.room_ = std::make_unique_for_overwrite<char[]>(batch.capacity_);
  return batch;
}

void* CutBatch::NewImage(DbId db, UnixMs expiry, const Entry& entry, bool is_large) {
  DCHECK(HasRoomFor(entry));
  const std::size_t bytes = Bytes(entry);
  CHECK(bytes < std::size_t{1} << 31);
  new (room_.get() + used_) Head{.expiry = expiry,
                                 .db = db.value,
                                 .bytes = static_cast<std::uint32_t>(bytes),
                                 .is_large = is_large ? 1U : 0U};
  void* image = room_.get() + used_ + sizeof(Head);
  used_ += bytes;
  return image;
}

void CutBatch::Add(DbId db, UnixMs expiry, const Entry& entry) {
  entry.MakeImage(NewImage(db, expiry, entry, false));
  beside_bytes_ += entry.beside_bytes();
}

void CutBatch::AddLarge(DbId db, UnixMs expiry, const Entry& entry,
                        std::unique_ptr<CutValue> value) {
  entry.MakeImageWithoutElements(NewImage(db, expiry, entry, true));
  values_.push_back(std::move(value));
  beside_bytes_ += sizeof(CutValue);
}

void CutBatch::Swap(CutBatch& other) noexcept {
  std::swap(room_, other.room_);
  std::swap(values_, other.values_);
  std::swap(used_, other.used_);
  std::swap(capacity_, other.capacity_);
  std::swap(beside_bytes_, other.beside_bytes_);
}

// ---- Parts -------------------------------------------------------------------------------------

// A stripe's share of a database. Guarded by the stripe's lock; once flushed, the user's alone.
class Cut::Part final : public ds::CutSink {
 public:
  Part(Cut& cut, Stripe& stripe, DbId db, Shard& shard)
      : cut_(cut), stripe_(stripe), db_(db), shard_(&shard) {
    shard.table.BeginCut(this);
  }

  // A step of the walk; true at the part's end.
  bool Walk() {
    {
      const WalkLock hold(cut_.keyspace_, stripe_);
      if (flushed_ == nullptr) return WalkTable(kCopiedBytesMax);
    }
    return WalkFlushed(kCopiedBytesMax);
  }
  // The same, smaller, unless somebody has the stripe; nothing then.
  std::optional<bool> TryWalk() {
    if (!stripe_.mu.TryLock()) return std::nullopt;
    const bool is_flushed = flushed_ != nullptr;
    const bool done = !is_flushed && WalkTable(kTriedBytesMax);
    stripe_.mu.Unlock();
    return is_flushed ? WalkFlushed(kTriedBytesMax) : done;
  }

  // Gives up what was not handed out, and what nobody took.
  void Abandon() {
    CutBatch untaken;
    {
      const WalkLock hold(cut_.keyspace_, stripe_);
      shard_->table.AbandonCut();
      untaken = std::exchange(open_, CutBatch());
    }
    if (flushed_ != nullptr) cut_.KeepWhileValuesAreRead(std::move(flushed_), *stripe_.arena);
  }

  void Keep(std::unique_ptr<Shard> load) {
    flushed_ = std::move(load);
    shard_ = flushed_.get();
  }

  void Take(ds::TablePosition at, const void* node) override {
    const auto& entry = *static_cast<const Entry*>(node);
    if (!open_.HasRoomFor(entry)) {
      if (!open_.empty()) cut_.Push(std::exchange(open_, CutBatch()));
      open_ = CutBatch::For(entry);
    }
    const UnixMs expiry = internal::ExpiryOf(shard_->table, at, entry);
    if (auto value =
            CutValue::Begin(cut_.keyspace_, cut_.values_, stripe_, entry, cut_.whole_bytes_max_)) {
      return open_.AddLarge(db_, expiry, entry, std::move(value));
    }
    open_.Add(db_, expiry, entry);
    copied_bytes_ += entry.own_bytes() + (entry.is_collection() ? entry.beside_bytes() : 0);
  }
  // The table's ends with the keyspace, after every cut.
  void TableEnds() override { CHECK(false); }

 private:
  // No stripe locked: it is out of everybody's reach.
  bool WalkFlushed(std::size_t copied_max) {
    if (!WalkTable(copied_max)) return false;
    cut_.KeepWhileValuesAreRead(std::move(flushed_), *stripe_.arena);
    return true;
  }
  bool WalkTable(std::size_t copied_max) {
    bool done = false;
    copied_bytes_ = 0;
    for (int i = 0; i < kWalkSteps && !done && copied_bytes_ < copied_max; ++i)
      done = shard_->table.WalkCut(kWalkStep / kWalkSteps);
    if (done && !open_.empty()) cut_.Push(std::exchange(open_, CutBatch()));
    return done;
  }

  static constexpr int kWalkSteps = 8;

  Cut& cut_;
  Stripe& stripe_;
  const DbId db_;
  Shard* shard_;
  std::unique_ptr<Shard> flushed_;  // shard_, if it was taken out of the keyspace
  CutBatch open_;
  std::size_t copied_bytes_ = 0;
};

// ---- The cut -----------------------------------------------------------------------------------

Cut::Cut(Keyspace& keyspace, const KeyLocks& held, std::size_t whole_bytes_max)
    : keyspace_(keyspace),
      position_(keyspace.log().end()),
      whole_bytes_max_(whole_bytes_max),
      sizes_(keyspace.table_count()) {
  keyspace.SetCut(this);
  for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) {
    const StripeId id(static_cast<std::uint16_t>(i));
    DCHECK(held.Holds(id));
    Stripe& stripe = keyspace.stripe(id);
    for (std::uint32_t db = 0; db < keyspace.table_count(); ++db) {
      Shard* shard = stripe.shard(DbId(db));
      if (shard == nullptr || shard->table.size() == 0) continue;
      sizes_[db].keys += shard->table.size();
      sizes_[db].volatile_keys += shard->table.volatile_count();
      parts_.push_back(std::make_unique<Part>(*this, stripe, DbId(db), *shard));
    }
  }
}

Cut::~Cut() {
  for (std::size_t i = walking_; i < parts_.size(); ++i) parts_[i]->Abandon();
  while (Pop().has_value()) continue;
  CHECK(values_.empty());
  keyspace_.SetCut(nullptr);
  GiveBackFlushed();
}

void Cut::KeepWhileValuesAreRead(std::unique_ptr<Shard> load, ds::SlabArena& arena) {
  const MutexLock hold(mu_);
  flushed_.push_back({std::move(load), &arena});
}

void Cut::GiveBackFlushed() {
  std::vector<Flushed> flushed;
  {
    const MutexLock hold(mu_);
    if (flushed_.empty() || !values_.empty()) return;
    flushed = std::exchange(flushed_, {});
  }
  for (Flushed& one : flushed) keyspace_.trash().Add(std::move(one.load), *one.arena);
}

void Cut::Push(CutBatch batch) {
  keyspace_.cut_backlog().Add(batch.bytes());
  MutexLock hold(mu_);
  batches_.push_back(std::move(batch));
}

std::optional<CutBatch> Cut::Pop() {
  std::optional<CutBatch> batch;
  {
    MutexLock hold(mu_);
    if (batches_.empty()) return std::nullopt;
    batch = std::move(batches_.front());
    batches_.pop_front();
  }
  keyspace_.cut_backlog().Remove(batch->bytes());
  return batch;
}

bool Cut::Walk() {
  if (walking_ == parts_.size()) return false;
  if (parts_[walking_]->Walk()) ++walking_;
  return true;
}

Cut::Walked Cut::TryWalk() {
  if (walking_ == parts_.size()) return Walked::kEnd;
  const std::optional<bool> done = parts_[walking_]->TryWalk();
  if (!done) return Walked::kBusy;
  if (*done) ++walking_;
  return Walked::kStep;
}

// What writers have handed out comes first: it is what keeps memory.
std::optional<CutBatch> Cut::Next() {
  do {
    GiveBackFlushed();
    if (std::optional<CutBatch> batch = Pop()) return batch;
  } while (Walk());
  GiveBackFlushed();
  return Pop();
}

bool Cut::KeepFlushed(Stripe& stripe, std::unique_ptr<Shard>& load) {
  if (load->table.is_cutting()) {
    Part& part = *static_cast<Part*>(load->table.cut_sink());
    part.Keep(std::move(load));
    return true;
  }
  if (values_.empty()) return false;
  KeepWhileValuesAreRead(std::move(load), *stripe.arena);
  return true;
}

}  // namespace cairn::keyspace
