// SPDX-License-Identifier: BSD-3-Clause
// The two forms share the walk and the sink. Keys come in any order of databases, as the cut hands
// them out, so the file says with each change of database which one follows, and how large it is
// only once.
#include "persist/image.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "codec/aof.h"
#include "codec/dump.h"
#include "codec/rdb_writer.h"
#include "commands/namespaces.h"
#include "keyspace/access.h"
#include "keyspace/txn.h"
#include "persist/file_sink.h"
#include "persist/image_work.h"
#include "persist/notes_words.h"
#include "persist/value_commands.h"
#include "value/lock.h"

namespace cairn::persist {
namespace {

using keyspace::Cut;
using keyspace::CutPiece;
using keyspace::CutValue;
using keyspace::Entry;
using keyspace::Keyspace;

// The numbers of tags' bumps are in no file: what they have made an end of is left out.
bool IsDead(const Entry& entry) { return keyspace::internal::IsDead(entry); }

constexpr std::size_t kNameAndKey = 2;

class RdbImage {
 public:
  RdbImage(Keyspace& keyspace, const Cut& cut, const scripting::LibrarySet& libraries,
           io::File& file, const ImageFormat& format, codec::ByteSink& sink)
      : cut_(cut),
        file_(file),
        policy_(keyspace.tunables().policy()),
        decay_minutes_(keyspace.tunables().lfu_decay_minutes.load(std::memory_order_relaxed)),
        now_ms_(keyspace.clock().NowUnixMs()),
        announced_(keyspace.database_count(), false),
        writer_(sink, {.compression = format.compression, .checksum = format.checksum}) {
    writer_.Aux("redis-ver", format.server_version);
    writer_.Aux("redis-bits", "64");
    writer_.Aux("ctime", Int64ToString(now_ms_ / 1000));
    writer_.Aux("used-mem", Int64ToString(format.used_memory));
    writer_.Aux("aof-base", format.is_aof_base ? "1" : "0");
    // Redis passes over what it does not know.
    if (const std::int64_t fence = keyspace.fences().last(); fence > 0)
      writer_.Aux(kFenceAux, Int64ToString(fence));
    for (const std::vector<std::string>& words : commands::DeclaredByCommand(keyspace)) {
      const std::vector<std::string_view> views(words.begin(), words.end());
      writer_.Aux(kNamespaceField, PackWords(views));
    }
    libraries.ForEach([this](std::string_view source) { writer_.Function(source); });
  }

  void Add(DbId db, UnixMs expiry, const Entry& entry) {
    if (IsDead(entry)) return;
    if (std::cmp_greater_equal(db.value, announced_.size())) return AddShadow(db, expiry, entry);
    if (db_ != db) Select(db);
    AddNotes(entry, expiry);
    const codec::RdbKey key = KeyOf(entry, expiry);
    if (!entry.is_collection()) return writer_.Key(key, entry.value());
    entry.Visit([&](const auto& value) { writer_.Key(key, value); });
  }

  // A value in pieces: begun, then each piece, then its end.
  void Begin(DbId db, UnixMs expiry, const Entry& entry, const CutValue& value) {
    is_dead_ = IsDead(entry);
    if (is_dead_) return;
    if (db_ != db) Select(db);
    AddNotes(entry, expiry);
    const codec::RdbKey key = KeyOf(entry, expiry);
    are_timed_ = value.first_time() != kNever;
    switch (entry.type()) {
      case keyspace::Type::kHash:
        return are_timed_ ? writer_.BeginTimedHash(key, value.size(), value.first_time())
                          : writer_.BeginHash(key, value.size());
      case keyspace::Type::kSet:
        return writer_.BeginSet(key, value.size());
      case keyspace::Type::kSortedSet:
        return writer_.BeginSortedSet(key, value.size());
      case keyspace::Type::kList:
        return writer_.BeginListNodes(key, value.size());
      case keyspace::Type::kStream:
        return writer_.BeginStream(key, value.size());
      case keyspace::Type::kString:
        break;
    }
    CHECK(false);
  }
  void AddPiece(DbId, const Entry& entry, const CutPiece& piece) {
    if (is_dead_) return;
    piece.ForEach([&](const CutPiece::Element& element) {
      if (entry.type() == keyspace::Type::kList) {
        writer_.ListNode(element.node());
      } else if (entry.type() == keyspace::Type::kStream) {
        writer_.StreamPart(element.stream_part());
      } else if (entry.type() == keyspace::Type::kSet) {
        writer_.Member(element.name);
      } else if (entry.type() == keyspace::Type::kSortedSet) {
        writer_.Scored(element.name, element.score);
      } else if (are_timed_) {
        writer_.TimedField(element.name, element.value, element.when);
      } else {
        writer_.Field(element.name, element.value);
      }
    });
  }
  void EndPieces(DbId, UnixMs, const Entry&) {}
  const Status& status() const { return writer_.status(); }

