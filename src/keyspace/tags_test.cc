// SPDX-License-Identifier: BSD-3-Clause
// Tags against a model that forgets nothing; and at the limit of what is remembered.
#include "keyspace/tags.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/thread.h"
#include "keyspace/cache_notes.h"

namespace cairn::keyspace {
namespace {

struct Bumps {
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
  std::uint64_t last() const { return std::max(soft, hard); }
};

struct Value {
  CacheNotes notes;
  std::vector<std::string> names;
};

class Model {
 public:
  Model(std::uint64_t seed, std::uint64_t names) : random_(seed), names_(names) {}

  void Step() {
    switch (random_.Below(8)) {
      case 0:
      case 1:
        return Bump();
      case 2:
        return Drop();
      case 3:
        stamps_.push_back(tags_.Now());
        return;
      default:
        return Fill();
    }
  }

  void CheckValues() {
    std::map<std::string, std::uint32_t> carriers;
    for (const std::unique_ptr<Value>& held : values_) {
      const Value& value = *held;
      bool soft = false;
      bool hard = false;
      for (const std::string& name : value.names) {
        const auto known = bumps_.find(name);
        ++carriers[name];
        if (known == bumps_.end()) continue;
        soft |= known->second.soft > value.notes.stamp;
        hard |= known->second.hard > value.notes.stamp;
      }
      ASSERT_EQ(value.notes.IsBumped(keyspace::Bump::kSoft), soft);
      ASSERT_EQ(value.notes.IsDead(), hard);
    }
    for (const auto& [name, count] : carriers) {
      ASSERT_EQ(tags_.Look(name).carriers, count);
    }
    ASSERT_LE(tags_.size(), carriers.size() + Tags::kShelves * Tags::kIdleTagsMax);
  }

  void DropAll() { values_.clear(); }
  Tags& tags() { return tags_; }
  int refused() const { return refused_; }
  int stored() const { return stored_; }

 private:
  std::string Name() { return "tag " + std::to_string(random_.Below(names_)); }

  void Bump() {
    const std::string name = Name();
    const bool is_hard = random_.Below(2) == 0;
    const std::uint64_t number = tags_.Draw();
    tags_.BumpAt(name, is_hard ? keyspace::Bump::kHard : keyspace::Bump::kSoft, number);
    (is_hard ? bumps_[name].hard : bumps_[name].soft) = number;
  }

  void Drop() {
    if (values_.empty()) return;
    std::swap(values_[random_.Below(values_.size())], values_.back());
    values_.pop_back();
  }

  // A moment ago, or so long ago that its tags may be forgotten.
  std::uint64_t Stamp() {
    if (stamps_.empty()) return tags_.Now();
    const std::size_t recent = std::min<std::size_t>(stamps_.size(), 5);
    const std::size_t back = random_.Below(random_.Below(2) == 0 ? recent : stamps_.size());
    return stamps_[stamps_.size() - 1 - back];
  }

  void Fill() {
    const std::uint64_t stamp = Stamp();
    auto value = std::make_unique<Value>();
    std::vector<Tags::Ref> refs;
    bool is_void = false;
    for (std::uint64_t n = 1 + random_.Below(4); n > 0; --n) {
      const std::string name = Name();
      const auto known = bumps_.find(name);
      const bool was_bumped = known != bumps_.end() && known->second.last() > stamp;
      Tags::Ref ref = tags_.GetUnlessBumped(name, stamp);
      ASSERT_FALSE(was_bumped && ref)
          << name << " was bumped at " << known->second.last() << ", the load began at " << stamp;
      is_void |= !ref;
      value->names.push_back(name);
      refs.push_back(std::move(ref));
    }
    ++(is_void ? refused_ : stored_);
    if (is_void) return;
    value->notes.stamp = stamp;
    value->notes.set_tags(std::move(refs));
    values_.push_back(std::move(value));
  }

