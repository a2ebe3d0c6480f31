// SPDX-License-Identifier: BSD-3-Clause
// The ring behind CommandLog.
//
// A record is a 16-byte header {payload bytes, database, argument count} and a payload
// of (u32 size, bytes) per argument, rounded up to granules. The road not taken: a mutex-guarded
// buffer, which went from 81 to 666 ns a write with a second writer (docs/decisions/0009).
#include "log/command_log.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/prefetch.h"

namespace cairn::log {
namespace {

std::size_t RoundUp(std::size_t bytes) {
  return (bytes + CommandLog::kGranuleBytes - 1) / CommandLog::kGranuleBytes *
         CommandLog::kGranuleBytes;
}

// The database of a record that holds a group.
constexpr DbId kGroupDb(UINT32_MAX);

// A ring is larger than a core's cache. What is written a few records from now is asked for, so far
// ahead.
constexpr std::size_t kAheadBytes = 1024;
constexpr std::size_t kLineBytes = 64;
// Of a long record only its beginning: the processor sees for itself where a long copy goes.
constexpr std::size_t kAskedBytesMax = 512;

// Calls `ask(at)` with a position in each line so far ahead, for a record of `bytes` at `position`.
template <class Ask>
void ForLinesAhead(std::uint64_t position, std::size_t bytes, Ask ask) {
  const std::uint64_t end = position + kAheadBytes + std::min(bytes, kAskedBytesMax);
  for (std::uint64_t at = position + kAheadBytes; at < end; at += kLineBytes) ask(at);
}

std::size_t PayloadBytes(std::span<const std::string_view> args) {
  std::size_t bytes = 0;
  for (const std::string_view arg : args) bytes += sizeof(std::uint32_t) + arg.size();
  return bytes;
}

// Encodes the arguments one after another through `put(data, size)`.
template <class Put>
void EncodeArgs(std::span<const std::string_view> args, Put put) {
  for (const std::string_view arg : args) {
    const auto size = static_cast<std::uint32_t>(arg.size());
    put(&size, sizeof(size));
    put(arg.data(), arg.size());
  }
}

}  // namespace

struct CommandLog::Record {
  std::uint64_t payload_bytes;
  std::uint32_t db;
  std::uint32_t arg_count;
  // Beside the ring, since it is large.
  bool on_heap() const { return payload_bytes > kInlineRecordBytesMax; }
};

CommandLog::CommandLog(std::size_t ring_bytes) : ring_bytes_(ring_bytes) {
  CHECK((ring_bytes & (ring_bytes - 1)) == 0);
  CHECK(ring_bytes >= 4 * kInlineRecordBytesMax);
}

CommandLog::~CommandLog() {
  MutexLock hold(readers_mu_);
  CHECK(readers_.empty());
}

std::size_t CommandLog::RecordBytes(std::span<const std::string_view> args) {
  const std::size_t payload = PayloadBytes(args);
  return RoundUp(sizeof(Record) + (payload <= kInlineRecordBytesMax ? payload : 0));
}

bool CommandLog::TakeCredit(std::size_t bytes, For whom) {
  const bool is_counted = bytes > kSmallCreditMax;
  const std::uint64_t promised =
      bytes + (is_counted ? credit_.fetch_add(bytes, std::memory_order_relaxed)
                          : credit_.load(std::memory_order_relaxed));
  const std::uint64_t wanted_end = end_.load(std::memory_order_acquire) + promised;
  if (HasRoom(wanted_end, floor_.load(std::memory_order_acquire), whom) ||
      MakeRoom(wanted_end, whom)) {
    return true;
  }
  ReturnCredit(bytes);
  return false;
}

void CommandLog::ReturnCredit(std::size_t bytes) {
  if (bytes > kSmallCreditMax) credit_.fetch_sub(bytes, std::memory_order_relaxed);
}

void CommandLog::WaitForRoom(std::int64_t timeout_us) {
  room_waiters_.fetch_add(1, std::memory_order_relaxed);
  room_.WaitFor(timeout_us);
  room_waiters_.fetch_sub(1, std::memory_order_relaxed);
}

std::uint64_t CommandLog::SlowestPosition() {
  std::uint64_t slowest = end_.load(std::memory_order_acquire);
  for (const Reader* reader : readers_) {
    if (!reader->lost()) slowest = std::min(slowest, reader->position().value);
  }
  return slowest;
}

bool CommandLog::HasRoom(std::uint64_t wanted_end, std::uint64_t slowest, For whom) const {
  const std::size_t kept_bytes = ring_bytes_ / (whom == For::kOther ? 8 : 4);
  const std::size_t big_bytes_max = kBigPayloadBytesMax * (whom == For::kOther ? 2 : 1);
  return wanted_end - slowest <= ring_bytes_ - kept_bytes &&
         big_bytes_.load(std::memory_order_relaxed) <= big_bytes_max;
}

// Recomputes the floor; then gives up may-lag readers that stand in the way. A reader that is
// copying a record out at this moment finishes within microseconds, so its state is simply asked
// again.
bool CommandLog::MakeRoom(std::uint64_t wanted_end, For whom) {
  MutexLock hold(readers_mu_);
  DropBigPayloads();
  // Behind this position nobody is but laggards, so losing them makes room.
  std::uint64_t kept = end_.load(std::memory_order_acquire);
  for (const Reader* reader : readers_) {
    if (reader->lag_ == Lag::kMustKeep) kept = std::min(kept, reader->position().value);
  }
  for (Reader* reader : readers_) {
    while (reader->lag_ == Lag::kMayLag && reader->position().value < kept &&
           !HasRoom(wanted_end, reader->position().value, whom)) {
      std::uint32_t idle = Reader::kIdle;
      if (reader->state_.compare_exchange_strong(idle, Reader::kLost, std::memory_order_acq_rel) ||
          idle == Reader::kLost) {
        break;
      }
    }
  }
  const std::uint64_t slowest = SlowestPosition();
  floor_.store(slowest, std::memory_order_release);
  DropBigPayloads();
  if (HasRoom(wanted_end, slowest, whom)) return true;
  for (const Reader* reader : readers_) {
    Event* wake = reader->wake_.load(std::memory_order_acquire);
    if (wake != nullptr) wake->Notify();
  }
  return false;
}

Lsn CommandLog::Append(DbId db, std::span<const std::string_view> args) {
  const std::size_t payload_bytes = PayloadBytes(args);
  const Record record{.payload_bytes = payload_bytes,
                      .db = db.value,
                      .arg_count = static_cast<std::uint32_t>(args.size())};
  const std::size_t record_bytes = RoundUp(sizeof(Record) + (record.on_heap() ? 0 : payload_bytes));
  const std::uint64_t position = end_.fetch_add(record_bytes, std::memory_order_acq_rel);
  AskAhead(position, record_bytes);
  const std::size_t offset = position & (ring_bytes_ - 1);
  if (!record.on_heap() && record_bytes <= ring_bytes_ - offset) [[likely]] {
    char* at = ring_.get() + offset;
    const auto put = [&](const void* data, std::size_t size) {
      std::memcpy(at, data, size);
      at += size;
    };
    put(&record, sizeof(record));
    EncodeArgs(args, put);
  } else {
    WriteElsewhere(position, record, args);
  }
  // release: the payload is readable before its commit word says so.
  commits_[position / kGranuleBytes & (ring_bytes_ / kGranuleBytes - 1)].store(
      position + 1, std::memory_order_release);
  return Lsn(position + record_bytes);
}

void CommandLog::AskAhead(std::uint64_t position, std::size_t record_bytes) {
  ForLinesAhead(position, record_bytes, [this](std::uint64_t at) {
    PrefetchLineToWrite(ring_.get() + (at & (ring_bytes_ - 1)));
  });
  const std::uint64_t granule = (position + kAheadBytes) / kGranuleBytes;
  PrefetchLineToWrite(&commits_[granule & (ring_bytes_ / kGranuleBytes - 1)]);
}

// All effects as one list of words: of each its database, how many words it has, and these.
Lsn CommandLog::AppendGroup(std::span<const Effect> effects) {
  CHECK(!effects.empty());
  if (effects.size() == 1) {
    const std::vector<std::string_view> args(effects[0].args.begin(), effects[0].args.end());
    return Append(effects[0].db, args);
  }
  std::vector<std::array<std::uint32_t, 2>> heads;
  heads.reserve(effects.size());
  std::vector<std::string_view> words;
  for (const Effect& effect : effects) {
    heads.push_back({effect.db.value, static_cast<std::uint32_t>(effect.args.size())});
    words.emplace_back(reinterpret_cast<const char*>(heads.back().data()), sizeof(heads.back()));
    words.insert(words.end(), effect.args.begin(), effect.args.end());
  }
  return Append(kGroupDb, words);
}

// A record that goes round the ring's end, or whose payload lies beside the ring.
void CommandLog::WriteElsewhere(std::uint64_t position, const Record& record,
                                std::span<const std::string_view> args) {
  CopyIn(position, &record, sizeof(record));
  std::uint64_t at = position + sizeof(record);
  if (!record.on_heap()) {
    EncodeArgs(args, [&](const void* data, std::size_t size) {
      CopyIn(at, data, size);
      at += size;
    });
    return;
  }
  auto payload = std::make_unique<std::string>();
  payload->reserve(record.payload_bytes);
  EncodeArgs(args, [&](const void* data, std::size_t size) {
    payload->append(static_cast<const char*>(data), size);
  });
  const std::shared_ptr<std::string> shared = std::move(payload);
  big_bytes_.fetch_add(record.payload_bytes, std::memory_order_relaxed);
  MutexLock hold(payloads_mu_);
  big_payloads_.emplace(position, shared);
}

void CommandLog::CopyIn(std::uint64_t position, const void* from, std::size_t size) {
  const std::size_t offset = position & (ring_bytes_ - 1);
  const std::size_t first = std::min(size, ring_bytes_ - offset);
  if (first > 0) std::memcpy(ring_.get() + offset, from, first);
  if (size > first) std::memcpy(ring_.get(), static_cast<const char*>(from) + first, size - first);
}

std::string_view CommandLog::ViewAround(std::size_t offset, std::size_t size,
                                        std::string& scratch) const {
  const std::size_t first = ring_bytes_ - offset;
  scratch.assign(ring_.get() + offset, first);
  scratch.append(ring_.get(), size - first);
  return scratch;
}

std::unique_ptr<Reader> CommandLog::Attach(Lag lag) {
  MutexLock hold(readers_mu_);
  if (ring_ == nullptr) {
    ring_ = ds::MapMemory(ring_bytes_);
    commits_ = std::make_unique<std::atomic<std::uint64_t>[]>(ring_bytes_ / kGranuleBytes);
  }
  std::unique_ptr<Reader> reader(new Reader(*this, lag, end_.load(std::memory_order_acquire)));
  if (readers_.empty()) floor_.store(reader->position().value, std::memory_order_release);
  readers_.push_back(reader.get());
  active_.store(true, std::memory_order_relaxed);
  return reader;
}

void CommandLog::Detach(Reader* reader) {
  {
    MutexLock hold(readers_mu_);
    std::erase(readers_, reader);
    if (readers_.empty()) active_.store(false, std::memory_order_relaxed);
    DropBigPayloads();
    floor_.store(SlowestPosition(), std::memory_order_release);
  }
  room_.Notify();
}

Reader::~Reader() { log_.Detach(this); }

bool Reader::Visit(Shown shown) {
  // Only who may lag can be overrun, and has to say that it is reading.
  std::uint32_t idle = kIdle;
  if (lag_ == Lag::kMayLag &&
      !state_.compare_exchange_strong(idle, kReading, std::memory_order_acq_rel))
    return false;
  const std::uint64_t position = position_.load(std::memory_order_relaxed);
  const bool is_there = IsPublished(position);
  const bool was_big = is_there && ShowAt(position, shown);
  if (lag_ == Lag::kMayLag) state_.store(kIdle, std::memory_order_release);
  if (was_big) {
    MutexLock hold(log_.readers_mu_);
    log_.DropBigPayloads();
  }
  if (is_there) log_.TellMoved();
  return is_there;
}

bool Reader::ShowAt(std::uint64_t position, Shown shown) {
  CommandLog::Record record;
  // Records begin at granules, so a header never goes round the end.
  std::memcpy(&record, log_.View(position, sizeof(record), scratch_).data(), sizeof(record));
  const bool is_big = record.on_heap();
  const std::size_t inline_bytes = is_big ? 0 : record.payload_bytes;
  ForLinesAhead(position, inline_bytes, [this](std::uint64_t at) {
    PrefetchLine(log_.ring_.get() + (at & (log_.ring_bytes_ - 1)));
  });
  const std::shared_ptr<const std::string> beside = is_big ? log_.BigPayload(position) : nullptr;
  Decode(is_big ? std::string_view(*beside)
                : log_.View(position + sizeof(record), inline_bytes, scratch_),
         record.arg_count, DbId(record.db));
  shown(effects_);
  // release: the room may be written again.
  position_.store(position + RoundUp(sizeof(record) + inline_bytes), std::memory_order_release);
  return is_big;
}

void Reader::Decode(std::string_view payload, std::uint32_t arg_count, DbId db) {
  args_.resize(arg_count);
  const char* at = payload.data();
  const char* const end = at + payload.size();
  for (std::string_view& arg : args_) {
    std::uint32_t size;
    CHECK(static_cast<std::size_t>(end - at) >= sizeof(size));
    std::memcpy(&size, at, sizeof(size));
    at += sizeof(size);
    CHECK(static_cast<std::size_t>(end - at) >= size);
    arg = {at, size};
    at += size;
  }
  CHECK(at == end);
  effects_.clear();
  if (db == kGroupDb) return DecodeGroup();
  effects_.push_back({.db = db, .args = args_});
}

void Reader::DecodeGroup() {
  const std::span<const std::string_view> words = args_;
  for (std::size_t i = 0; i < words.size();) {
    std::array<std::uint32_t, 2> head;
    CHECK(words[i].size() == sizeof(head));
    std::memcpy(head.data(), words[i++].data(), sizeof(head));
    CHECK(head[1] <= words.size() - i);
    effects_.push_back({.db = DbId(head[0]), .args = words.subspan(i, head[1])});
    i += head[1];
  }
}

std::optional<Effect> Reader::Next() {
  if (unpacked_.empty()) {
    Visit([this](std::span<const EffectView> effects) {
      for (const EffectView& effect : effects)
        unpacked_.push_back({.db = effect.db, .args = {effect.args.begin(), effect.args.end()}});
    });
    if (unpacked_.empty()) return std::nullopt;
    if (unpacked_.size() > 1) {
      unpacked_.push_front({.db = unpacked_.front().db, .args = {"MULTI"}});
      unpacked_.push_back({.db = unpacked_.back().db, .args = {"EXEC"}});
    }
  }
  Effect effect = std::move(unpacked_.front());
  unpacked_.pop_front();
  return effect;
}

std::shared_ptr<const std::string> CommandLog::BigPayload(std::uint64_t position) {
  MutexLock hold(payloads_mu_);
  const auto found = big_payloads_.find(position);
  CHECK(found != big_payloads_.end());
  return found->second;
}

void CommandLog::DropBigPayloads() {
  if (big_bytes_.load(std::memory_order_relaxed) == 0) return;
  const std::uint64_t slowest = SlowestPosition();
  MutexLock hold(payloads_mu_);
  const auto end = big_payloads_.lower_bound(slowest);
  for (auto payload = big_payloads_.begin(); payload != end; ++payload) {
    big_bytes_.fetch_sub(payload->second->size(), std::memory_order_relaxed);
  }
  big_payloads_.erase(big_payloads_.begin(), end);
}

}  // namespace cairn::log
