// SPDX-License-Identifier: BSD-3-Clause
// Hashes change form where Redis 7.2 does, keep times exactly, and agree with std::map through
// every form.
#include "value/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "value/collection_testing.h"

namespace cairn::value {
namespace {

constexpr HashLimits kLimits = {.packed_entries = 128, .packed_value_bytes = 64};
constexpr UnixMs kNow = 1'800'000'000'000;

using Fields = std::map<std::string, std::string>;

Fields FieldsOf(const Hash& hash) {
  Fields fields;
  hash.ForEach([&](std::string_view field, std::string_view value) {
    EXPECT_TRUE(fields.emplace(field, value).second);
  });
  return fields;
}

std::string TextOf(const std::optional<ds::PackedValue>& value) {
  ds::PackedValue::Scratch scratch;
  return value.has_value() ? std::string(value->Text(scratch)) : "(none)";
}

class HashTest : public testing::Test {
 protected:
  bool Set(Hash& hash, std::string_view field, std::string_view value) {
    return hash.Set(field, value, limits_, place_.home);
  }
  bool SetExpiry(Hash& hash, std::string_view field, UnixMs when) {
    return hash.SetExpiry(field, when, place_.home);
  }
  Hash Of(int fields) {
    Hash hash;
    for (int i = 0; i < fields; ++i) Set(hash, "f" + std::to_string(i), "v" + std::to_string(i));
    return hash;
  }

