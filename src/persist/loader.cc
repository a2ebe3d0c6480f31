// SPDX-License-Identifier: BSD-3-Clause
// Part after part of the file; a key is stored as RESTORE does it, but in silence.
#include "persist/loader.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/function_ref.h"
#include "base/random.h"
#include "base/text.h"
#include "commands/namespaces.h"
#include "keyspace/access.h"
#include "keyspace/txn.h"
#include "persist/file_source.h"
#include "persist/image.h"
#include "persist/notes_words.h"
#include "value/lock.h"

namespace cairn::persist {
namespace {

using codec::RdbItem;
using codec::RdbReader;
using codec::RdbValue;
using keyspace::CacheNotes;
using keyspace::Found;
using keyspace::KeyLocks;
using keyspace::KeyRef;
using keyspace::Keyspace;
using keyspace::Txn;

// Keys between two looks at the clock and at whether to stop.
constexpr std::uint64_t kKeysPerLook = 128;

codec::RdbValueLimits LimitsOf(const keyspace::Tunables& tunables) {
  const auto get = [](const auto& tunable) { return tunable.load(std::memory_order_relaxed); };
  return {.list = {.node_fill = get(tunables.list_node_fill),
                   .compress_depth = get(tunables.list_compress_depth)},
          .hash = {.packed_entries = get(tunables.hash_packed_entries),
                   .packed_value_bytes = get(tunables.hash_packed_value_bytes)},
          .set = {.int_entries = get(tunables.set_int_entries),
                  .packed_entries = get(tunables.set_packed_entries),
                  .packed_value_bytes = get(tunables.set_packed_value_bytes)},
          .sorted_set = {.packed_entries = get(tunables.sorted_set_packed_entries),
                         .packed_value_bytes = get(tunables.sorted_set_packed_value_bytes)}};
}

class Load {
 public:
  Load(Keyspace& keyspace, codec::ByteSource& source, const LoadOptions& options,
       LoadProgress& progress)
      : keyspace_(keyspace),
        options_(options),
        progress_(progress),
        reader_(source,
                [&keyspace](std::string_view key) {
                  return value::TableHome{keyspace.stripe(keyspace.Ref(key).stripe).arena,
                                          keyspace.seed()};
                },
                {.limits = LimitsOf(keyspace.tunables()),
                 .verify_checksum = options.verify_checksum,
                 .module_aux = options.module_aux}),
        random_(SecureRandomUint64()),
        viewer_(DbId(0), keyspace.clock().NowUnixMs(), random_) {
    viewer_.sees_expiry = viewer_.counts = false;  // times are those of the file, no namespace's
  }

  Result<Loaded> Run() {
    RdbItem item;
    do {
      if (Status read = reader_.Next(&item); !read.ok()) return std::unexpected(read);
      if (Status taken = Take(item); !taken.ok()) return std::unexpected(taken);
    } while (item.kind != RdbItem::Kind::kEnd);
    Look();
    loaded_.end = reader_.offset();
    loaded_.empty_keys = reader_.empty_keys();
    return std::move(loaded_);
  }

 private:
  Status Take(RdbItem& item) {
    switch (item.kind) {
      case RdbItem::Kind::kAux:
        return TakeAux(item);
      case RdbItem::Kind::kDb:
        return Select(item.db);
      case RdbItem::Kind::kFunction:
        return TakeLibrary(item);
      case RdbItem::Kind::kKey:
        return TakeKey(item);
      case RdbItem::Kind::kResize:
      case RdbItem::Kind::kSlot:
      case RdbItem::Kind::kEnd:
        break;
    }
    return {};
  }

  Status TakeLibrary(const RdbItem& item) {
    ++loaded_.functions;
    if (options_.libraries == nullptr) return {};
    const auto present = options_.present == LoadOptions::Present::kReplace
                             ? scripting::LibrarySet::Present::kReplace
                             : scripting::LibrarySet::Present::kRefuse;
    const Status added = options_.libraries->Add(item.text, present);
    return added.ok() ? added : Status(added.code(), WithPlace(std::string(added.message())));
  }

