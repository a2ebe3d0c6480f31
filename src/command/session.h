// SPDX-License-Identifier: BSD-3-Clause
// Session: what a client carries from one command to the next.
//
// The engine's embedded sessions are just this; the server's connections derive from it and add
// what a socket needs. A session is used by one thread at a time: its worker, or the thread that
// embeds the engine.
#ifndef CAIRN_COMMAND_SESSION_H_
#define CAIRN_COMMAND_SESSION_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/blob.h"
#include "base/ids.h"
#include "base/random.h"
#include "command/owned_args.h"
#include "command/rights.h"
#include "keyspace/txn.h"
#include "resp/reply_buffer.h"

namespace cairn::command {

class Lane;
class Parked;
class Transaction;

class Session {
 public:
  Session(ClientId id, std::uint64_t random_seed);
  virtual ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  ClientId id() const { return id_; }
  DbId db() const { return viewer_.db; }
  void set_db(DbId db) { viewer_.db = db; }
  int protocol() const { return protocol_; }
  void set_protocol(int protocol) { protocol_ = protocol; }
  // False under CLIENT NO-TOUCH.
  void set_touches_keys(bool touches) { viewer_.touch = touches; }
  // It replays what has happened, some time ago: see keyspace::Viewer.
  void BeginReplay() { viewer_.sees_expiry = viewer_.counts = false; }
  // The log's position behind its last write, or behind a later one of somebody else: what has to
  // be safe for its writes to be. Kept while the log has readers.
  Lsn last_write() const { return last_write_; }
  void set_last_write(Lsn position) { last_write_ = position; }
  // A command of it is run again: its looking at keys has been counted.
  void BeginAgain() { viewer_.counts = viewer_.touch = false; }
  // The same for as long as this lives.
  class RunsAgain {
   public:
    explicit RunsAgain(Session& session)
        : viewer_(session.viewer_), counts_(viewer_.counts), touch_(viewer_.touch) {
      session.BeginAgain();
    }
    ~RunsAgain() {
      viewer_.counts = counts_;
      viewer_.touch = touch_;
    }
    RunsAgain(const RunsAgain&) = delete;
    RunsAgain& operator=(const RunsAgain&) = delete;

   private:
    keyspace::Viewer& viewer_;
    const bool counts_;
    const bool touch_;
  };
  bool authenticated() const { return authenticated_; }
  void set_authenticated(bool authenticated) { authenticated_ = authenticated; }
  // Whether the gates must be asked about each of this session's commands.
  bool guarded() const {
    return !authenticated_ || subscribed_ || queueing_ || monitoring_ || restricted_ ||
           reader_ != nullptr;
  }
  // As whom it runs commands. Null: nobody in particular, who may do anything (a session within the
  // process, a replay).
  const std::shared_ptr<User>& user() const { return user_; }
  void set_user(std::shared_ptr<User> user);
  // What that user may do at this moment. Null: anything.
  const Rights* rights() {
    if (user_ != nullptr && user_->version() != rights_version_) RefreshRights();
    return rights_.get();
  }
  // The user's rights have changed: whether the gates are asked follows from them. Who changes them
  // sees to it that every session does this (server/access_control.h).
  void RefreshRights();
  // Who is told when what this session reads changes, or null: CLIENT TRACKING.
  const std::shared_ptr<keyspace::Tracker>& reader() const { return reader_; }
  void set_reader(std::shared_ptr<keyspace::Tracker> reader) { reader_ = std::move(reader); }
  // MONITOR: the client sees what all others do, and may not touch keys itself.
  bool monitoring() const { return monitoring_; }
  void set_monitoring(bool monitoring) { monitoring_ = monitoring; }
  // Whether the client listens to anything: PING and the commands it may run depend on it.
  bool subscribed() const { return subscribed_; }
  void set_subscribed(bool subscribed) { subscribed_ = subscribed; }
  // Whether its commands may wait (Call::Block); else they reply at once as if their time were up.
  virtual bool may_block() const { return false; }
  // A command of this session waits: no further one is run until `parked` is answered. Called with
  // stripes locked. REQUIRES: may_block().
  virtual void OnParked(const std::shared_ptr<Parked>& parked, std::int64_t timeout_ms);
  // A part of EXEC's reply, its head or a command's, stands from `begin` on: CLIENT REPLY or CLIENT
  // KILL among the commands may keep it from being sent.
  virtual void OnExecReply(const resp::ReplyBuffer::Mark& begin);
  // A request of this session was given back: it is to be run again, with all that follows it,
  // when the lane says that none of the stripes is held for long. No stripe is locked. REQUIRES:
  // may_block().
  virtual void OnDelayed(Lane& lane, const keyspace::StripeSet& stripes);
  // The same, when there may be room for what it writes: in a millisecond, say.
  virtual void OnCrowded();
  // The same, when a script may have let go what the request needs.
  virtual void OnHeldUp();
  // The arguments of the request that runs are wanted beyond it: a copy, or with the input.
  virtual OwnedArgs TakeArgs(std::span<const std::string_view> args) { return OwnedArgs(args); }
  // An argument of the request that runs (or several, with what stands between them) is wanted for
  // long: as a blob of the bytes where they stand, a new reference; or null, and they must be
  // copied. Views of the request stay good. Handlers ask Call::TakeBlob.
  virtual Blob* TakeBlob(std::string_view) { return nullptr; }
  // What the request that runs stands in, where that is the session's own.
  virtual std::string_view input() const { return {}; }
  // Between MULTI and EXEC: commands are queued instead of run.
  bool queueing() const { return queueing_; }
  // Null unless it said MULTI or WATCH.
  Transaction* transaction() { return transaction_.get(); }
  const Transaction* transaction() const { return transaction_.get(); }
  Transaction& EnsureTransaction(keyspace::Keyspace& keyspace);
  void BeginTransaction(keyspace::Keyspace& keyspace);
  // DISCARD: nothing is queued or watched any more. REQUIRES: no stripe locked.
  void EndTransaction();
  // Goes on with the queue of another session: EXEC in the lane.
  void AdoptTransaction(std::unique_ptr<Transaction> transaction);
  // EXEC: the transaction leaves the session, which queues no longer.
  std::unique_ptr<Transaction> TakeTransaction();
  Random& random() { return random_; }
  // How its transactions see the keyspace; the Runner keeps its moment.
  const keyspace::Viewer& viewer() const { return viewer_; }
  void set_now_ms(UnixMs now_ms) { viewer_.set_now_ms(now_ms); }

 private:
  const ClientId id_;
  int protocol_ = 2;
  bool authenticated_ = true;
  bool subscribed_ = false;
  bool queueing_ = false;
  Random random_;
  keyspace::Viewer viewer_;
  std::unique_ptr<Transaction> transaction_;
  Lsn last_write_;
  bool monitoring_ = false;
  bool restricted_ = false;  // its rights say no to something
  std::shared_ptr<keyspace::Tracker> reader_;
  std::shared_ptr<User> user_;            // shared: all its sessions have one
  std::shared_ptr<const Rights> rights_;  // the user's, of this version
  std::uint64_t rights_version_ = 0;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_SESSION_H_
