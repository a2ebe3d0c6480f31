// SPDX-License-Identifier: BSD-3-Clause
// Reading a collection that others change: hashes, sets and sorted sets by their tables, lists and
// streams by what they froze.
#include "keyspace/cut_value.h"

#include <type_traits>

#include "base/check.h"
#include "keyspace/keyspace.h"
#include "value/stream_freeze.h"

namespace cairn::keyspace {

// ---- Pieces ------------------------------------------------------------------------------------

void CutPiece::Add(const Element& element) {
  const Head head = {.name_bytes = static_cast<std::uint32_t>(element.name.size()),
                     .value_bytes = static_cast<std::uint32_t>(element.value.size()) & kSizeMax,
                     .is_plain = element.is_plain ? 1U : 0U,
                     .when = element.when,
                     .score = element.score};
  bytes_.append(reinterpret_cast<const char*>(&head), sizeof(head));
  bytes_.append(element.name);
  bytes_.append(element.value);
}

// ---- Tables ------------------------------------------------------------------------------------

namespace {

class TableValue final : public CutValue, public ds::CutSink {
 public:
  TableValue(Keyspace& keyspace, CutValues& values, Stripe& stripe, Type type,
             ds::SegmentTableBase& table)
      : CutValue(keyspace, values, stripe, table.size(),
                 table.volatile_count() == 0 ? kNever : table.min_expiry()),
        type_(type),
        table_(&table) {
    table.BeginCut(this);
  }
  ~TableValue() override { End(); }

  void Take(ds::TablePosition at, const void* node) override {
    switch (type_) {
      case Type::kHash: {
        const auto& field = *static_cast<const value::HashNode*>(node);
        return Add({.name = field.key(), .value = field.value(), .when = table_->ExpiryAt(at)});
      }
      case Type::kSet:
        return Add({.name = static_cast<const value::SetNode*>(node)->key()});
      case Type::kSortedSet: {
        const auto& member = *static_cast<const ds::ScoredMember*>(node);
        return Add({.name = member.key(), .score = member.score()});
      }
      case Type::kString:
      case Type::kList:
      case Type::kStream:
        break;
    }
    CHECK(false);
  }
  void TableEnds() override { table_ = nullptr; }

 private:
  bool Walk() override {
    bool done = false;
    Locked([&] {
      done = table_ == nullptr || table_->WalkCut(kWalkStep);
      if (done) table_ = nullptr;
    });
    return done;
  }
  void LetGo() override {
    if (table_ != nullptr) table_->AbandonCut();
    table_ = nullptr;
  }

  const Type type_;
  ds::SegmentTableBase* table_;  // null once all of it is here
};

// ---- Lists -------------------------------------------------------------------------------------

class ListValue final : public CutValue, private value::ListFreeze {
 public:
  ListValue(Keyspace& keyspace, CutValues& values, Stripe& stripe, value::ListChain& chain)
      : CutValue(keyspace, values, stripe, chain.node_count(), kNever), value::ListFreeze(chain) {}
  ~ListValue() override { End(); }
  static ListValue* From(value::ListFreeze* freeze) { return static_cast<ListValue*>(freeze); }

 private:
  bool Walk() override {
    for (std::size_t bytes = 0; bytes < CutPiece::kBytes; ++next_) {
      if (next_ == node_count()) {
        Locked([this] { LetGo(); });
        return true;
      }
      const value::ListNodeView view = node(next_).View(scratch_);
      const std::string_view text = view.is_plain ? view.plain : view.packed.bytes();
      Add({.name = text, .is_plain = view.is_plain});
      bytes += text.size();
    }
    return false;
  }
  void LetGo() override { Thaw(); }
  void Keeps(std::size_t bytes) override { CountKept(bytes); }

  std::size_t next_ = 0;
  std::string scratch_;  // of a closed node
};

// ---- Streams -----------------------------------------------------------------------------------

class StreamValue final : public CutValue, private value::StreamFreeze {
 public:
  StreamValue(Keyspace& keyspace, CutValues& values, Stripe& stripe, const value::Stream& stream)
      : CutValue(keyspace, values, stripe, stream.node_count(), kNever),
        value::StreamFreeze(stream) {}
  ~StreamValue() override { End(); }
  static StreamValue* From(value::StreamFreeze* freeze) {
    return static_cast<StreamValue*>(freeze);
  }

 private:
  bool Walk() override { return has_nodes_ ? WalkNodes() : WalkGroups(); }
  // What takes time, making listpacks of the nodes, is done without the lock.
  bool WalkNodes() {
    Taken nodes;
    Locked([&] { has_nodes_ = TakeNodes(CutPiece::kBytes, &nodes); });
    nodes.ForEach([this](const value::StreamPart& part) { Add(CutPiece::Element::Of(part)); });
    return false;
  }
  bool WalkGroups() {
    bool done = false;
    Locked([&] {
      done = ReadGroups(
          kWalkStep, [this](const value::StreamPart& part) { Add(CutPiece::Element::Of(part)); });
      if (done) LetGo();
    });
    return done;
  }
  void LetGo() override { Thaw(); }
  void Keeps(std::size_t bytes) override { CountKept(bytes); }
  void LetsGo(std::size_t bytes) override { CountLetGo(bytes); }

