// SPDX-License-Identifier: BSD-3-Clause
// Store: one handle on a store, wherever it is.
//
//   Result<Store> store = Store::Open("embedded:");
//   store->client().Call(Command("SET", "k", "v"));
//
// URIs:
//   embedded:                                    the engine within this process, in memory
//   embedded:DIR[?fsync=everysec]                the same, kept in a directory (or always, or no)
//   redis://[user[:password]@]host[:port][/db]   a server; rediss:// with TLS
//   redis+unix://[user[:password]@]/path/of.sock
//   redis+sentinel://[user[:password]@]host[:port],.../master[/db]
//   redis+cluster://[user[:password]@]host[:port],...
// also rediss+sentinel:// and rediss+cluster://. Behind '?', divided by '&': db=1, name=app (CLIENT
// SETNAME), protocol=2, and for TLS ca=, ca_dir=, cert=, key= (files) and verify=chain (not the
// name).
//
// Errors: Open connects, so it says kInvalid of a URI, kUnreachable of a place where nothing is,
// and kServer of a password that the server does not take.
//
// Lifetimes: a Store is a handle: copies share one client, which closes when the last is gone;
// whoever keeps a reference to client() keeps a Store. The last may go anywhere; on one of the
// store's own threads (with a callback, a coroutine or a handler that held it) the store is closed
// soon after, by a thread that the process joins at its exit. Thread safety: any thread. Cost: an
// embedded call runs on the caller's thread, without a hop; one to a server goes by the client's
// thread, with all others that come at the time.
#ifndef CAIRN_STORE_H_
#define CAIRN_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/client.h"
#include "cairn/clock.h"
#include "cairn/executor.h"
#include "cairn/result.h"

namespace cairn::cache {

struct StoreOptions {
  // Of calls that say nothing else. Positive, else Open says kInvalid.
  Duration timeout = std::chrono::seconds(5);
  // Outlive the store. Null: the machine's clock, and a thread that the store starts when
  // scheduler() is first asked for. An embedded engine takes its expiry from the clock, too.
  const Clock* clock = nullptr;
  Scheduler* scheduler = nullptr;
};

// What the store at hand can do, and what is done in a weaker way there.
struct Capabilities {
  enum class Kind : std::uint8_t { kEmbedded, kCairn, kRedis, kValkey };
  Kind kind = Kind::kEmbedded;
  std::string version = {};              // of the server, "7.0.15"
  bool leases = false;                   // CACHE.GET ... LEASE
  bool tags = false;                     // TAG.*
  bool versions = false;                 // SET ... VER
  bool namespaces = false;               // NAMESPACE.*
  bool limits = false;                   // LIMIT.*, CL.THROTTLE
  bool locks = false;                    // LOCK.*
  bool write_behind = false;             // a log of writes that pins their keys
  bool tracking = false;                 // Client::Track
  bool hot_keys = false;                 // CACHE.HOTKEYS, for NearOptions::promotion
  bool subscriptions = false;            // Client::Subscribe
  bool waiting = false;                  // BLPOP, CACHE.GET ... WAIT wait
  std::vector<std::string> weaker = {};  // in sentences, for a log
  // That were connected to the master when the store was opened; in a cluster to each of them, at
  // least. 0 also where nobody may ask.
  std::size_t replicas = 0;
};

class Store {
 public:
  static Result<Store> Open(std::string_view uri, StoreOptions options = {});
  // Over a client of one's own: a test's, or one that counts, delays or refuses what it passes on.
  // What it can do, it has to say. Of the options the timeout is the client's affair.
  static Store Over(std::shared_ptr<Client> client, Capabilities capabilities,
                    StoreOptions options = {});

  Client& client() const;
  const Capabilities& capabilities() const;
  const Clock& clock() const;
  Scheduler& scheduler() const;

  class Body;  // what carries it

 private:
  explicit Store(std::unique_ptr<Body> body);

  std::shared_ptr<Body> body_;  // shared by the copies of the handle
};

}  // namespace cairn::cache

#endif  // CAIRN_STORE_H_
