// SPDX-License-Identifier: BSD-3-Clause
// ClientRegistry: what is known of every connected client, readable from any worker.
//
// A connection belongs to one worker and is touched by no other thread. What CLIENT LIST, CLIENT
// KILL and INFO need to know of it stands in its ClientInfo: numbers are relaxed atomics that the
// owner writes once a pass, texts are guarded by the registry's lock and change rarely. So one
// worker can list all clients without stopping another.
//
// Thread safety: all methods from any thread. Lock order: the registry's mutex is a leaf; no stripe
// is locked under it.
#ifndef CAIRN_SERVER_CLIENT_REGISTRY_H_
#define CAIRN_SERVER_CLIENT_REGISTRY_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/ids.h"
#include "base/mutex.h"
#include "keyspace/interest.h"

namespace cairn::command {
class Parked;
}

namespace cairn::server {

// Texts of a client; guarded by ClientRegistry's mutex.
struct ClientTexts {
  std::string address;        // "127.0.0.1:50000", a unix socket's path and ":0"
  std::string local_address;  // the server's side
  std::string name;           // CLIENT SETNAME
  std::string library_name;   // CLIENT SETINFO LIB-NAME
  std::string library_version;
  std::string user = "default";
};

struct ClientInfo {
  // constant after construction
  ClientId id;
  std::size_t worker = 0;
  int fd = -1;
  UnixMs created_ms = 0;
  bool is_unix_socket = false;
  bool is_local = false;  // from this machine

  // atomic, written by the owning worker (relaxed: each is read by itself)
  std::atomic<UnixMs> last_interaction_ms{0};
  std::atomic<const std::string*> last_command{
      nullptr};  // full name in the command table, which outlives all clients
  std::atomic<std::int64_t> input_bytes{0};
  std::atomic<std::int64_t> input_free_bytes{0};
  std::atomic<std::int64_t> output_bytes{0};  // pending, not yet taken by the kernel
  std::atomic<std::int64_t> output_pieces{0};
  std::atomic<std::int64_t> reply_buffer_bytes{0};  // held for replies, used or not
  std::atomic<std::int64_t> memory_bytes{0};
  std::atomic<std::uint32_t> db{0};
  std::atomic<int> protocol{2};
  std::atomic<std::int64_t> multi_count{-1};  // commands queued; -1: no MULTI
  std::atomic<std::int64_t> multi_bytes{0};
  std::atomic<std::int64_t> wait_argument_bytes{0};  // of the command that it waits in
  std::atomic<std::size_t> watched_keys{0};
  std::atomic<bool> wait_is_timed{false};  // the command it waits in has a timeout
  // Its write finds no room in what a save or the append only file has to take first, and is tried
  // again every millisecond.
  std::atomic<bool> waits_for_room{false};
  std::atomic<bool> is_paused{false};        // its next command waits for CLIENT UNPAUSE
  std::atomic<bool> writable_wanted{false};  // EPOLLOUT is armed: events=rw
  std::atomic<bool> no_evict{false};
  std::atomic<bool> no_touch{false};
  std::atomic<std::size_t> channels{0};  // subscribed to
  std::atomic<std::size_t> patterns{0};
  std::atomic<std::size_t> shard_channels{0};
  std::atomic<bool> monitoring{false};
  // Another client has redirected its invalidations here, once.
  std::atomic<bool> hears_others{false};
  std::atomic<bool> tracking{false};
  std::atomic<bool> tracking_broken{false};
  std::atomic<bool> tracking_broadcast{false};
  std::atomic<std::uint64_t> tracking_redirect{0};  // a client's id
  std::atomic<bool> closing{false};                 // reply, then close

  // atomic, written by any worker: the owner runs no further command of this client
  std::atomic<bool> kill_requested{false};

  bool subscribed() const {
    return channels.load(std::memory_order_relaxed) + patterns.load(std::memory_order_relaxed) +
               shard_channels.load(std::memory_order_relaxed) !=
           0;
  }

  ClientTexts texts;  // guarded by the registry's mutex

  // The command it waits in, or null; set by the owner, asked by CLIENT UNBLOCK. And what tells
  // whether a key it watches has changed, or null. A leaf.
  mutable Mutex waiting_mu;
  std::shared_ptr<const keyspace::WatchMark> watch_mark GUARDED_BY(waiting_mu);
  std::shared_ptr<command::Parked> waiting GUARDED_BY(waiting_mu);
};

// Whether a key that it watches has changed: its EXEC will run nothing. Any thread.
bool WatchesChanged(const ClientInfo& info);
// Whether it waits in a blocking command at this moment. Any thread.
bool IsBlocked(const ClientInfo& info);

class ClientRegistry {
 public:
  void Add(ClientInfo* info) {
    MutexLock hold(mu_);
    clients_.emplace(info->id, info);
  }
  void Remove(ClientInfo* info) {
    MutexLock hold(mu_);
    clients_.erase(info->id);
  }
  std::size_t count() const {
    MutexLock hold(mu_);
    return clients_.size();
  }
  // Calls fn(ClientInfo&) for every client, by ascending id. `fn` may read and write texts, and
  // must not block.
  template <class Fn>
  void ForEach(Fn fn) {
    MutexLock hold(mu_);
    for (auto& [id, info] : clients_) fn(*info);
  }
  // Calls fn(ClientInfo&) for one client. False if there is none of this id.
  template <class Fn>
  bool With(ClientId id, Fn fn) {
    MutexLock hold(mu_);
    const auto found = clients_.find(id);
    if (found == clients_.end()) return false;
    fn(*found->second);
    return true;
  }

 private:
  mutable Mutex mu_;
  std::map<ClientId, ClientInfo*> clients_ GUARDED_BY(mu_);
};

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CLIENT_REGISTRY_H_
