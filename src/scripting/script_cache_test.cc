// SPDX-License-Identifier: BSD-3-Clause
// Which scripts of EVAL go when there are more than are kept, and what stays.
#include "scripting/script_cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace cairn::scripting {
namespace {

using From = ScriptCache::From;

std::shared_ptr<Script> Put(ScriptCache& cache, int n, From from = From::kEval) {
  return cache.Add("sha" + std::to_string(n), "return " + std::to_string(n), {}, from);
}

bool Has(const ScriptCache& cache, int n) {
  return cache.Find("sha" + std::to_string(n)) != nullptr;
}

void Fill(ScriptCache& cache) {
  for (int n = 0; n < static_cast<int>(ScriptCache::kEvalScriptsMax); ++n) Put(cache, n);
}

constexpr int kNew = 1'000'000;

TEST(ScriptCache, TheOldestGoesAtTheLimit) {
  ScriptCache cache;
  Fill(cache);
  EXPECT_TRUE(Has(cache, 0));
  const std::shared_ptr<Script> oldest = cache.Find("sha0");
  Put(cache, kNew);
  EXPECT_FALSE(Has(cache, 0));
  EXPECT_TRUE(Has(cache, 1));
  EXPECT_TRUE(Has(cache, kNew));
  EXPECT_EQ(cache.count(), ScriptCache::kEvalScriptsMax);
  EXPECT_TRUE(oldest->is_gone.load()) << "who knows it by pointer learns of it";
}

TEST(ScriptCache, WhatWasUsedGetsASecondChanceAndNoThird) {
  ScriptCache cache;
  Fill(cache);
  for (const char* used : {"sha0", "sha1"}) cache.Find(used)->was_used.store(true);
  Put(cache, kNew);
  EXPECT_TRUE(Has(cache, 0) && Has(cache, 1));
  EXPECT_FALSE(Has(cache, 2));
  // Both stand behind all others now, and are unused since.
  for (int n = 3; n < static_cast<int>(ScriptCache::kEvalScriptsMax); ++n) Put(cache, kNew + n);
  EXPECT_TRUE(Has(cache, 0) && Has(cache, 1));
  Put(cache, 2 * kNew);
  Put(cache, 3 * kNew);
  Put(cache, 4 * kNew);
  EXPECT_FALSE(Has(cache, 0) || Has(cache, 1));
}

TEST(ScriptCache, OneGoesAlsoWhereAllAreInUse) {
  ScriptCache cache;
  Fill(cache);
  for (int n = 0; n < static_cast<int>(ScriptCache::kEvalScriptsMax); ++n)
    cache.Find("sha" + std::to_string(n))->was_used.store(true);
  Put(cache, kNew);
  EXPECT_FALSE(Has(cache, 0));
  EXPECT_EQ(cache.count(), ScriptCache::kEvalScriptsMax);
}

TEST(ScriptCache, WhatIsLoadedStaysAndTakesNobodysPlace) {
  ScriptCache cache;
  Put(cache, -1, From::kLoad);
  const std::shared_ptr<Script> first = Put(cache, -2);
  EXPECT_EQ(Put(cache, -2, From::kLoad), first) << "the one that is there";
  EXPECT_EQ(Put(cache, -1, From::kEval), cache.Find("sha-1"));
  Fill(cache);
  Put(cache, kNew);
  EXPECT_TRUE(Has(cache, -1) && Has(cache, -2));
  EXPECT_EQ(cache.count(), ScriptCache::kEvalScriptsMax + 2);
}

TEST(ScriptCache, MemoryIsThatOfWhatIsThere) {
  ScriptCache cache;
  EXPECT_EQ(cache.memory_bytes(), 0u);
  const std::string large(10'000, 'x');
  const std::shared_ptr<Script> script = cache.Add("sha-1", large, {}, From::kEval);
  EXPECT_GT(cache.memory_bytes(), large.size());
  Fill(cache);
  EXPECT_FALSE(Has(cache, -1));
  const std::size_t bytes = cache.memory_bytes();
  Put(cache, 7);
  EXPECT_EQ(cache.memory_bytes(), bytes) << "it was there";
  EXPECT_EQ(cache.Flush(), ScriptCache::kEvalScriptsMax);
  EXPECT_EQ(cache.memory_bytes(), 0u);
  EXPECT_EQ(cache.count(), 0u);
  EXPECT_TRUE(script->is_gone.load());
}

}  // namespace
}  // namespace cairn::scripting