  Status TakeAux(const RdbItem& item) {
    if (item.name == kNotesField) return ReadNotes(item.text);
    if (item.name == kAbsentField) return TakeAbsent(item.text);
    if (item.name == kNamespaceField) return TakeNamespace(item.text);
    if (item.name == "redis-ver") loaded_.server_version = item.text;
    if (item.name == "ctime") loaded_.created_s = ParseInt64(item.text).value_or(0);
    if (item.name == "used-mem") {
      loaded_.used_memory = ParseInt64(item.text).value_or(0);
      progress_.set_used_memory(loaded_.used_memory);
    }
    if (item.name == kFenceAux) TakeFence(ParseInt64(item.text).value_or(0));
    return {};
  }

  Status TakeNamespace(std::string_view packed) {
    const auto words = UnpackWords(packed);
    if (!words || !commands::DeclareLoaded(keyspace_, *words).ok())
      return Trouble("malformed namespace");
    return {};
  }

  // What the caching commands have left in an effect's form.
  Result<std::unique_ptr<CacheNotes>> NotesFrom(std::span<const std::string_view> words) {
    const Result<commands::CacheOptions> options =
        commands::ReadCacheOptions(words, commands::kNoteOptions);
    if (!options || !options->is_effect()) return std::unexpected(Trouble("malformed cache notes"));
    keyspace_.tags().AtLeast(static_cast<std::uint64_t>(options->stamp));
    notes_expiry_ = options->expires_at == commands::kNotGiven ? kNever : options->expires_at;
    // The file does not tell whether the log has its entry.
    if (options->pin && !options->pin->is_of_log()) keyspace_.write_logs().Doubt();
    return commands::NotesOf(*options, keyspace_.tags());
  }

  // They stand in front of their key.
  Status ReadNotes(std::string_view packed) {
    const auto words = UnpackWords(packed);
    if (!words) return Trouble("malformed cache notes");
    auto notes = NotesFrom(*words);
    if (!notes) return notes.error();
    notes_ = std::move(*notes);
    return {};
  }

  // "db CACHE.ABSENT key option ..."
  Status TakeAbsent(std::string_view packed) {
    constexpr std::size_t kOptionsAt = 3;
    const auto words = UnpackWords(packed);
    const std::optional<std::int64_t> db =
        words && words->size() > kOptionsAt ? ParseInt64(words->front()) : std::nullopt;
    if (!db || *db < 0 || *db >= keyspace_.database_count())
      return Trouble("malformed cache notes");
    auto notes = NotesFrom(std::span(*words).subspan(kOptionsAt));
    if (!notes) return notes.error();
    (*notes)->is_negative = (*words)[1] == "CACHE.ABSENT";
    const KeyRef key = keyspace_.Ref((*words)[2]);
    const keyspace::Viewer viewer(DbId(static_cast<std::uint32_t>(*db)), viewer_.now_ms(), random_);
    UnderLock(key, [&](const KeyLocks& held) NO_THREAD_SAFETY_ANALYSIS {
      Txn txn(keyspace_, held, viewer);
      txn.SetShadow(key, std::move(*notes), notes_expiry_);
    });
    return {};
  }

  void UnderLock(const KeyRef& key, FunctionRef<void(const KeyLocks&)> work) {
    if (options_.held != nullptr) return work(*options_.held);
    KeyLocks locks(keyspace_);
    locks.AcquireStripe(key.stripe);
    work(locks);
    locks.Release();
  }

  // No less than these will be drawn, whatever else there was.
  void TakeFence(std::int64_t fence) {
    if (fence > 0 && fence <= value::kFenceMax)
      keyspace_.fences().ExceedLoaded(fence, viewer_.now_ms());
  }

  Status Select(DbId db) {
    if (db.value >= keyspace_.database_count()) {
      return Trouble("database " + std::to_string(db.value) + " where there are " +
                     std::to_string(keyspace_.database_count()));
    }
    viewer_.db = db;
    return {};
  }

  Status TakeKey(RdbItem& item) {
    if (++keys_seen_ % kKeysPerLook == 0) Look();
    if (progress_.is_stopping()) return {StatusCode::kClosed, "the load was given up"};
    if (options_.key_delay_us > 0) progress_.Sleep(options_.key_delay_us);
    std::unique_ptr<CacheNotes> notes = std::move(notes_);
    if (const auto* text = std::get_if<std::string_view>(&item.value); text != nullptr) {
      if (const auto lock = value::ParseLock(*text)) TakeFence(lock->fence);
    }
    if (options_.expired == LoadOptions::Expired::kDrop && item.expiry < viewer_.now_ms()) {
      ++loaded_.expired_keys;
      return {};
    }
    const KeyRef key = keyspace_.Ref(item.name);
    Status stored;
    UnderLock(
        key, [&](const KeyLocks& held) { stored = StoreUnder(held, key, item, std::move(notes)); });
    return stored;
  }

