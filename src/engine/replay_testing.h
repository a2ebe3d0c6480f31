// SPDX-License-Identifier: BSD-3-Clause
// Twins: an engine whose log is read along, and a second one in which what is read is replayed.
//
// The twin's clock stands still, so nothing expires there but by the log's word; where nothing may
// expire it can stand ahead, for times of deliveries are never later than the clock. Clients of the
// first engine may wait (BLPOP and its like); one that waits does nothing else until it is served.
//
// A cut of the first engine is under way most of the time: whatever is executed meanwhile, it must
// show what was there when it began.
#ifndef CAIRN_ENGINE_REPLAY_TESTING_H_
#define CAIRN_ENGINE_REPLAY_TESTING_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "command/serving.h"
#include "engine/engine.h"
#include "keyspace/cut_testing.h"

namespace cairn::engine {

using ReplayArgs = std::vector<std::string>;

// A session that may wait.
class WaitingClient final : public command::Session {
 public:
  WaitingClient(Engine& engine, std::uint64_t id)
      : Session(ClientId(id), id), engine_(engine), runner_(engine.shared(), id) {}
  ~WaitingClient() override { Leave(); }

  std::string Execute(const ReplayArgs& args) {
    resp::Writer reply(buffer_, 2);
    runner_.Run(*this, std::vector<std::string_view>(args.begin(), args.end()), reply);
    std::string bytes = buffer_.ToString();
    buffer_.Clear();
    return bytes;
  }
  bool waits() const { return parked_ != nullptr && !answered_; }
  // What it was given while it waited; "" if it still waits.
  std::string Answer() const {
    return parked_ == nullptr || !answered_ ? "" : parked_->reply().ToString();
  }
  // Its time is up, or it is gone.
  void Leave() {
    if (waits()) command::Unpark(engine_.keyspace(), *parked_);
    parked_ = nullptr;
  }

  bool may_block() const override { return true; }
  void OnParked(const std::shared_ptr<command::Parked>& parked, std::int64_t) override {
    answered_ = false;
    parked->on_answered = [this](const std::shared_ptr<command::Parked>&) { answered_ = true; };
    parked_ = parked;
  }
  void OnCrowded() override { ++crowded_; }
  // Requests that were given back because there was no room for what they write.
  int crowded() const { return crowded_; }

 private:
  Engine& engine_;
  command::Runner runner_;
  int crowded_ = 0;
  resp::ReplyBuffer buffer_;
  std::shared_ptr<command::Parked> parked_;
  std::atomic<bool> answered_ = false;  // perhaps by the lane
};

class Twins {
 public:
  static constexpr std::int64_t kStartUs = 1'700'000'000'000'000;

  explicit Twins(std::uint64_t seed, std::size_t client_count, std::int64_t twin_us = kStartUs)
      : twin_clock_(twin_us), random_(seed) {
    for (std::size_t i = 0; i < client_count; ++i)
      clients_.push_back(std::make_unique<WaitingClient>(engine_, 100 + i));
  }

  Random& random() { return random_; }
  const Clock& clock() const { return clock_; }
  const std::string& trace() const { return trace_; }
  std::uint64_t served() const { return served_; }

  // By a random client; one that waits is served meanwhile, or leaves.
  void Execute(const ReplayArgs& args) {
    WaitingClient& client = *clients_[random_.Below(clients_.size())];
    if (client.waits()) {
      if (random_.Below(4) != 0) return;
      client.Leave();
    }
    trace_ += std::to_string(client.id().value) + ':';
    for (const std::string& word : args) trace_ += ' ' + word.substr(0, 20);
    trace_ += '\n';
    const auto waiting = [&] {
      return std::ranges::count_if(clients_, [](const auto& one) { return one->waits(); });
    };
    const auto before = waiting();
    const bool has_answer = !client.Execute(args).empty();
    ASSERT_TRUE(has_answer || client.waits() || !client.Answer().empty()) << args[0];
    served_ += waiting() < before ? 1 : 0;
    if (random_.Below(15) == 0) clock_.AdvanceMs(static_cast<std::int64_t>(random_.Below(40)));
    if (random_.Below(40) == 0) engine_.keeper().RunOnce();
    if (random_.Below(16) == 0) ReadOfCut();
  }

  // All that is due goes; then both must hold the same. `deeper` asks for what no digest holds.
  void Compare(const std::vector<ReplayArgs>& deeper = {}) {
    do {
      Replay();
    } while (engine_.keeper().RunOnce());
    Replay();
    ASSERT_EQ(engine_.Digest(), twin_.Digest()) << trace_;
    const std::unique_ptr<EmbeddedSession> ours = engine_.NewSession();
    const std::unique_ptr<EmbeddedSession> theirs = twin_.NewSession();
    for (const ReplayArgs& args : deeper) {
      const std::vector<std::string_view> words(args.begin(), args.end());
      ASSERT_EQ(WithoutSightings(ours->Execute(words)), WithoutSightings(theirs->Execute(words)))
          << args[0] << '\n'
          << trace_;
    }
    trace_.clear();
    if (cut_ == nullptr) BeginCut();
  }

 private:
  void BeginCut() {
    cut_expected_ = keyspace::PictureOf(engine_.keyspace());
    cut_seen_.clear();
    cut_ = keyspace::BeginCut(engine_.keyspace());
  }
  void ReadOfCut() {
    if (cut_ == nullptr) return;
    if (const std::optional<keyspace::CutBatch> batch = cut_->Next())
      return keyspace::AddTo(cut_seen_, *batch);
    cut_ = nullptr;
    ASSERT_EQ(cut_seen_, cut_expected_) << trace_;
  }
  void Replay() {
    while (const std::optional<log::Effect> effect = reader_->Next()) {
      trace_ += "  logged in " + std::to_string(effect->db.value);
      for (const std::string& word : effect->args) trace_ += ' ' + word.substr(0, 20);
      trace_ += '\n';
      if (effect->db != replayed_db_)
        replayed_->Execute({"SELECT", std::to_string(effect->db.value)});
      replayed_db_ = effect->db;  // within MULTI too: a SELECT is queued like any other
      const std::string reply = replayed_->Execute(
          std::vector<std::string_view>(effect->args.begin(), effect->args.end()));
      ASSERT_NE(reply[0], '-') << effect->args[0] << ": " << reply << trace_;
    }
  }
  // When a consumer was last seen is not in the log, as with Redis.
  static std::string WithoutSightings(std::string reply) {
    for (const std::string_view name : {"seen-time\r\n", "active-time\r\n"}) {
      for (std::size_t at = 0; (at = reply.find(name, at)) != reply.npos;) {
        at += name.size();
        reply.erase(at, reply.find("\r\n", at) - at);
      }
    }
    return reply;
  }

  ManualClock clock_{kStartUs};
  const ManualClock twin_clock_;
  Engine engine_{{.clock = &clock_, .with_keeper = false}};
  Engine twin_{{.stripe_count = 4, .clock = &twin_clock_, .with_keeper = false}};
  std::unique_ptr<log::Reader> reader_ = engine_.AttachLogReader(log::Lag::kMustKeep);
  std::unique_ptr<EmbeddedSession> replayed_ = twin_.NewSession();
  DbId replayed_db_{0};
  std::vector<std::unique_ptr<WaitingClient>> clients_;
  Random random_;
  std::string trace_;
  std::uint64_t served_ = 0;
  std::unique_ptr<keyspace::Cut> cut_;
  keyspace::Picture cut_expected_;  // what was there when it began
  keyspace::Picture cut_seen_;
};

}  // namespace cairn::engine

#endif  // CAIRN_ENGINE_REPLAY_TESTING_H_
