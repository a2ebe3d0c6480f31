// SPDX-License-Identifier: BSD-3-Clause
// A job that only one process of a fleet may run: by a lock, whose fence goes along with the write.
//
//   example_lock [URI]
#include "cairn/lock.h"

#include <cstdio>
#include <string>

using namespace cairn::cache;
using namespace std::chrono_literals;

namespace {

// What the lock guards takes no fence that is behind the last: so a holder who was stopped for
// longer than the ttl, and wakes up, does no harm.
Result<bool> StoreReport(Client& client, const Held& held, std::string_view report) {
  const Result<Reply> reply =
      client.Call(Command("CACHE.SET", "report", report, "VER", held.fence()));
  if (!reply) return std::unexpected(reply.error());
  return reply->text() == "OK";
}

Result<void> Run(const Store& store) {
  const Mutex mutex(store, "lock:report", {.ttl = 10s});
  Result<Held> held = mutex.Acquire({.timeout = 2s});
  if (!held) return std::unexpected(held.error());
  int rows = 0;
  while (rows < 1000 && !held->lost().stop_requested()) ++rows;  // the work
  const Result<bool> stored = StoreReport(store.client(), *held, std::to_string(rows) + " rows");
  if (!stored) return std::unexpected(stored.error());
  const Result<bool> released = held->Release();
  if (!released) return std::unexpected(released.error());
  std::printf("%s, %s\n", *stored ? "stored" : "refused: a later holder was here",
              *released ? "ours to the end" : "lost on the way");
  return {};
}

}  // namespace

int main(int argument_count, char** arguments) {
  Result<Store> store = Store::Open(argument_count > 1 ? arguments[1] : "embedded:");
  Result<void> done = store ? Run(*store) : Result<void>(std::unexpected(store.error()));
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().detail.c_str());
  return 1;
}