  Status StoreUnder(const KeyLocks& held, const KeyRef& key, RdbItem& item,
                    std::unique_ptr<CacheNotes> notes) NO_THREAD_SAFETY_ANALYSIS {
    Txn txn(keyspace_, held, viewer_);
    Found found = FindAnything(key);
    if (found && options_.present == LoadOptions::Present::kRefuse)
      return Trouble("the key '" + item.name + "' for the second time");
    Found stored = Store(txn, key, found, item.value);
    SetAccess(item, stored.entry);
    if (item.expiry != kNever) txn.SetExpiry(key, stored, item.expiry);
    if (notes != nullptr) txn.SetNotes(key, stored, std::move(notes));
    ++loaded_.keys;
    return {};
  }

  // Even what has expired meanwhile.
  Found FindAnything(const KeyRef& key) {
    return keyspace::internal::Lookup(keyspace_.stripe(key.stripe), viewer_.db, key);
  }

  static Found Store(Txn& txn, const KeyRef& key, Found& found, RdbValue& value) {
    return std::visit(
        [&]<class V>(V& held) {
          if constexpr (std::is_same_v<V, std::string_view>) {
            return txn.SetString(key, found, held, keyspace::Ttl::kDrop);
          } else {
            return txn.SetCollection(key, found, std::move(held));
          }
        },
        value);
  }

  // The access clock that the file has, if the eviction policy is one that has such.
  void SetAccess(const RdbItem& item, keyspace::Entry* entry) const {
    const auto policy = keyspace_.tunables().policy();
    if (keyspace::IsLfu(policy)) {
      if (item.frequency) entry->set_access(keyspace::LfuAccess(viewer_.now_ms(), *item.frequency));
    } else if (item.idle_seconds && !keyspace::IsS3Fifo(policy)) {
      constexpr std::uint64_t kIdleMax = std::numeric_limits<std::int32_t>::max();
      entry->set_access(keyspace::AccessOfIdle(
          viewer_.now_ms(), static_cast<std::int64_t>(std::min(*item.idle_seconds, kIdleMax))));
    }
  }

  void Look() {
    viewer_.set_now_ms(keyspace_.clock().NowUnixMs());
    progress_.set_bytes(reader_.offset());
  }

  std::string WithPlace(const std::string& what) const {
    return what + " at byte " + std::to_string(reader_.offset());
  }
  Status Trouble(const std::string& what) const { return {StatusCode::kCorrupt, WithPlace(what)}; }

  Keyspace& keyspace_;
  const LoadOptions& options_;
  LoadProgress& progress_;
  RdbReader reader_;
  Random random_;
  keyspace::Viewer viewer_;
  Loaded loaded_;
  std::uint64_t keys_seen_ = 0;
  std::unique_ptr<CacheNotes> notes_;  // of the key to come
  UnixMs notes_expiry_ = kNever;       // that the last notes told of
};

}  // namespace

Result<Loaded> LoadRdb(Keyspace& keyspace, codec::ByteSource& source, const LoadOptions& options,
                       LoadProgress& progress) {
  return Load(keyspace, source, options, progress).Run();
}

Result<Loaded> LoadRdbFile(io::Disk& disk, const std::string& path, Keyspace& keyspace,
                           const LoadOptions& options, LoadProgress& progress) {
  Result<std::unique_ptr<io::File>> file = disk.Open(path, io::OpenMode::kRead);
  if (!file) return std::unexpected(file.error());
  progress.Begin(keyspace.clock().NowUnixMs(), (*file)->size());
  FileSource source(**file);
  Result<Loaded> loaded = LoadRdb(keyspace, source, options, progress);
  if (loaded) return loaded;
  const Status& trouble = loaded.error();
  // Those of the disk name the path.
  const bool is_named = trouble.code() == StatusCode::kIo;
  return std::unexpected(is_named ? trouble : trouble.Annotate(path));
}

}  // namespace cairn::persist
