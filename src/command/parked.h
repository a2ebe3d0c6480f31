// SPDX-License-Identifier: BSD-3-Clause
// Parked: a command that found nothing and waits, with all it takes to run it again.
//
// A handler that has to wait says Call::Block, while its stripes are locked. That makes a Parked:
// copies of the arguments, a proxy of the session (the connection itself belongs to another thread
// than the one that will serve it), a reply buffer of its own. It is put into the queues of its
// keys and given to the session (Session::OnParked), which stops running requests until it is
// answered:
//
//     waiting --a change served it (serving.h)--------> answered, told to the owner by
//     `on_answered`
//        |-----timeout, CLIENT UNBLOCK, client gone---> Unpark by whoever does it
//
// One whose handler says Call::Defer is made in the same way, but waits for no key: it goes to the
// lane (lane.h), stands in no queue, and is answered when the lane has run it.
//
// Whoever claims it (keyspace::Waiter::Claim) writes the reply. Shared between the queues, the
// session and whoever is answering it.
#ifndef CAIRN_COMMAND_PARKED_H_
#define CAIRN_COMMAND_PARKED_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "base/function_ref.h"
#include "command/owned_args.h"
#include "command/session.h"
#include "command/table.h"
#include "keyspace/interest.h"
#include "keyspace/keyspace.h"
#include "resp/reply_buffer.h"
#include "resp/writer.h"

namespace cairn::command {

// What a client gets when its time is up, or if it may not wait. kNullAtOnce: BLMOVE's, the null of
// a string where it may not wait, and that of an array when its time is up, as Redis has it.
enum class TimeoutReply : std::uint8_t {
  kNullArray,
  kNull,
  kNullAtOnce,
  kZero,
  kTwoZeros,
  kOneAndZero,
  kLoading,  // CACHE.GET's: somebody else loads the value
};

void WriteTimeoutReply(resp::Writer& reply, TimeoutReply kind);

// At which of its keys a command waits. kFirstKey: BLMOVE's, since what it lacks cannot come from
// where it goes to, and its destination's changes must not make it look at its source.
enum class WaitsAt : std::uint8_t { kEachKey, kFirstKey };

// Which threads of the lane run it.
enum class LaneWork : std::uint8_t { kHeavy, kForPeers };

class Parked final : public keyspace::Waiter {
 public:
  // `keys`: of the command, in the order in which its arguments name them.
  Parked(const CommandTable::Command& command, OwnedArgs args,
         std::span<const keyspace::KeyRef> keys, Session& session, TimeoutReply timeout_reply);
  // Of very many arguments, for the lane: it finds the keys there.
  Parked(const CommandTable::Command& command, OwnedArgs args, Session& session);
  ~Parked() override;

  const CommandTable::Command& command() const { return command_; }
  std::span<const std::string_view> args() const { return args_.views(); }
  const std::vector<keyspace::KeyRef>& keys() const { return keys_; }
  // Those at which it waits.
  std::span<const keyspace::KeyRef> waited_keys() const {
    return std::span(keys_).first(waits_at_ == WaitsAt::kFirstKey ? 1 : keys_.size());
  }
  void set_waits_at(WaitsAt waits_at) { waits_at_ = waits_at; }
  bool lacks_keys() const { return lacks_keys_; }
  void FindItsKeys(const keyspace::Keyspace& keyspace);
  // Of the command itself, and of the place that it takes at each of its keys. REQUIRES: asked by
  // its session, before anybody else knows it: in OnParked.
  std::size_t memory_bytes() const;
  // The bytes of its arguments.
  std::size_t argument_bytes() const { return args_.argument_bytes(); }
  // It is not run again: what it was to be run with goes, however much that is.
  void ForgetRequest(keyspace::Trash& trash);
  // An argument is to be stored. By whoever runs it.
  OwnedArgs& owned_args() { return args_; }
  Session& session() { return session_; }
  // Written by whoever claimed it, read by the owner once told.
  resp::ReplyBuffer& reply() { return reply_; }
  // Whether it is the lane that answers.
  bool is_deferred() const { return is_deferred_; }
  void set_is_deferred(LaneWork work = LaneWork::kHeavy) {
    is_deferred_ = true;
    lane_work_ = work;
  }
  LaneWork lane_work() const { return lane_work_; }
  // What the lane was to run found nothing and would wait: the request is to be run by its session
  // once more, as if it had just come. Written by the lane, read by the owner once told.
  bool goes_back() const { return goes_back_; }
  void GoBack() { goes_back_ = true; }
  // Its client has gone, and nobody could take it out of its queues yet: nobody is to serve it.
  bool is_abandoned() const { return abandoned_.load(std::memory_order_relaxed); }
  void Abandon() { abandoned_.store(true, std::memory_order_relaxed); }
  // Its session, which counted so many bytes for it, has gone, but the lane still has it: they are
  // counted until it goes as well. By the session; `counter` outlives this.
  void CountWhileItLives(SharedCounter& counter, std::size_t bytes);
  void ReplyTimeout();
  // What that will be has changed: WAITAOF's first half has come true. Any thread.
  void set_timeout_reply(TimeoutReply reply) {
    timeout_reply_.store(reply, std::memory_order_relaxed);
  }
  void ReplyError(std::string_view text);

  // Set by the session in OnParked; called by whoever answers, if that is not the session itself,
  // with no lock held.
  std::function<void(std::shared_ptr<Parked>)> on_answered;

 private:
  Parked(const CommandTable::Command& command, OwnedArgs args, Session& session,
         TimeoutReply timeout_reply);

  const CommandTable::Command& command_;
  OwnedArgs args_;
  std::vector<keyspace::KeyRef> keys_;
  std::atomic<TimeoutReply> timeout_reply_;
  WaitsAt waits_at_ = WaitsAt::kEachKey;
  bool lacks_keys_ = false;
  bool is_deferred_ = false;
  LaneWork lane_work_ = LaneWork::kHeavy;
  bool goes_back_ = false;
  std::atomic<bool> abandoned_{false};
  SharedCounter* counter_ = nullptr;  // of what is left of a client that has gone
  std::size_t counted_bytes_ = 0;
  Session session_;
  resp::ReplyBuffer reply_;
};

// Answers what Call::AnswerLater has parked. Once, on any thread; stripes may be locked.
void AnswerParked(const std::shared_ptr<Parked>& parked, FunctionRef<void(resp::Writer&)> write);

// Puts it into the queues of the keys at which it waits, behind all others. REQUIRES: their stripes
// locked.
void Link(keyspace::Keyspace& keyspace, const std::shared_ptr<Parked>& parked);
// Takes it out of them. REQUIRES: the same.
void Unlink(keyspace::Keyspace& keyspace, Parked& parked);
// Takes it from its queues for answering it otherwise than by its command. False if somebody was
// quicker: then its answer is on the way. REQUIRES: no stripe locked.
bool Unpark(keyspace::Keyspace& keyspace, Parked& parked);
// The same without waiting for a stripe that is held for long.
enum class Unparked : std::uint8_t { kDone, kAnswered, kBusy };
Unparked TryUnpark(keyspace::Keyspace& keyspace, Parked& parked);

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_PARKED_H_