  // The file says its version first, so one that turned out to need another is mended.
  Status End() {
    const int version = writer_.version_needed();
    if (Status ended = writer_.End(version); !ended.ok()) return ended;
    if (version == codec::kRdbVersionUsual) return {};
    return file_.Overwrite(0, codec::RdbHeader(version));
  }

 private:
  void Select(DbId db) {
    db_ = db;
    writer_.SelectDb(db);
    if (announced_[db.value]) return;
    announced_[db.value] = true;
    const keyspace::DatabaseSize size = cut_.size(db);
    writer_.ResizeDb(size.keys, size.volatile_keys);
  }

  void AddNotes(const Entry& entry, UnixMs expiry) {
    if (entry.notes() == nullptr) return;
    const commands::EffectWords words = WordsOf(entry, expiry, false);
    const std::vector<std::string_view> all = words.views();
    writer_.Aux(kNotesField, PackWords(std::span(all).subspan(kNameAndKey)));
  }
  void AddShadow(DbId db, UnixMs expiry, const Entry& entry) {
    const commands::EffectWords words = WordsOf(entry, expiry, true);
    const std::string number = std::to_string(db.value - announced_.size());
    std::vector<std::string_view> all = {number};
    std::ranges::copy(words.views(), std::back_inserter(all));
    writer_.Aux(kAbsentField, PackWords(all));
  }

  codec::RdbKey KeyOf(const Entry& entry, UnixMs expiry) const {
    codec::RdbKey key{.key = entry.key(), .expiry = expiry};
    if (keyspace::IsLfu(policy_)) {
      key.frequency = keyspace::DecayedFrequency(entry.access(), now_ms_, decay_minutes_);
    } else if (policy_ == keyspace::EvictionPolicy::kVolatileLru ||
               policy_ == keyspace::EvictionPolicy::kAllkeysLru) {
      key.idle_seconds = static_cast<std::uint64_t>(keyspace::IdleSeconds(entry.access(), now_ms_));
    }
    return key;
  }

  const Cut& cut_;
  io::File& file_;
  const keyspace::EvictionPolicy policy_;
  const int decay_minutes_;
  const UnixMs now_ms_;
  std::vector<bool> announced_;
  std::optional<DbId> db_;
  bool are_timed_ = false;  // the fields that come in pieces
  bool is_dead_ = false;    // what comes in pieces
  codec::RdbWriter writer_;
};

class CommandImage {
 public:
  static constexpr std::size_t kBufferBytes = 64UL * 1024;

  CommandImage(Keyspace& keyspace, const scripting::LibrarySet& libraries, std::int64_t fence,
               io::File& file, codec::ByteSink& sink)
      : database_count_(keyspace.database_count()), file_(file), sink_(sink) {
    if (fence > 0) AddFence(fence);
    for (const std::vector<std::string>& words : commands::DeclaredByCommand(keyspace)) {
      std::vector<std::string_view> args = {"NAMESPACE.SET"};
      args.insert(args.end(), words.begin(), words.end());
      AddCommand(DbId(0), args);
    }
    libraries.ForEach([this](std::string_view source) {
      const std::string_view args[] = {"FUNCTION", "LOAD", source};
      AddCommand(DbId(0), args);
    });
  }

  // As a lock that comes and goes, before any key is there: whoever replays it, ends without it.
  void AddFence(std::int64_t fence) {
    const std::string lock = value::FormatLock({.fence = fence, .owner = "-"});
    const std::string_view comes[] = {"SET", kFenceAux, lock};
    const std::string_view goes[] = {"DEL", kFenceAux};
    AddCommand(DbId(0), comes);
    AddCommand(DbId(0), goes);
  }

  void Add(DbId db, UnixMs expiry, const Entry& entry) {
    if (IsDead(entry)) return;
    if (db.value >= database_count_) {
      return AddCommand(DbId(db.value - database_count_), WordsOf(entry, expiry, true).views());
    }
    ForEachCommandOf(entry, expiry,
                     [&](std::span<const std::string_view> args) { AddCommand(db, args); });
    AddNotes(db, expiry, entry);
  }
  void Begin(DbId db, UnixMs, const Entry& entry, const CutValue& value) {
    is_dead_ = IsDead(entry);
    if (is_dead_) return;
    if (entry.type() == keyspace::Type::kStream) BeginRestore(db, entry.key(), value.size());
  }
  void AddPiece(DbId db, const Entry& entry, const CutPiece& piece) {
    if (is_dead_) return;
    if (!payload_) {
      return ForEachCommandOf(
          entry, piece, [&](std::span<const std::string_view> args) { AddCommand(db, args); });
    }
    piece.ForEach([this](const CutPiece::Element& element) {
      codec::WriteStreamPart(*payload_, element.stream_part());
    });
    Note(payload_->status());
  }
  void EndPieces(DbId db, UnixMs expiry, const Entry& entry) {
    if (is_dead_) return;
    if (payload_) EndRestore();
    ForEachCommandOfExpiry(entry.key(), expiry,
                           [&](std::span<const std::string_view> args) { AddCommand(db, args); });
    AddNotes(db, expiry, entry);
  }
  const Status& status() const { return status_; }
  Status End() {
    Flush();
    return status_;
  }

