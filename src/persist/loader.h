// SPDX-License-Identifier: BSD-3-Clause
// Loading an RDB into the keyspace: a dump at start, the preamble of an AOF, DEBUG RELOAD.
//
// It streams: in memory are the file's buffer, the value at hand, and the keyspace. Each key is
// stored under its stripe's lock like any command's, so memory is charged and expiry known from
// the first key on; nothing is logged, since what is loaded is no change.
//
// Errors name the file and the offset, and leave what was loaded so far: the caller decides whether
// that is the end. One load at a time uses a LoadProgress.
#ifndef CAIRN_PERSIST_LOADER_H_
#define CAIRN_PERSIST_LOADER_H_

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/status.h"
#include "codec/byte_source.h"
#include "codec/rdb_reader.h"
#include "io/disk.h"
#include "keyspace/keyspace.h"
#include "scripting/library_set.h"

namespace cairn::persist {

// How far it has come, and whether it is to go on. Any thread; relaxed, for statistics.
class LoadProgress {
 public:
  void Begin(UnixMs now_ms, std::uint64_t bytes_total) {
    began_ms_.store(now_ms, std::memory_order_relaxed);
    bytes_total_.store(bytes_total, std::memory_order_relaxed);
    bytes_.store(0, std::memory_order_relaxed);
    set_used_memory(0);
  }
  void set_bytes(std::uint64_t bytes) { bytes_.store(bytes, std::memory_order_relaxed); }
  // What the data took in the server that wrote the file, if that says so.
  void set_used_memory(std::int64_t bytes) { used_memory_.store(bytes, std::memory_order_relaxed); }

  UnixMs began_ms() const { return began_ms_.load(std::memory_order_relaxed); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::int64_t used_memory() const { return used_memory_.load(std::memory_order_relaxed); }
  std::uint64_t bytes_total() const { return bytes_total_.load(std::memory_order_relaxed); }

  // The load ends with kClosed as soon as it looks.
  void AskToStop() {
    stop_.store(true, std::memory_order_relaxed);
    stopped_.Notify();
  }
  bool is_stopping() const { return stop_.load(std::memory_order_relaxed); }
  // Of the loading thread: sleeps, unless it is told to stop.
  void Sleep(std::int64_t us) {
    if (!is_stopping()) stopped_.WaitFor(us);
  }

 private:
  std::atomic<UnixMs> began_ms_{0};
  std::atomic<std::uint64_t> bytes_total_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::int64_t> used_memory_{0};
  std::atomic<bool> stop_{false};
  Event stopped_;
};

struct LoadOptions {
  // A master drops what has expired. Behind a preamble there may be commands that make it last.
  enum class Expired : std::uint8_t { kDrop, kKeep };
  // A key that is there already: in an empty keyspace, that the file has twice.
  enum class Present : std::uint8_t { kRefuse, kReplace };

  bool verify_checksum = true;  // rdbchecksum
  codec::RdbModuleAux module_aux = codec::RdbModuleAux::kRefuse;
  Expired expired = Expired::kDrop;
  Present present = Present::kRefuse;
  std::int64_t key_delay_us = 0;  // key-load-delay, for tests
  // Every stripe, if the caller holds them all; else each key's is locked in turn.
  const keyspace::KeyLocks* held = nullptr;
  // Libraries of functions go here, as keys go to the keyspace. Null: they are passed over.
  scripting::LibrarySet* libraries = nullptr;
};

struct Loaded {
  std::uint64_t keys = 0;
  std::uint64_t expired_keys = 0;
  std::uint64_t empty_keys = 0;  // collections without elements, which a bug of Redis once wrote
  std::uint64_t functions = 0;   // libraries of them
  // Where it ended: what follows in the file is the AOF's commands.
  std::uint64_t end = 0;
  // Of the RDB's aux fields: empty or 0 where it has none.
  std::string server_version;
  std::int64_t created_s = 0;
  std::int64_t used_memory = 0;
};

// From `source`, whose first byte is the first of the RDB. Errors: kCorrupt and kUnsupported with
// offset, kIo, kClosed.
Result<Loaded> LoadRdb(keyspace::Keyspace& keyspace, codec::ByteSource& source,
                       const LoadOptions& options, LoadProgress& progress);

// The file at `path`, which errors name. kNotFound if there is none.
Result<Loaded> LoadRdbFile(io::Disk& disk, const std::string& path, keyspace::Keyspace& keyspace,
                           const LoadOptions& options, LoadProgress& progress);

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_LOADER_H_
