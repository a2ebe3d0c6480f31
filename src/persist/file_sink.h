// SPDX-License-Identifier: BSD-3-Clause
// FileSink: the bytes of an image on their way into its file, synced as they come.
//
// Nobody waits for the syncs on the way: while the disk is slow, writers go on handing out what
// they change, and no more of it may pile up than the cut's backlog takes. A thread that must not
// wait for the disk keeps what it writes, and the saver's writes it. One thread at a time.
#ifndef CAIRN_PERSIST_FILE_SINK_H_
#define CAIRN_PERSIST_FILE_SINK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/status.h"
#include "codec/byte_sink.h"
#include "io/disk.h"
#include "persist/image.h"
#include "persist/syncer.h"

namespace cairn::persist {

class FileSink final : public codec::ByteSink {
 public:
  FileSink(io::File& file, const ImageFormat& format, SaveProgress& progress)
      : file_(file), format_(format), progress_(progress) {
    if (format_.syncs_on_the_way) syncer_.Start("save-sync");
  }

  void set_keeping(bool is_keeping) { is_keeping_ = is_keeping; }
  std::size_t kept_bytes() const { return kept_.size(); }

  Status Write(std::string_view bytes) override {
    if (!is_keeping_) return WriteNow(bytes);
    kept_.append(bytes);
    return {};
  }

  // What was kept. REQUIRES: it is not keeping.
  Status WriteKept() {
    if (kept_.empty()) return {};
    Status written = WriteNow(kept_);
    kept_.clear();
    return written;
  }

  // All there is.
  Status Sync() {
    const std::optional<Status> last = syncer_.WaitAndTake();
    return last && !last->ok() ? *last : file_.SyncData();
  }

 private:
  Status WriteNow(std::string_view bytes) {
    if (Status written = file_.Append(bytes); !written.ok()) return written;
    progress_.set_bytes(file_.size());
    const bool is_due = file_.size() - sync_begun_ >= ImageFormat::kSyncBytes;
    if (!format_.syncs_on_the_way || !is_due || syncer_.is_busy()) return {};
    const std::optional<Status> last = syncer_.Take();
    if (last && !last->ok()) return *last;
    sync_begun_ = file_.size();
    syncer_.Begin(file_);
    return {};
  }

  io::File& file_;
  const ImageFormat& format_;
  SaveProgress& progress_;
  bool is_keeping_ = false;
  std::string kept_;
  std::uint64_t sync_begun_ = 0;  // up to here
  Event synced_;                  // nobody waits for it
  Syncer syncer_{synced_};
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_FILE_SINK_H_
