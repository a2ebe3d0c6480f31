// SPDX-License-Identifier: BSD-3-Clause
// DEBUG RELOAD: part of Persistence. Save, flush and load happen in one hold of every stripe, on a
// thread of the lane, so that nobody sees what lies between.
#include <memory>
#include <utility>

#include "base/random.h"
#include "keyspace/txn.h"
#include "persist/ending.h"
#include "persist/persistence.h"

namespace cairn::persist {

using keyspace::Cut;
using keyspace::KeyLocks;

void Persistence::BeginReload(const Reload& how, std::move_only_function<void(Reloaded)> done) {
  const auto result = std::make_shared<Reloaded>(Reloaded::kNotSaved);
  Enqueue({.kind = Kind::kReload,
           .work =
               [this, how, result](SaveProgress& progress) {
                 *result = ReloadHolding(how, progress);
                 return Status();
               },
           .done = [result, done = std::move(done)](bool) mutable { done(*result); }});
}

// Stripes that are held for long are lent by the helper, on a thread of its own.
Persistence::Reloaded Persistence::ReloadHolding(const Reload& how, SaveProgress& progress) {
  keyspace::StripeSet all;
  for (std::size_t i = 0; i < keyspace_.stripe_count(); ++i) all.set(i);
  Reloaded result = Reloaded::kNotSaved;
  const auto reload = [&]() NO_THREAD_SAFETY_ANALYSIS {
    KeyLocks locks(keyspace_);
    locks.AcquireForLong(all);
    keyspace_.ShowPictures(all);
    result = ReloadUnder(locks, how, progress);
    keyspace_.HidePictures(all);
    locks.Release();
  };
  if (keyspace_.helper() == nullptr) {
    reload();
    return result;
  }
  Ending ending;
  keyspace_.helper()->RunLater(all, [&] {
    reload();
    ending.Say();
  });
  ending.Wait();
  return result;
}

Persistence::Reloaded Persistence::ReloadUnder(const KeyLocks& held, const Reload& how,
                                               SaveProgress& progress) {
  if (how.saves) {
    Status saved;
    {
      const std::unique_ptr<Cut> cut = CutUnder(held);
      saved = SaveCut(disk_, keyspace_, *cut, OrderOf(hooks_.settings()), progress);
    }
    NoteSaved(Kind::kForeground, saved);
    if (!saved.ok()) return Reloaded::kNotSaved;
  }
  if (how.flushes) FlushAll(held);
  const LoadOptions options = {
      .present = how.merges ? LoadOptions::Present::kReplace : LoadOptions::Present::kRefuse,
      .held = &held};
  const Result<Loaded> loaded = Load(options);
  if (!loaded) {
    hooks_.log(Severity::kWarning, loaded.error().message());
    return Reloaded::kNotLoaded;
  }
  hooks_.log(Severity::kWarning, "DB reloaded by DEBUG RELOAD");
  return Reloaded::kDone;
}

void Persistence::FlushAll(const KeyLocks& held) NO_THREAD_SAFETY_ANALYSIS {
  Random random(SecureRandomUint64());
  const keyspace::Viewer viewer(DbId(0), clock_.NowUnixMs(), random);
  keyspace::Txn txn(keyspace_, held, viewer);
  for (std::uint32_t db = 0; db < keyspace_.database_count(); ++db) txn.FlushDatabase(DbId(db));
  txn.TellAllTracked();
}

}  // namespace cairn::persist
