// SPDX-License-Identifier: BSD-3-Clause
// A save's steps, and the thread that takes them.
#include "persist/saver.h"

#include <utility>

#include "base/check.h"

namespace cairn::persist {
namespace {

using keyspace::Cut;
using keyspace::KeyLocks;
using keyspace::Keyspace;

// Waits for the stripes while somebody may hold one for long; then nobody waits for us.
std::unique_ptr<Cut> CutWaiting(Keyspace& keyspace, FunctionRef<void(Cut&)> at_that_moment) {
  KeyLocks locks(keyspace);
  locks.AcquireAll();
  auto cut = std::make_unique<Cut>(keyspace, locks);
  at_that_moment(*cut);
  locks.Release();
  return cut;
}

std::unique_ptr<Cut> CutAtOnce(Keyspace& keyspace, FunctionRef<void(Cut&)> at_that_moment) {
  KeyLocks locks(keyspace);
  if (!locks.TryAcquireAll()) return nullptr;
  auto cut = std::make_unique<Cut>(keyspace, locks);
  at_that_moment(*cut);
  locks.Release();
  return cut;
}

Status WriteFile(io::Disk& disk, Keyspace& keyspace, Cut& cut, const SaveOrder& order,
                 SaveProgress& progress) {
  Result<std::unique_ptr<io::File>> file = disk.Open(order.path, io::OpenMode::kReplace);
  if (!file) return file.error();
  const scripting::LibrarySet none;
  return WriteImage(keyspace, cut, order.libraries != nullptr ? *order.libraries : none, **file,
                    order.format, order.steps, progress);
}

}  // namespace

Status SaveCut(io::Disk& disk, Keyspace& keyspace, Cut& cut, const SaveOrder& order,
               SaveProgress& progress) {
  Status saved = WriteFile(disk, keyspace, cut, order, progress);
  if (saved.ok() && !order.final_path.empty()) saved = disk.Rename(order.path, order.final_path);
  if (!saved.ok()) {
    // What cannot be removed is at the next start: RemoveKilledSaves.
    (void)disk.Remove(order.path);
    return saved;
  }
  const std::string& placed = order.final_path.empty() ? order.path : order.final_path;
  return disk.SyncDirectory(io::DirectoryOf(placed));
}

// While this thread waited in line for a stripe that is held for long, it would hold the ones
// before it, and every worker with it. So whoever lends stripes for long is asked for a turn.
std::unique_ptr<Cut> TakeCut(Keyspace& keyspace, FunctionRef<void(Cut&)> at_that_moment) {
  if (std::unique_ptr<Cut> cut = CutAtOnce(keyspace, at_that_moment)) return cut;
  if (keyspace.helper() == nullptr) return CutWaiting(keyspace, at_that_moment);
  constexpr std::int64_t kPatienceUs = 1'000'000;
  struct Turn {
    std::unique_ptr<Cut> cut;
    std::atomic<bool> done{false};  // release: cut is there
    Event event;
  };
  const auto turn = std::make_shared<Turn>();
  keyspace::StripeSet all;
  for (std::size_t i = 0; i < keyspace.stripe_count(); ++i) all.set(i);
  keyspace.helper()->RunLater(all, [turn, &keyspace, at_that_moment] {
    turn->cut = CutWaiting(keyspace, at_that_moment);
    turn->done.store(true, std::memory_order_release);
    turn->event.Notify();
  });
  while (!turn->done.load(std::memory_order_acquire)) turn->event.WaitFor(kPatienceUs);
  return std::move(turn->cut);
}

// ---- The thread --------------------------------------------------------------------------------

void Saver::Start() {
  thread_ = Thread("saver", [this] { Loop(); });
}

void Saver::Stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_release);
  GiveUp();
  wake_.Notify();
  thread_.Join();
}

void Saver::Begin(Work work, Done done) {
  {
    MutexLock hold(mu_);
    CHECK(!is_busy());
    busy_.store(true, std::memory_order_relaxed);
    job_.emplace(std::move(work), std::move(done));
  }
  wake_.Notify();
}

void Saver::Save(SaveOrder order, Take take, Done done) {
  Begin(
      [this, order = std::move(order), take = std::move(take)](SaveProgress& progress) mutable {
        const std::unique_ptr<Cut> cut = take();
        return SaveCut(disk_, keyspace_, *cut, order, progress);
      },
      std::move(done));
}

void Saver::Save(SaveOrder order, std::unique_ptr<Cut> cut, Done done) {
  Save(
      std::move(order), [cut = std::move(cut)]() mutable { return std::move(cut); },
      std::move(done));
}

// Under the mutex, so that it never strikes the save after the one that was meant.
void Saver::GiveUp() {
  MutexLock hold(mu_);
  if (is_busy()) progress_.AskToStop();
}

void Saver::Loop() {
  while (true) {
    std::optional<Job> job = TakeJob();
    if (!job) {
      if (stopping_.load(std::memory_order_acquire)) return;
      wake_.WaitFor(kPatienceUs);
      continue;
    }
    const Status worked = progress_.is_stopping() ? SaveGivenUp() : job->work(progress_);
    job->work = nullptr;  // with its cut
    {
      MutexLock hold(mu_);
      progress_.ForgetStop();
      busy_.store(false, std::memory_order_release);
    }
    job->done(worked);
  }
}

std::optional<Saver::Job> Saver::TakeJob() {
  MutexLock hold(mu_);
  return std::exchange(job_, std::nullopt);
}

}  // namespace cairn::persist
