// SPDX-License-Identifier: BSD-3-Clause
// Saver: the thread that turns a cut into a file, one after another.
//
//     Begin --> temp file --image--> sync --> rename over the old one --> sync of the directory
//                   '--anything fails, Stop--> removed; the old file is as it was
//
// BGSAVE, save points and the rewrite of the AOF are its users. A save is given the cut that its
// caller took while it held all stripes anyway (BGSAVE), or takes one on the saver's thread.
//
// Owned by who coordinates persistence. Any thread, but one Begin or Save at a time.
#ifndef CAIRN_PERSIST_SAVER_H_
#define CAIRN_PERSIST_SAVER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/function_ref.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread.h"
#include "io/disk.h"
#include "keyspace/cut.h"
#include "keyspace/keyspace.h"
#include "persist/image.h"
#include "persist/save_steps.h"

namespace cairn::persist {

struct SaveOrder {
  std::string path;             // written here
  std::string final_path = {};  // and renamed to this once it is safe; empty: it stays where it is
  ImageFormat format = {};
  std::shared_ptr<const scripting::LibrarySet> libraries = nullptr;  // null: none
  SaveSteps* steps = nullptr;                                        // null: nobody helps
};

// A save from beginning to end, on the caller's thread. After a failure the file is gone, unless
// nothing but the last sync of the directory failed.
Status SaveCut(io::Disk& disk, keyspace::Keyspace& keyspace, keyspace::Cut& cut,
               const SaveOrder& order, SaveProgress& progress);

// A cut of this moment. Waits for all stripes, without holding any meanwhile; `at_that_moment` is
// called while they are held. No stripe locked. REQUIRES: the keyspace has no other cut.
std::unique_ptr<keyspace::Cut> TakeCut(
    keyspace::Keyspace& keyspace,
    FunctionRef<void(keyspace::Cut&)> at_that_moment = [](keyspace::Cut&) {});

class Saver {
 public:
  // Any work on files that takes long; it looks at the progress for whether to go on.
  using Work = std::move_only_function<Status(SaveProgress&)>;
  using Take = std::move_only_function<std::unique_ptr<keyspace::Cut>()>;
  // On the saver's thread, when everything is over and the next one may begin.
  using Done = std::move_only_function<void(const Status&)>;

  // What it is given outlives it.
  Saver(io::Disk& disk, keyspace::Keyspace& keyspace) : disk_(disk), keyspace_(keyspace) {}
  ~Saver() { Stop(); }
  Saver(const Saver&) = delete;
  Saver& operator=(const Saver&) = delete;

  void Start();
  // Gives up the save that runs, tells so, and ends the thread. What begins later is refused.
  void Stop();

  // REQUIRES: started, not busy.
  void Begin(Work work, Done done);
  // Saves what `take` returns; it is called on the saver's thread.
  void Save(SaveOrder order, Take take, Done done);
  void Save(SaveOrder order, std::unique_ptr<keyspace::Cut> cut, Done done);
  // Gives up the save that runs, if one does; done comes later.
  void GiveUp();

  bool is_busy() const { return busy_.load(std::memory_order_acquire); }
  const SaveProgress& progress() const { return progress_; }

 private:
  struct Job {
    Work work;
    Done done;
  };
  static constexpr std::int64_t kPatienceUs = 1'000'000;

  void Loop();
  std::optional<Job> TakeJob();

  io::Disk& disk_;
  keyspace::Keyspace& keyspace_;
  SaveProgress progress_;
  std::atomic<bool> busy_{false};  // release: what the save has changed
  std::atomic<bool> stopping_{false};
  Event wake_;
  Mutex mu_;  // a leaf
  std::optional<Job> job_ GUARDED_BY(mu_);
  Thread thread_;
};

}  // namespace cairn::persist

#endif  // CAIRN_PERSIST_SAVER_H_
