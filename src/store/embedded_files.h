// SPDX-License-Identifier: BSD-3-Clause
// EmbeddedFiles: the files of an embedded store that is durable: loaded at the beginning, appended
// to, rewritten when they have grown, closed at the end.
//
//   DIR/cairn.lock                   who has the directory
//   DIR/appendonlydir/...            the append only file, as the server's with `appendonly yes`
//   DIR/dump.rdb                     read if there is no append only file yet, never written
//
// With fsync=always a call's reply waits until all is safe that it may have written or seen, as the
// server's do (server/connection_hold.cc); otherwise a call waits for nothing. While the disk takes
// nothing, writes are refused and reads go on.
//
// Made by the store, which outlives it; goes before the engine. Thread safety: any thread. Threads:
// the AOF's own, and one that looks after it ten times a second.
#ifndef CAIRN_STORE_EMBEDDED_FILES_H_
#define CAIRN_STORE_EMBEDDED_FILES_H_

#include <atomic>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/thread.h"
#include "cairn/result.h"
#include "command/gate.h"
#include "engine/engine.h"
#include "io/disk.h"
#include "io/folder_lock.h"
#include "persist/aof_service.h"

namespace cairn::store {

class EmbeddedFiles {
 public:
  struct Options {
    std::string directory;  // made, if it is not there
    persist::FsyncPolicy policy = persist::FsyncPolicy::kEverySecond;
  };

  // Loads what is there. REQUIRES: nothing runs in the engine, which outlives this.
  static cache::Result<std::unique_ptr<EmbeddedFiles>> Open(engine::Engine& engine,
                                                            Options options);
  // For Open.
  EmbeddedFiles(engine::Engine& engine, Options options, io::FolderLock lock);
  ~EmbeddedFiles();
  EmbeddedFiles(const EmbeddedFiles&) = delete;
  EmbeddedFiles& operator=(const EmbeddedFiles&) = delete;

  // Whether a reply has to wait at all.
  bool holds() const { return aof_.watermark().holds(); }
  // Until what has been written so far is safe. While the disk fails, only for `own`, the end of
  // what the caller himself has written; if that is not safe, it is an error.
  cache::Result<void> AwaitSafe(Lsn own);

 private:
  // Refuses writes while the disk takes nothing.
  class DiskGate final : public command::Gate {
   public:
    explicit DiskGate(const EmbeddedFiles& files) : files_(files) {}
    bool Admit(command::Call& call) override;
    bool AdmitInScript(command::Call& call) override;

   private:
    const EmbeddedFiles& files_;
  };

  Status Load();
  Status AwaitFirst();
  void OnProgress();
  void Look();
  std::string Trouble() const;

  engine::Engine& engine_;
  const Options options_;
  const io::FolderLock lock_;
  io::SystemDisk disk_;
  persist::CutTurn turn_;
  scripting::LibraryShelf libraries_;
  persist::LoadProgress progress_;
  bool has_rdb_ = false;  // what was loaded is in no AOF yet
  DiskGate gate_{*this};
  // Counts what OnProgress told. release: with it comes what the watermark says.
  std::atomic<std::uint64_t> moves_{0};
  std::atomic<bool> is_failing_{false};
  std::atomic<bool> is_closing_{false};
  Event look_;
  Thread looker_;
  persist::AofService aof_;
};

}  // namespace cairn::store

#endif  // CAIRN_STORE_EMBEDDED_FILES_H_