  bool has_nodes_ = true;
};

// ---- Finding -----------------------------------------------------------------------------------

// Nobody else cuts a collection.
template <class V>
CutValue* ReaderOf(const V& collection) {
  ds::SegmentTableBase* table = collection.cut_table();
  if (table == nullptr || !table->is_cutting()) return nullptr;
  return static_cast<TableValue*>(table->cut_sink());
}
CutValue* ReaderOf(const value::List& list) {
  value::ListChain* chain = list.large_form();
  if (chain == nullptr || chain->freeze() == nullptr) return nullptr;
  return ListValue::From(chain->freeze());
}
CutValue* ReaderOf(const value::Stream& stream) {
  return stream.freeze() == nullptr ? nullptr : StreamValue::From(stream.freeze());
}

ds::SegmentTableBase* TableOf(const Entry& entry) {
  switch (entry.type()) {
    case Type::kHash:
      return entry.as<value::Hash>().cut_table();
    case Type::kSet:
      return entry.as<value::Set>().cut_table();
    case Type::kSortedSet:
      return entry.as<value::SortedSet>().cut_table();
    case Type::kString:
    case Type::kList:
    case Type::kStream:
      break;
  }
  return nullptr;
}

}  // namespace

// ---- Life --------------------------------------------------------------------------------------

std::unique_ptr<CutValue> CutValue::Begin(Keyspace& keyspace, CutValues& values, Stripe& stripe,
                                          const Entry& entry, std::size_t whole_bytes_max) {
  if (!entry.is_collection() || entry.beside_bytes() <= whole_bytes_max) return nullptr;
  if (entry.type() == Type::kList) {
    value::ListChain* chain = entry.as<value::List>().large_form();
    if (chain == nullptr) return nullptr;
    return std::make_unique<ListValue>(keyspace, values, stripe, *chain);
  }
  if (entry.type() == Type::kStream)
    return std::make_unique<StreamValue>(keyspace, values, stripe, entry.as<value::Stream>());
  ds::SegmentTableBase* table = TableOf(entry);
  if (table == nullptr) return nullptr;
  return std::make_unique<TableValue>(keyspace, values, stripe, entry.type(), *table);
}

CutValue* CutValue::Of(const Entry& entry) {
  if (!entry.is_collection()) return nullptr;
  return entry.Visit([](const auto& collection) { return ReaderOf(collection); });
}

CutValue::CutValue(Keyspace& keyspace, CutValues& values, Stripe& stripe, std::uint64_t size,
                   UnixMs first_time)
    : keyspace_(keyspace), values_(values), size_(size), first_time_(first_time), stripe_(&stripe) {
  values_.Add();
}

CutValue::~CutValue() {
  DCHECK(ended_);
  keyspace_.cut_backlog().Remove(open_.bytes() + kept_bytes_.load(std::memory_order_relaxed));
  while (Pop().has_value()) continue;
}

// A moment later it may be another stripe's.
void CutValue::Locked(FunctionRef<void()> fn) {
  for (;;) {
    Stripe* const stripe = stripe_.load(std::memory_order_acquire);
    const WalkLock hold(keyspace_, *stripe);
    if (stripe == stripe_.load(std::memory_order_relaxed)) return fn();
  }
}

void CutValue::End() {
  if (ended_) return;
  Locked([this] { LetGo(); });
  GiveBack();
}

// ---- Reading -----------------------------------------------------------------------------------

void CutValue::Add(const CutPiece::Element& element) {
  const std::size_t before = open_.bytes();
  open_.Add(element);
  keyspace_.cut_backlog().Add(open_.bytes() - before);
  if (!open_.is_full()) return;
  const MutexLock hold(mu_);
  pieces_.push_back(std::exchange(open_, CutPiece()));
}

std::optional<CutPiece> CutValue::Pop() {
  std::optional<CutPiece> piece;
  {
    const MutexLock hold(mu_);
    if (pieces_.empty()) return std::nullopt;
    piece = std::move(pieces_.front());
    pieces_.pop_front();
  }
  keyspace_.cut_backlog().Remove(piece->bytes());
  return piece;
}

// What writers have handed out comes first: it is what keeps memory.
std::optional<CutPiece> CutValue::Next() {
  for (;;) {
    if (std::optional<CutPiece> piece = Pop()) return piece;
    if (ended_) return std::nullopt;
    if (!Walk()) continue;
    GiveBack();
    const MutexLock hold(mu_);
    if (!open_.empty()) pieces_.push_back(std::exchange(open_, CutPiece()));
  }
}

void CutValue::CountKept(std::size_t bytes) {
  keyspace_.cut_backlog().Add(bytes);
  kept_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void CutValue::CountLetGo(std::size_t bytes) {
  kept_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  keyspace_.cut_backlog().Remove(bytes);
}

// Nobody changes the collection's cut any more.
void CutValue::GiveBack() {
  ended_ = true;
  std::visit(
      [this]<class V>(V& kept) {
        if constexpr (!std::is_same_v<V, std::monostate>) keyspace_.trash().Add(std::move(kept));
      },
      kept_);
  kept_ = std::monostate();
  values_.Remove();
}

}  // namespace cairn::keyspace