  Random random_;
  const std::uint64_t names_;
  Tags tags_;
  std::map<std::string, Bumps> bumps_;
  std::vector<std::uint64_t> stamps_;
  std::vector<std::unique_ptr<Value>> values_;
  int refused_ = 0;
  int stored_ = 0;
};

TEST(Tags, AgreeWithAModelThatForgetsNothing) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  // Few, so that all are known; and more than are remembered, so that floors speak for them.
  for (const std::uint64_t names : {40u, 60'000u}) {
    Model model(seed, names);
    for (int step = 0; step < 120'000; ++step) {
      model.Step();
      if (step % 10'000 == 0) ASSERT_NO_FATAL_FAILURE(model.CheckValues());
    }
    EXPECT_GT(model.refused(), 0);
    EXPECT_GT(model.stored(), 0);
    ASSERT_NO_FATAL_FAILURE(model.CheckValues());
    model.DropAll();
    EXPECT_LE(model.tags().size(), Tags::kShelves * Tags::kIdleTagsMax);
  }
}

void Bump(Tags& tags, const std::string& name, Bump kind = Bump::kSoft) {
  tags.BumpAt(name, kind, tags.Draw());
}

TEST(Tags, AForgottenTagRefusesLoadsThatBeganBeforeItsBump) {
  Tags tags;
  const std::uint64_t before = tags.Now();
  Bump(tags, "forgotten");
  for (int n = 0; tags.Look("forgotten").soft_bump != 0; ++n) {
    ASSERT_LT(n, 100'000);
    Bump(tags, "other " + std::to_string(n));
  }
  EXPECT_FALSE(tags.GetUnlessBumped("forgotten", before));
  const Tags::Ref known = tags.GetUnlessBumped("forgotten", tags.Now());
  EXPECT_TRUE(known);
  EXPECT_FALSE(tags.GetUnlessBumped("forgotten", before)) << "though it is known again";
}

TEST(Tags, IdleOnesAreBounded) {
  Tags tags;
  std::size_t most = 0;
  for (int n = 0; n < 200'000; ++n) Bump(tags, "tag " + std::to_string(n));
  for (int n = 0; n < 200'000; ++n) {
    Bump(tags, "again " + std::to_string(n));
    most = std::max(most, tags.size());
  }
  EXPECT_LE(most, Tags::kShelves * (Tags::kIdleTagsMax + 1));
  EXPECT_LE(tags.memory_bytes(), std::int64_t{400} * Tags::kShelves * Tags::kIdleTagsMax);
}

TEST(Tags, AnIdleOneThatIsCarriedAgainStays) {
  Tags tags;
  Bump(tags, "kept", Bump::kHard);
  const std::uint64_t number = tags.Look("kept").hard_bump;
  const Tags::Ref kept = tags.Get("kept");
  for (int n = 0; n < 100'000; ++n) Bump(tags, "other " + std::to_string(n));
  EXPECT_EQ(tags.Look("kept").hard_bump, number);
  EXPECT_EQ(kept->last(Bump::kHard), number);
  EXPECT_EQ(kept->name(), "kept");
}

TEST(Tags, CountGoesOnBehindWhatAFileSays) {
  Tags tags;
  tags.AtLeast(1000);
  tags.AtLeast(10);
  EXPECT_EQ(tags.Now(), 1000u);
  EXPECT_EQ(tags.Draw(), 1001u);
  tags.BumpAt("t", Bump::kSoft, 5000);
  tags.BumpAt("t", Bump::kSoft, 4000);
  EXPECT_EQ(tags.Look("t").soft_bump, 5000u);
  EXPECT_EQ(tags.Now(), 5000u);
}

// A bump that is over when a load begins is behind its stamp, and one that begins later is ahead of
// it, whoever else bumps, carries and forgets meanwhile.
TEST(Tags, BumpsOfManyThreadsAreSeen) {
  Tags tags;
  constexpr int kThreads = 4;
  std::vector<Thread> threads;
  std::atomic<int> lost{0};
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back("tags", [&, thread] {
      const std::string own = "own " + std::to_string(thread);
      for (int n = 0; n < 5000; ++n) {
        const std::uint64_t stamp = tags.Now();
        const Tags::Ref ref = tags.GetUnlessBumped(own, stamp);
        if (!ref) continue;  // a floor that it shares
        if (std::max(ref->last(Bump::kSoft), ref->last(Bump::kHard)) > stamp) ++lost;
        Bump(tags, own, n % 2 == 0 ? Bump::kSoft : Bump::kHard);
        if (std::max(ref->last(Bump::kSoft), ref->last(Bump::kHard)) <= stamp) ++lost;
        Bump(tags, "shared " + std::to_string(n % 3000));
      }
    });
  }
  for (Thread& thread : threads) thread.Join();
  EXPECT_EQ(lost, 0);
}

}  // namespace
}  // namespace cairn::keyspace