  TestHome place_;
  HashLimits limits_ = kLimits;
  Random random_{12};
};

TEST_F(HashTest, EmptyOwnsNothing) {
  Hash hash;
  EXPECT_EQ(hash.size(), 0u);
  EXPECT_EQ(hash.memory_bytes(), 0u);
  EXPECT_EQ(hash.encoding(), "listpack");
  EXPECT_EQ(hash.MinExpiry(), kNever);
  EXPECT_FALSE(hash.Get("f").has_value());
  EXPECT_FALSE(hash.ExpiryOf("f").has_value());
  EXPECT_FALSE(hash.Remove("f"));
  EXPECT_FALSE(SetExpiry(hash, "f", kNow));
  EXPECT_EQ(hash.memory_bytes(), 0u);
}

TEST_F(HashTest, FormsAtTheirLimits) {
  EXPECT_EQ(Of(128).encoding(), "listpack");
  EXPECT_EQ(Of(129).encoding(), "hashtable");
  for (const std::size_t size : {64, 65}) {
    const std::string text(size, 'x');
    const std::string_view expected = size == 64 ? "listpack" : "hashtable";
    Hash field;
    Set(field, text, "v");
    EXPECT_EQ(field.encoding(), expected);
    Hash value;
    Set(value, "f", text);
    EXPECT_EQ(value.encoding(), expected);
    Hash replaced = Of(1);
    Set(replaced, "f0", text);
    EXPECT_EQ(replaced.encoding(), expected);
    EXPECT_EQ(TextOf(replaced.Get("f0")), text);
  }
}

TEST_F(HashTest, AnyChangeIsMeasured) {
  Hash hash = Of(20);
  limits_.packed_entries = 10;
  EXPECT_FALSE(hash.Add("f3", "new", limits_, place_.home));
  EXPECT_EQ(hash.encoding(), "listpack");
  EXPECT_FALSE(Set(hash, "f3", "new"));
  EXPECT_EQ(hash.encoding(), "hashtable");
  EXPECT_EQ(TextOf(hash.Get("f3")), "new");
}

TEST_F(HashTest, ExpectChoosesTheForm) {
  struct Case {
    std::size_t fields;
    std::size_t longest;
    std::string_view encoding;
  };
  const Case cases[] = {
      {128, 64, "listpack"}, {129, 1, "hashtable"}, {1, 65, "hashtable"}, {0, 0, "listpack"}};
  for (const Case& row : cases) {
    Hash hash = Of(2);
    hash.Expect(row.fields, row.longest, limits_, place_.home);
    EXPECT_EQ(hash.encoding(), row.encoding);
    EXPECT_EQ(hash.size(), 2u);
  }
}

TEST_F(HashTest, AddLeavesWhatIsThere) {
  for (const int fields : {5, 200}) {
    Hash hash = Of(fields);
    EXPECT_FALSE(hash.Add("f1", "other", limits_, place_.home));
    EXPECT_EQ(TextOf(hash.Get("f1")), "v1");
    EXPECT_TRUE(hash.Add("new", "other", limits_, place_.home));
    EXPECT_EQ(TextOf(hash.Get("new")), "other");
  }
}

TEST_F(HashTest, FieldsAreNotValues) {
  Hash hash;
  Set(hash, "a", "b");
  EXPECT_FALSE(hash.Contains("b"));
  SetExpiry(hash, "a", 77);
  EXPECT_FALSE(hash.Contains("b"));
  EXPECT_FALSE(hash.Contains("77"));
}

TEST_F(HashTest, ValuesOfAnySizeInATable) {
  Hash hash = Of(200);
  const std::size_t sizes[] = {0,   1,   5,    6,    7,       8,      254, 255,
                               256, 260, 1000, 1100, 100'000, 99'999, 3,   0};
  for (const std::size_t size : sizes) {
    const std::string value(size, static_cast<char>('a' + size % 26));
    EXPECT_FALSE(Set(hash, "f7", value));
    EXPECT_EQ(TextOf(hash.Get("f7")), value);
    EXPECT_EQ(TextOf(hash.Get("f8")), "v8");
  }
  const std::string long_field(300, 'f');
  EXPECT_TRUE(Set(hash, long_field, "v"));
  EXPECT_FALSE(Set(hash, long_field, std::string(400, 'w')));
  EXPECT_EQ(TextOf(hash.Get(long_field)), std::string(400, 'w'));
}

TEST_F(HashTest, AValueThatFitsStaysWhereItIs) {
  Hash hash = Of(200);
  Set(hash, "counter", "1");
  const char* before = hash.Get("counter")->text().data();
  for (const char* value : {"2", "33333", "4"}) Set(hash, "counter", value);  // 16 bytes in all
  EXPECT_EQ(static_cast<const void*>(hash.Get("counter")->text().data()), before);
}

TEST_F(HashTest, MemoryBytesAreTheAllocators) {
  for (const int count : {1, 100, 129, 5000}) {
    for (const bool timed : {false, true}) {
      const std::int64_t before = HeldBytes();
      Hash hash = Of(count);
      if (timed) {
        for (int i = 0; i < count; i += 2) SetExpiry(hash, "f" + std::to_string(i), kNow + i);
      }
      if (before == 0) GTEST_SKIP() << "the allocator does not say";
      const std::int64_t held = HeldBytes() - before + place_.arena.used_bytes();
      // Chunk headers of the arena, which belong to nobody.
      EXPECT_LE(static_cast<std::int64_t>(hash.memory_bytes()), held);
      EXPECT_GE(static_cast<std::int64_t>(hash.memory_bytes()), held - 1024) << count;
    }
  }
}

TEST_F(HashTest, FreeStepIsBounded) {
  Hash hash = Of(1000);
  int steps = 1;
  while (!hash.FreeStep(100)) {
    ++steps;
    ASSERT_LT(steps, 100);
  }
  EXPECT_GE(steps, 10);
  EXPECT_EQ(place_.arena.used_bytes(), 0);
  Hash small = Of(10);
  EXPECT_TRUE(small.FreeStep(1));
  EXPECT_TRUE(small.empty());
}

TEST_F(HashTest, RandomFieldsAreDifferent) {
  for (const int size : {10, 400}) {
    for (const bool timed : {false, true}) {
      Hash hash = Of(size);
      if (timed) SetExpiry(hash, "f3", kNow);
      const Fields all = FieldsOf(hash);
      for (const int count : {0, 1, size / 10, size / 2, size, size + 5}) {
        Fields drawn;
        hash.RandomFields(random_, static_cast<std::size_t>(count),
                          [&](std::string_view field, std::string_view value) {
                            EXPECT_TRUE(drawn.emplace(field, value).second);
                            EXPECT_EQ(all.at(std::string(field)), value);
                          });
        EXPECT_EQ(drawn.size(), static_cast<std::size_t>(std::min(count, size)));
      }
      std::set<std::string> reached;
      for (int i = 0; i < size * 20; ++i) {
        hash.RandomField(random_, [&](std::string_view field, std::string_view value) {
          EXPECT_EQ(all.at(std::string(field)), value);
          reached.emplace(field);
        });
      }
      EXPECT_EQ(reached.size(), all.size());
    }
  }
}

TEST_F(HashTest, ScanMeetsWhatStays) {
  for (const int stays : {3, 100, 3000}) {
    Hash hash = Of(stays);
    std::set<std::string> met;
    std::uint64_t cursor = 0;
    int step = 0;
    do {
      cursor = hash.Scan(cursor, 10,
                         [&](std::string_view field, std::string_view) { met.emplace(field); });
      for (int i = 0; i < 50; ++i) {
        if (step % 100 < 50) {
          Set(hash, "x" + std::to_string(step * 50 + i), "y");
        } else {
          hash.Remove("x" + std::to_string((step - 50) * 50 + i));
        }
      }
      ++step;
    } while (cursor != 0);
    for (int i = 0; i < stays; ++i) EXPECT_TRUE(met.contains("f" + std::to_string(i)));
  }
}

// ---- Times -------------------------------------------------------------------------------------

TEST_F(HashTest, TimesInEveryForm) {
  for (const int fields : {3, 200}) {
    Hash hash = Of(fields);
    const std::size_t plain_bytes = hash.memory_bytes();
    EXPECT_FALSE(hash.has_times());
    EXPECT_EQ(hash.ExpiryOf("f1"), kNever);
    EXPECT_FALSE(hash.ClearExpiry("f1"));
    EXPECT_FALSE(SetExpiry(hash, "nobody", kNow));
    EXPECT_EQ(hash.memory_bytes(), plain_bytes);
    EXPECT_TRUE(SetExpiry(hash, "f1", kNow + 5));
    EXPECT_EQ(hash.encoding(), fields == 3 ? "listpackex" : "hashtable");
    EXPECT_TRUE(SetExpiry(hash, "f2", kNow + 3));
    EXPECT_TRUE(SetExpiry(hash, "f1", kNow + 6));
    EXPECT_EQ(hash.ExpiryOf("f1"), kNow + 6);
    EXPECT_EQ(hash.ExpiryOf("f2"), kNow + 3);
    EXPECT_EQ(hash.ExpiryOf("f0"), kNever);
    EXPECT_FALSE(hash.ExpiryOf("nobody").has_value());
    EXPECT_EQ(hash.MinExpiry(), kNow + 3);
    EXPECT_FALSE(Set(hash, "f1", "new"));
    EXPECT_EQ(hash.ExpiryOf("f1"), kNow + 6);
    EXPECT_EQ(TextOf(hash.Get("f1")), "new");
    EXPECT_TRUE(hash.ClearExpiry("f2"));
    EXPECT_FALSE(hash.ClearExpiry("f2"));
    EXPECT_TRUE(hash.ClearExpiry("f1"));
    EXPECT_FALSE(hash.has_times());
    EXPECT_EQ(hash.size(), static_cast<std::size_t>(fields));
  }
}

TEST_F(HashTest, PackedFieldsLieByTime) {
  Hash hash = Of(4);
  SetExpiry(hash, "f2", kNow + 2);
  SetExpiry(hash, "f0", kNow + 2);
  SetExpiry(hash, "f3", kNow + 1);
  std::string order;
  const auto note = [&order](std::string_view field, std::string_view) { order += field; };
  hash.ForEach(note);
  EXPECT_EQ(order, "f3f2f0f1");
  order.clear();
  hash.ClearExpiry("f3");
  Set(hash, "f4", "4");
  hash.ForEach(note);
  EXPECT_EQ(order, "f2f0f1f3f4");
}

TEST_F(HashTest, TimesSurviveConversion) {
  Hash hash = Of(128);
  for (int i = 0; i < 128; i += 3) SetExpiry(hash, "f" + std::to_string(i), kNow + i);
  EXPECT_EQ(hash.encoding(), "listpackex");
  Set(hash, "one more", "v");
  EXPECT_EQ(hash.encoding(), "hashtable");
  const Hash clone = hash.Clone();
  for (const Hash* each : std::initializer_list<const Hash*>{&hash, &clone}) {
    for (int i = 0; i < 128; ++i) {
      EXPECT_EQ(each->ExpiryOf("f" + std::to_string(i)), i % 3 == 0 ? kNow + i : kNever);
    }
    EXPECT_EQ(each->MinExpiry(), kNow);
  }
}

TEST_F(HashTest, TakeExpiredIsBounded) {
  for (const int fields : {100, 1000}) {
    Hash hash = Of(fields);
    for (int i = 0; i < fields; ++i) SetExpiry(hash, "f" + std::to_string(i), kNow + i);
    std::size_t taken = 0;
    const auto count = [&taken](std::string_view, std::string_view) { ++taken; };
    EXPECT_TRUE(hash.TakeExpired(kNow - 1, 10, count));
    EXPECT_EQ(taken, 0u);
    EXPECT_TRUE(hash.TakeExpired(kNow, 10, count));
    EXPECT_EQ(taken, 1u);
    int steps = 0;
    for (bool done = false; !done; ++steps) {
      const std::size_t before = taken;
      done = hash.TakeExpired(kNow + fields / 2, 10, count);
      EXPECT_LE(taken - before, 10u);
      ASSERT_LT(steps, fields);
    }
    EXPECT_EQ(taken, static_cast<std::size_t>(fields / 2 + 1));
    EXPECT_EQ(hash.size(), static_cast<std::size_t>(fields - fields / 2 - 1));
    EXPECT_EQ(hash.MinExpiry(), kNow + fields / 2 + 1);
    EXPECT_TRUE(hash.TakeExpired(kNever - 1, SIZE_MAX, count));
    EXPECT_TRUE(hash.empty());
    EXPECT_FALSE(hash.has_times());
  }
}

// ---- The model ---------------------------------------------------------------------------------

struct ModelField {
  std::string value;
  UnixMs when = kNever;
};

class Agreement {
 public:
  Agreement(Random& random, const HashLimits& limits) : random_(random), limits_(limits) {}

