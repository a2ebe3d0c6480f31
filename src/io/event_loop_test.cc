// SPDX-License-Identifier: BSD-3-Clause
// Goal: the loop tells who is ready, survives removal during dispatch, and takes its time from the
// clock it was given. Method: socket pairs and pipes turned by hand with RunOnce(0).
#include "io/event_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/thread.h"
#include "io/socket.h"
#include "io/socket_stream.h"

namespace cairn::io {
namespace {

struct Ready {
  bool readable = false;
  bool writable = false;
  bool hangup = false;
  bool operator==(const Ready&) const = default;
};

class Recorder final : public Watcher {
 public:
  explicit Recorder(std::function<void()> then = {}) : then_(std::move(then)) {}
  void OnReady(bool readable, bool writable, bool hangup) override {
    told.push_back({readable, writable, hangup});
    if (then_) then_();
  }
  std::vector<Ready> told;

 private:
  std::function<void()> then_;
};

std::pair<Fd, Fd> SocketPair() {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

class EventLoopTest : public testing::Test {
 protected:
  void Turn(int times = 1) {
    for (int i = 0; i < times; ++i) ASSERT_TRUE(loop_->RunOnce(0).ok());
  }
  ManualClock clock_{1'000'000};
  std::unique_ptr<EventLoop> loop_ = EventLoop::Create(clock_).value();
};

TEST_F(EventLoopTest, TellsByInterestAndLevel) {
  auto [here, there] = SocketPair();
  Recorder recorder;
  ASSERT_TRUE(loop_->poller().Add(here.get(), Interest::kRead, &recorder).ok());
  Turn();
  EXPECT_TRUE(recorder.told.empty());
  ASSERT_TRUE(WriteAll(there.get(), "x").ok());
  Turn(2);
  EXPECT_EQ(recorder.told, (std::vector<Ready>(2, {.readable = true})));
  ASSERT_TRUE(loop_->poller().Modify(here.get(), Interest::kReadWrite).ok());
  Turn();
  EXPECT_EQ(recorder.told.back(), (Ready{.readable = true, .writable = true}));
  ASSERT_TRUE(loop_->poller().Modify(here.get(), Interest::kNone).ok());
  recorder.told.clear();
  Turn();
  EXPECT_TRUE(recorder.told.empty());
  there.Close();
  Turn();
  EXPECT_EQ(recorder.told, (std::vector<Ready>{{.hangup = true}}));
  loop_->poller().Remove(here.get());
}

TEST_F(EventLoopTest, WatcherMayRemoveItselfAndOthersDuringDispatch) {
  auto [a, a_far] = SocketPair();
  auto [b, b_far] = SocketPair();
  Poller& poller = loop_->poller();
  const std::size_t watched = poller.watched();
  std::size_t calls = 0;
  const std::function<void()> remove_both = [&] {
    ++calls;
    poller.Remove(a.get());
    poller.Remove(b.get());
  };
  Recorder first(remove_both);
  Recorder second(remove_both);
  ASSERT_TRUE(poller.Add(a.get(), Interest::kWrite, &first).ok());
  ASSERT_TRUE(poller.Add(b.get(), Interest::kWrite, &second).ok());
  Turn();
  EXPECT_EQ(calls, 1u);
  EXPECT_EQ(poller.watched(), watched);
}

// The same number, closed and opened again within one batch, is another connection: the event that
// was meant for the old one must not reach the new one.
TEST_F(EventLoopTest, ReusedDescriptorDoesNotGetTheOldOnesEvent) {
  auto [a, a_far] = SocketPair();
  auto [b, b_far] = SocketPair();
  Poller& poller = loop_->poller();
  Recorder newcomer;
  bool replaced = false;
  const auto replace = [&](int victim) {
    if (std::exchange(replaced, true)) return;
    poller.Remove(victim);
    ASSERT_TRUE(poller.Add(victim, Interest::kRead, &newcomer).ok());
  };
  Recorder first([&] { replace(b.get()); });
  Recorder second([&] { replace(a.get()); });
  ASSERT_TRUE(poller.Add(a.get(), Interest::kWrite, &first).ok());
  ASSERT_TRUE(poller.Add(b.get(), Interest::kWrite, &second).ok());
  Turn();
  EXPECT_EQ(first.told.size() + second.told.size(), 1u);
  EXPECT_TRUE(newcomer.told.empty());
  poller.Remove(a.get());
  poller.Remove(b.get());
}

TEST_F(EventLoopTest, HalfClosedPeerIsReadableNotHungUp) {
  auto listener = ListenTcp("127.0.0.1", 0, 8).value();
  Fd client = ConnectTcp("127.0.0.1", LocalPort(listener.get()), 1000).value();
  Fd server = std::move(*AcceptNonBlocking(listener.get()).value());
  Recorder recorder;
  ASSERT_TRUE(loop_->poller().Add(server.get(), Interest::kRead, &recorder).ok());
  ::shutdown(client.get(), SHUT_WR);
  ASSERT_TRUE(loop_->RunOnce(1'000'000).ok());
  EXPECT_EQ(recorder.told, (std::vector<Ready>{{.readable = true}}));
  char room[8];
  EXPECT_EQ(ReadSome(server.get(), room).state, Transfer::State::kEnd);
  EXPECT_TRUE(WriteAll(server.get(), "still here").ok());
  loop_->poller().Remove(server.get());
}

TEST_F(EventLoopTest, TimersFollowTheClock) {
  std::string ran;
  loop_->AddTimer(2000, [&] { ran += "b"; });
  loop_->AddTimer(1000, [&] { ran += "a"; });
  loop_->AddTimer(INT64_MAX, [&] { ran += "never"; });
  const TimerId cancelled = loop_->AddTimer(1000, [&] { ran += "x"; });
  EXPECT_TRUE(loop_->CancelTimer(cancelled));
  Turn();
  EXPECT_EQ(ran, "");
  clock_.AdvanceMs(1);
  Turn();
  EXPECT_EQ(ran, "a");
  clock_.AdvanceMs(10);
  Turn(2);
  EXPECT_EQ(ran, "ab");
  loop_->AddTimer(-5, [&] { ran += "c"; });
  Turn();
  EXPECT_EQ(ran, "abc");
}

TEST_F(EventLoopTest, BeforeSleepRunsInEachPass) {
  int calls = 0;
  loop_->SetBeforeSleep([&] { ++calls; });
  Turn(3);
  EXPECT_EQ(calls, 3);
}

TEST_F(EventLoopTest, MailPostedBeforeTheSleepIsDelivered) {
  bool ran = false;
  loop_->SetBeforeSleep([&] {
    if (ran) return;
    EXPECT_TRUE(loop_->Post([&] { ran = true; }));
  });
  ASSERT_TRUE(loop_->RunOnce(-1).ok());  // would sleep for ever if the mail were overlooked
  EXPECT_TRUE(ran);
}

TEST(EventLoop, SleepsUntilTheTimer) {
  const SystemClock clock;
  auto loop = EventLoop::Create(clock).value();
  const MonotonicUs begin = clock.NowMonotonicUs();
  loop->AddTimer(3000, [&] { loop->Stop(); });
  EXPECT_TRUE(loop->Run().ok());
  EXPECT_GE(clock.NowMonotonicUs() - begin, 3000);
}

TEST(EventLoop, StopFromAnotherThreadWakesTheSleeper) {
  const SystemClock clock;
  auto loop = EventLoop::Create(clock).value();
  Thread stopper("stopper", [&] { loop->Stop(); });
  EXPECT_TRUE(loop->Run().ok());
  stopper.Join();
  EXPECT_TRUE(loop->stopped());
}

TEST_F(EventLoopTest, SocketStreamWritesPartlyAndGoesOn) {
  auto [near, far] = SocketPair();
  SocketStream stream(std::move(near), loop_->poller());
  Recorder recorder;
  ASSERT_TRUE(stream.Watch(&recorder, Interest::kNone).ok());
  std::string sent;
  const std::string block(64 * 1024, 'w');
  Transfer wrote;
  for (;;) {  // until the kernel takes no more
    const iovec pieces[] = {{const_cast<char*>(block.data()), block.size() / 2},
                            {const_cast<char*>(block.data()), block.size() / 2}};
    wrote = stream.Write(pieces);
    if (!wrote.done()) break;
    sent.append(wrote.bytes, 'w');
  }
  EXPECT_EQ(wrote.state, Transfer::State::kWouldBlock);
  ASSERT_TRUE(stream.Watch(&recorder, Interest::kWrite).ok());
  Turn();
  EXPECT_TRUE(recorder.told.empty());
  std::string got;
  std::vector<char> room(100'000);
  for (Transfer read; (read = ReadSome(far.get(), room)).done();)
    got.append(room.data(), read.bytes);
  EXPECT_EQ(got, sent);
  Turn();
  EXPECT_EQ(recorder.told, (std::vector<Ready>{{.writable = true}}));
  far.Close();
  const iovec piece{const_cast<char*>(block.data()), 1};
  EXPECT_EQ(stream.Write({&piece, 1}).error, EPIPE) << "and no signal";
  stream.Close();
  stream.Close();
  EXPECT_EQ(stream.Read(room).error, EBADF);
  EXPECT_FALSE(stream.Watch(&recorder, Interest::kRead).ok());
  EXPECT_EQ(loop_->poller().watched(), 1u) << "the mailbox only";
}

}  // namespace
}  // namespace cairn::io
