// SPDX-License-Identifier: BSD-3-Clause
// Goal: no task is lost, doubled or reordered, and nobody sleeps on mail. Method: cases of the
// sleep protocol, and producers on real threads (run under the thread sanitizer, too).
#include "io/mailbox.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/thread.h"
#include "io/event_loop.h"

namespace cairn::io {
namespace {

bool IsRung(const Mailbox& mailbox) {
  pollfd waiting{.fd = mailbox.descriptor(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) == 1;
}

TEST(Mailbox, RingsOnlyForASleeper) {
  auto mailbox = Mailbox::Create().value();
  EXPECT_TRUE(mailbox->Post([] {}));
  EXPECT_FALSE(IsRung(*mailbox));
  EXPECT_FALSE(mailbox->PrepareSleep()) << "there is mail";
  EXPECT_EQ(mailbox->Drain(), 1u);
  EXPECT_TRUE(mailbox->PrepareSleep());
  EXPECT_TRUE(mailbox->Post([] {}));
  EXPECT_TRUE(IsRung(*mailbox));
}

TEST(Mailbox, WakeForbidsTheNextSleepOnly) {
  auto mailbox = Mailbox::Create().value();
  mailbox->Wake();
  EXPECT_FALSE(mailbox->PrepareSleep());
  mailbox->Awake();
  EXPECT_TRUE(mailbox->PrepareSleep());
  mailbox->Wake();
  EXPECT_TRUE(IsRung(*mailbox));
}

TEST(Mailbox, FullMailboxSaysNoAndDestroysTheTask) {
  auto mailbox = Mailbox::Create(2).value();
  auto held = std::make_shared<int>(0);
  EXPECT_TRUE(mailbox->Post([] {}));
  EXPECT_TRUE(mailbox->Post([] {}));
  EXPECT_FALSE(mailbox->Post([held] {}));
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(mailbox->Drain(), 2u);
  EXPECT_TRUE(mailbox->Post([] {}));
}

TEST(Mailbox, FullMailboxTakesWhatIsOwed) {
  auto mailbox = Mailbox::Create(2).value();
  std::string ran;
  EXPECT_TRUE(mailbox->Post([&] { ran += "a"; }));
  EXPECT_TRUE(mailbox->Post([&] { ran += "b"; }));
  mailbox->PostOwed([&] { ran += "c"; });
  EXPECT_FALSE(mailbox->Post([&] { ran += "d"; })) << "owed ones do not make room for others";
  EXPECT_EQ(mailbox->Drain(), 3u);
  EXPECT_EQ(ran, "abc");
  EXPECT_TRUE(mailbox->PrepareSleep());
  mailbox->PostOwed([&] { ran += "e"; });
  EXPECT_TRUE(IsRung(*mailbox));
}

TEST(Mailbox, TasksPostedByTasksWaitForTheNextDrain) {
  auto mailbox = Mailbox::Create().value();
  std::string ran;
  EXPECT_TRUE(mailbox->Post([&] {
    ran += "a";
    EXPECT_TRUE(mailbox->Post([&] { ran += "c"; }));
  }));
  EXPECT_TRUE(mailbox->Post([&] { ran += "b"; }));
  EXPECT_EQ(mailbox->Drain(), 2u);
  EXPECT_EQ(ran, "ab");
  EXPECT_EQ(mailbox->Drain(), 1u);
  EXPECT_EQ(ran, "abc");
}

// A task runs a script that takes long, and others are served meanwhile.
TEST(Mailbox, ATaskThatDrainsRunsTheRestAndWhatHasCome) {
  auto mailbox = Mailbox::Create().value();
  std::string ran;
  const auto post = [&](char name) { EXPECT_TRUE(mailbox->Post([&, name] { ran += name; })); };
  post('a');
  EXPECT_TRUE(mailbox->Post([&] {
    ran += '(';
    post('d');
    const std::size_t within = mailbox->Drain();
    EXPECT_EQ(ran, "a(cd");
    EXPECT_EQ(within, 2u);
    EXPECT_EQ(mailbox->Drain(), 0u);
    post('e');
    ran += ')';
  }));
  post('c');
  EXPECT_EQ(mailbox->Drain(), 2u) << "those that it ran by itself";
  EXPECT_EQ(ran, "a(cd)");
  EXPECT_EQ(mailbox->Drain(), 1u);
  EXPECT_EQ(ran, "a(cd)e");
}

TEST(Mailbox, TasksLeftOverAreDestroyedWithIt) {
  auto held = std::make_shared<int>(0);
  {
    auto mailbox = Mailbox::Create().value();
    EXPECT_TRUE(mailbox->Post([held] {}));
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Mailbox, FourProducersKeepTheirOrder) {
  constexpr int kProducers = 4;
  constexpr int kTasksEach = 20'000;
  const SystemClock clock;
  auto loop = EventLoop::Create(clock).value();
  std::vector<int> next(kProducers, 0);
  int finished = 0;
  std::vector<Thread> producers;
  for (int producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back("producer", [&, producer] {
      for (int i = 0; i < kTasksEach; ++i) {
        ASSERT_TRUE(loop->Post([&, producer, i] {
          ASSERT_EQ(next[static_cast<std::size_t>(producer)], i);
          ++next[static_cast<std::size_t>(producer)];
          if (i + 1 == kTasksEach && ++finished == kProducers) loop->Stop();
        }));
      }
    });
  }
  EXPECT_TRUE(loop->Run().ok());
  for (Thread& producer : producers) producer.Join();
  EXPECT_EQ(next, std::vector<int>(kProducers, kTasksEach));
}

// Two loops throw a ball to and fro: each throw finds the other asleep or nearly so, which is where
// a lost wake-up would show as a hang.
TEST(Mailbox, PingPongLosesNoWakeUp) {
  constexpr int kThrows = 20'000;
  const SystemClock clock;
  auto here = EventLoop::Create(clock).value();
  auto there = EventLoop::Create(clock).value();
  int throws = 0;
  std::function<void()> to_there;
  const std::function<void()> to_here = [&] { ASSERT_TRUE(here->Post([&] { to_there(); })); };
  to_there = [&] {
    if (++throws == kThrows) {
      there->Stop();
      here->Stop();
      return;
    }
    ASSERT_TRUE(there->Post([&] { to_here(); }));
  };
  Thread other("there", [&] { EXPECT_TRUE(there->Run().ok()); });
  to_there();
  EXPECT_TRUE(here->Run().ok());
  other.Join();
  EXPECT_EQ(throws, kThrows);
}

}  // namespace
}  // namespace cairn::io