  void Step(std::vector<TextKind> kinds, std::uint64_t variety, bool times) {
    const std::string field = RandomText(random_, kinds[random_.Below(kinds.size())], variety);
    const std::string value = RandomText(random_, kinds[random_.Below(kinds.size())], 1'000'000);
    switch (random_.Below(times ? 11 : 7)) {
      case 0:
      case 1:
        ASSERT_EQ(hash_.Remove(field), model_.erase(field) == 1);
        break;
      case 2:
        ASSERT_EQ(hash_.Add(field, value, limits_, place_.home),
                  model_.try_emplace(field, value, kNever).second);
        break;
      case 3: {
        Hash clone = hash_.Clone();
        hash_ = std::move(clone);
        break;
      }
      default: {
        const bool is_new = !model_.contains(field);
        ASSERT_EQ(hash_.Set(field, value, limits_, place_.home), is_new);
        model_[field].value = value;
        break;
      }
      case 7:
      case 8:
        SetTime(field);
        break;
      case 9: {
        const auto at = model_.find(field);
        ASSERT_EQ(hash_.ClearExpiry(field), at != model_.end() && at->second.when != kNever);
        if (at != model_.end()) at->second.when = kNever;
        break;
      }
      case 10:
        now_ += static_cast<UnixMs>(random_.Below(20));
        Expire();
    }
    Compare(field);
  }