 private:
  void AddNotes(DbId db, UnixMs expiry, const Entry& entry) {
    if (entry.notes() != nullptr) AddCommand(db, WordsOf(entry, expiry, false).views());
  }
  void AddCommand(DbId db, std::span<const std::string_view> args) {
    const log::EffectView effect[] = {{.db = db, .args = args}};
    encoder_.Append(effect, 0, &buffer_);
    if (buffer_.size() >= kBufferBytes) Flush();
  }
  // The payload of a stream's RESTORE goes to the file as it comes; its size is known at its end
  // and written over the zeros that stand in front of it until then.
  void BeginRestore(DbId db, std::string_view key, std::uint64_t nodes) {
    const std::string_view args[] = {"RESTORE", key, "0"};
    encoder_.AppendOpen({.db = db, .args = args}, &buffer_);
    Flush();
    payload_at_ = file_.size();
    payload_.emplace(sink_, codec::RdbCompression::kNone);
    payload_->Byte(static_cast<std::uint8_t>(codec::RdbType::kStream2));
    payload_->Length(nodes);
  }
  void EndRestore() {
    codec::EndDump(*payload_, codec::RdbType::kStream2);
    Note(payload_->Flush());
    const std::string size = codec::AofEncoder::OpenSize(payload_->bytes_written());
    payload_.reset();
    if (status_.ok()) Note(file_.Overwrite(payload_at_ - size.size(), size));
    buffer_.append("\r\n");
  }

  void Note(const Status& status) {
    if (status_.ok()) status_ = status;
  }
  void Flush() {
    if (status_.ok() && !buffer_.empty()) status_ = sink_.Write(buffer_);
    buffer_.clear();
  }

  const std::uint32_t database_count_;
  bool is_dead_ = false;  // what comes in pieces
  io::File& file_;
  codec::ByteSink& sink_;
  codec::AofEncoder encoder_;
  std::string buffer_;
  std::optional<codec::RdbOutput> payload_;  // of the RESTORE at hand
  std::uint64_t payload_at_ = 0;             // in the file
  Status status_;
};

// The saver's part of it.
template <class Form>
void TakeStepsWithOthers(ImageWork<Form>& work, SaveSteps& steps) {
  const auto step_aside = [&work] { return work.StepAside(); };
  const SaveSteps::Offer offer(steps, step_aside);
  for (bool goes_on = true; goes_on;) {
    const bool is_woken = steps.Rest();
    const MutexLock hold(steps.mu());
    goes_on = is_woken && !work.is_left_to_saver() ? work.WriteKept() : work.Step();
  }
}

template <class Form>
Status WriteAll(ImageWork<Form> work, SaveSteps* steps) {
  if (steps != nullptr) {
    TakeStepsWithOthers(work, *steps);
  } else {
    while (work.Step()) continue;
  }
  return work.End();
}

}  // namespace

Status SaveGivenUp() { return {StatusCode::kClosed, "the save was given up"}; }

bool WasGivenUp(const Status& saved) { return !saved.ok() && saved.code() == StatusCode::kClosed; }

Status WriteImage(Keyspace& keyspace, Cut& cut, const scripting::LibrarySet& libraries,
                  io::File& file, const ImageFormat& format, SaveSteps* steps,
                  SaveProgress& progress) {
  std::uint64_t keys = 0;
  for (std::uint32_t db = 0; db < keyspace.database_count(); ++db) keys += cut.size(DbId(db)).keys;
  progress.Begin(keys);
  FileSink sink(file, format, progress);
  const auto write = [&](auto& image) {
    return WriteAll(ImageWork(cut, keyspace.cut_backlog(), image, sink, format, steps, progress),
                    steps);
  };
  Status written;
  if (format.form == ImageFormat::Form::kRdb) {
    RdbImage image(keyspace, cut, libraries, file, format, sink);
    written = write(image);
  } else {
    CommandImage image(keyspace, libraries, keyspace.fences().last(), file, sink);
    written = write(image);
  }
  return written.ok() ? sink.Sync() : written;
}

}  // namespace cairn::persist
