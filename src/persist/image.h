// SPDX-License-Identifier: BSD-3-Clause
// Image: a cut of the keyspace as the bytes of a file, an RDB or commands.
//
//     Cut::Next --batch--> RdbWriter --64 KiB--> FileSink --> file
//                          AofEncoder             synced every kSyncBytes by another thread, so
//                                                 that the last sync, for which everybody waits,
//                                                 has little to do
//
// The steps on that way are the saver's, or also those of threads that help it (image_work.h).
// Of the data set no more is in memory than the cut's backlog, which is bounded, a batch, what
// RdbOutput holds back, and what helpers keep. In commands, the payload of a large stream's RESTORE
// goes to the file as it comes, and its size is mended afterwards. Everything that takes time
// happens without a stripe.
#ifndef CAIRN_PERSIST_IMAGE_H_
#define CAIRN_PERSIST_IMAGE_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/status.h"
#include "codec/rdb_output.h"
#include "io/disk.h"
#include "keyspace/cut.h"
#include "persist/save_steps.h"
#include "scripting/library_set.h"

namespace cairn::persist {

// The RDB's aux field with the last fence of a lock that was granted.
inline constexpr std::string_view kFenceAux = "cairn-lock-fence";

struct ImageFormat {
  // What is written at least before the next sync: Redis's figure.
  static constexpr std::uint64_t kSyncBytes = 4UL * 1024 * 1024;

  enum class Form : std::uint8_t { kRdb, kCommands };
  Form form = Form::kRdb;
  codec::RdbCompression compression = codec::RdbCompression::kLzf;  // rdbcompression
  bool checksum = true;                                             // rdbchecksum
  bool is_aof_base = false;                                         // the file says so
  bool syncs_on_the_way = true;                                     // ...-incremental-fsync
  std::string server_version = {};                                  // the file says this, too
  std::int64_t used_memory = 0;                                     // and this
  // rdb-key-save-delay, for tests: microseconds after each key; below zero: one after so many.
  std::int64_t key_delay_us = 0;
};

// How far it has come, and whether it is to go on. Any thread. Figures are relaxed: each is read by
// itself, for statistics.
class SaveProgress {
 public:
  void Begin(std::uint64_t keys_total) {
    keys_total_.store(keys_total, std::memory_order_relaxed);
    keys_.store(0, std::memory_order_relaxed);
    bytes_.store(0, std::memory_order_relaxed);
    copied_peak_.store(0, std::memory_order_relaxed);
  }
  void NoteKey() { keys_.store(keys() + 1, std::memory_order_relaxed); }
  void set_bytes(std::uint64_t bytes) { bytes_.store(bytes, std::memory_order_relaxed); }
  // So much of what writers have changed is kept for the save.
  void NoteCopied(std::uint64_t bytes) {
    if (bytes > copied_peak()) copied_peak_.store(bytes, std::memory_order_relaxed);
  }

  std::uint64_t keys() const { return keys_.load(std::memory_order_relaxed); }
  std::uint64_t keys_total() const { return keys_total_.load(std::memory_order_relaxed); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::uint64_t copied_peak() const { return copied_peak_.load(std::memory_order_relaxed); }

  // The save is given up as soon as it looks; it ends with kClosed.
  void AskToStop() {
    stop_.store(true, std::memory_order_relaxed);
    stopped_.Notify();
  }
  void ForgetStop() { stop_.store(false, std::memory_order_relaxed); }
  bool is_stopping() const { return stop_.load(std::memory_order_relaxed); }
  // Of the saving thread: sleeps, unless it is told to stop.
  void Sleep(std::int64_t us) {
    if (!is_stopping()) stopped_.WaitFor(us);
  }

 private:
  std::atomic<std::uint64_t> keys_{0};
  std::atomic<std::uint64_t> keys_total_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> copied_peak_{0};
  std::atomic<bool> stop_{false};
  Event stopped_;
};

// What a save that was given up ends with: kClosed.
Status SaveGivenUp();
// Whether it ended so, which is no failure.
bool WasGivenUp(const Status& saved);

// Writes all that the cut has, and the libraries, to the file, which is empty, and syncs it. What
// the cut keeps of the keyspace has been given back when this returns well. `steps`: through which
// other threads help, or null.
Status WriteImage(keyspace::Keyspace& keyspace, keyspace::Cut& cut,
                  const scripting::LibrarySet& libraries, io::File& file, const ImageFormat& format,
                  SaveSteps* steps, SaveProgress& progress);

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_IMAGE_H_