  void CompareAll() {
    ASSERT_EQ(hash_.size(), model_.size());
    for (const auto& [field, expected] : model_) Compare(field);
    ASSERT_EQ(FieldsOf(hash_).size(), model_.size());
    const bool any = std::any_of(model_.begin(), model_.end(),
                                 [](auto& at) { return at.second.when != kNever; });
    ASSERT_EQ(hash_.has_times(), any);
  }

  std::string_view encoding() const { return hash_.encoding(); }

 private:
  void SetTime(const std::string& field) {
    const UnixMs when = now_ + 1 + static_cast<UnixMs>(random_.Below(300));
    const auto at = model_.find(field);
    ASSERT_EQ(hash_.SetExpiry(field, when, place_.home), at != model_.end());
    if (at != model_.end()) at->second.when = when;
  }

  void Expire() {
    std::set<std::string> taken;
    const std::size_t max = 1 + random_.Below(5);
    while (!hash_.TakeExpired(now_, max, [&](std::string_view field, std::string_view value) {
      const auto at = model_.find(std::string(field));
      ASSERT_NE(at, model_.end());
      ASSERT_LE(at->second.when, now_);
      ASSERT_EQ(at->second.value, value);
      model_.erase(at);
    }))
      continue;
    for (const auto& [field, expected] : model_) ASSERT_GT(expected.when, now_);
    ASSERT_GT(hash_.MinExpiry(), now_);
  }

  void Compare(const std::string& field) {
    const auto at = model_.find(field);
    ASSERT_EQ(hash_.size(), model_.size());
    ASSERT_EQ(hash_.Contains(field), at != model_.end());
    ASSERT_EQ(TextOf(hash_.Get(field)), at != model_.end() ? at->second.value : "(none)");
    if (at != model_.end()) ASSERT_EQ(hash_.ExpiryOf(field), at->second.when);
  }

  Random& random_;
  const HashLimits limits_;
  TestHome place_;
  Hash hash_;
  std::map<std::string, ModelField> model_;
  UnixMs now_ = kNow;
};

TEST_F(HashTest, AgreesWithAStdMap) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  using enum TextKind;
  std::set<std::string> met;
  for (const HashLimits& limits : {kLimits, HashLimits{20, 64}}) {
    for (const std::uint64_t variety : {10, 100, 1000, 100'000}) {
      for (const bool times : {false, true}) {
        Agreement agreement(random, limits);
        for (int step = 0; step < 4000; ++step) {
          std::vector<TextKind> kinds = {kSmallNumber, kShort, kNumber};
          if (step > 3000) kinds.insert(kinds.end(), {kLong, kHuge});
          ASSERT_NO_FATAL_FAILURE(agreement.Step(kinds, variety, times));
          met.emplace(agreement.encoding());
        }
        ASSERT_NO_FATAL_FAILURE(agreement.CompareAll());
      }
    }
  }
  EXPECT_EQ(met, (std::set<std::string>{"hashtable", "listpack", "listpackex"}));
}

}  // namespace
}  // namespace cairn::value
