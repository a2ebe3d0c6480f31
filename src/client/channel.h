// SPDX-License-Identifier: BSD-3-Clause
// Channel: a queue of requests to one place, and the connection that serves it.
//
//     kIdle --first request--> kDialing --greeted--> kUp --lost--> kIdle, or kDialing if it is
//     wanted
//       ^                         |--failed--> kBackOff (10 ms doubling to 2 s, with jitter) --|
//       |-------------------------------------------------------------------------------------|
//     any --Close, or a one-time connection is lost--> kClosed
//
// Requests are written as they come and answered in their order. When the connection is lost, those
// that are idempotent and have not been sent too often wait for the next one; the others fail, and
// may have been applied. While a dial has failed lately, requests fail at once (kUnreachable): a
// cache's caller has something better to do than to wait. A connection that has been silent for
// kSilenceUs when a request of it passes its deadline is given up.
//
// Limits: kRequestsMax requests waiting or sent. Belongs to the reactor's thread; dialing has a
// thread of its own, whose result comes by mail. Shared with that mail.
#ifndef CAIRN_CLIENT_CHANNEL_H_
#define CAIRN_CLIENT_CHANNEL_H_

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/thread.h"
#include "client/dial.h"
#include "client/reactor.h"
#include "client/reply_decoder.h"
#include "client/request.h"

namespace cairn::client {

class Channel final : public std::enable_shared_from_this<Channel>, private io::Watcher {
 public:
  static constexpr std::size_t kRequestsMax = 1 << 20;
  static constexpr std::int64_t kSilenceUs = 1'000'000;
  static constexpr std::int64_t kBackOffUs = 10'000;
  static constexpr std::int64_t kBackOffUsMax = 2'000'000;
  static constexpr std::size_t kReadBytes = 64 * 1024;

  enum class Life : std::uint8_t {
    kOnDemand,  // dials when there are requests
    kAlways,    // dials whenever it is down
    kOnce,      // one connection and no other: its state matters
  };
  // What its owner is told, on the reactor's thread; each may be empty.
  struct Hooks {
    // A request's replies are complete. True: it is the owner's again and is not finished here.
    std::function<bool(const RequestPtr&)> takes_over = {};
    std::function<void(cache::Reply)> on_push = {};
    // Up, with what was agreed on; before any request is written.
    std::function<void(const Dialed&)> on_up = {};
    std::function<void(const cache::Error&)> on_down = {};
  };

  // `reactor` outlives it. `requests_max`: less in a test.
  Channel(Reactor& reactor, DialPlan plan, Life life, Hooks hooks,
          std::size_t requests_max = kRequestsMax);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // From here on the request is finished, sooner or later.
  void Submit(RequestPtr request);
  // Dials now, for kAlways.
  void Open() { Dial(); }
  // Bytes beside all requests; their replies are pushes. Nothing if it is not up.
  void SendRaw(std::string_view bytes);
  // Nothing is answered any more; idempotent.
  void Close(cache::Error error);
  // The connection is given up, as if it had been lost.
  void Drop(std::string_view why);
  // Writes what waits. By the reactor.
  void Flush();
  // Of a request that is in a queue of this. By the reactor.
  void OnDeadline(const RequestPtr& request);

  bool is_closed() const { return state_ == State::kClosed; }
  bool is_up() const { return state_ == State::kUp; }
  bool is_unused() const { return pending_.empty() && waiting_.empty(); }
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  enum class State : std::uint8_t { kIdle, kDialing, kUp, kBackOff, kClosed };
  // One whose replies are awaited.
  struct Sent {
    RequestPtr request;
    std::size_t received = 0;
  };

  void OnReady(bool readable, bool writable, bool hangup) override;
  void Dial();
  void OnDialed(cache::Result<Dialed> dialed);
  void OnDialFailed(const cache::Error& error);
  void BackOff();
  void SendWaiting();
  void Write(RequestPtr request);
  void WantFlush();
  void ReadAll();
  bool TakeReplies();
  void OnReply(cache::Reply reply);
  void Down(const cache::Error& error);
  void FailAll(std::deque<RequestPtr> requests, const cache::Error& error);
  void Watch(io::Interest interest);
  void EndDial();

  Reactor& reactor_;
  const DialPlan plan_;
  const Life life_;
  Hooks hooks_;
  const std::size_t requests_max_;
  State state_ = State::kIdle;
  Endpoint endpoint_;
  std::unique_ptr<Transport> transport_;
  ReplyDecoder decoder_;
  std::string input_;
  std::string output_;
  std::size_t written_ = 0;  // of output_
  bool flush_is_due_ = false;
  io::Interest interest_ = io::Interest::kNone;
  MonotonicUs heard_us_ = 0;
  std::deque<Sent> pending_;
  std::deque<RequestPtr> waiting_;
  std::int64_t back_off_us_ = kBackOffUs;
  io::TimerId back_off_timer_ = {};
  Thread dial_thread_;
  std::shared_ptr<std::atomic<bool>> gives_up_;  // shared with the thread that dials
};

}  // namespace cairn::client

#endif  // CAIRN_CLIENT_CHANNEL_H_
