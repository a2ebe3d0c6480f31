// SPDX-License-Identifier: BSD-3-Clause
// The manifest: what Redis writes is read and written back; what cannot be right names its line.
#include "codec/manifest.h"

#include <gtest/gtest.h>

namespace cairn::codec {
namespace {

TEST(Manifest, ComesBackAsItWasWritten) {
  const std::string text =
      "file appendonly.aof.3.base.rdb seq 3 type b\n"
      "file appendonly.aof.1.incr.aof seq 1 type h\n"
      "file appendonly.aof.2.incr.aof seq 2 type i\n"
      "file appendonly.aof.3.incr.aof seq 3 type i\n";
  const Result<Manifest> manifest = ParseManifest(text);
  ASSERT_TRUE(manifest.has_value()) << manifest.error().message();
  EXPECT_EQ(manifest->base, (ManifestFile{"appendonly.aof.3.base.rdb", 3}));
  EXPECT_EQ(manifest->history.size(), 1);
  EXPECT_EQ(manifest->increments.size(), 2);
  EXPECT_TRUE(manifest->Lists("appendonly.aof.1.incr.aof"));
  EXPECT_FALSE(manifest->Lists("appendonly.aof.4.incr.aof"));
  EXPECT_EQ(FormatManifest(*manifest), text);
}

TEST(Manifest, NamesAreQuotedWhereTheyNeedIt) {
  for (const std::string name : {"a b", "\"", "'", "\xff\n", "a", "\t"}) {
    Manifest manifest;
    manifest.increments.push_back({name, 1});
    const std::string text = FormatManifest(manifest);
    EXPECT_EQ(text.find('"') != std::string::npos, name != "a") << text;
    const Result<Manifest> again = ParseManifest(text);
    ASSERT_TRUE(again.has_value()) << text;
    EXPECT_EQ(*again, manifest);
  }
}

TEST(Manifest, IsReadAsRedisReadsIt) {
  const Result<Manifest> manifest = ParseManifest(
      "# a comment\n"
      "  type i seq 7 FILE x extra word\r\n"
      "file y seq 9 type i\n");
  ASSERT_TRUE(manifest.has_value()) << manifest.error().message();
  EXPECT_EQ(manifest->increments, (std::vector<ManifestFile>{{"x", 7}, {"y", 9}}));
}

TEST(Manifest, WhatCannotBeRightIsRefusedWithItsLine) {
  struct Case {
    std::string text;
    std::string trouble;
  };
  const std::string line = "file a seq 1 type i\n";
  const std::vector<Case> cases = {
      {"", "it names no file"},
      {"# nothing\n", "it names no file"},
      {"\n", "line 1: expected \"file NAME seq NUMBER type LETTER\""},
      {line + "file b seq 2 type\n", "line 2: expected \"file NAME seq NUMBER type LETTER\""},
      {"file \"a seq 1 type i\n", "line 1: expected \"file NAME seq NUMBER type LETTER\""},
      {"file a seq 1 type i", "line 1: it does not end"},
      {"file a seq 1 tape i\n", "line 1: file, seq and type are all needed"},
      {"file a/b seq 1 type i\n", "line 1: a file must be a name, not a path"},
      {"file .. seq 1 type i\n", "line 1: a file must be a name, not a path"},
      {"file \"\" seq 1 type i\n", "line 1: a file must be a name, not a path"},
      {"file a seq 0 type i\n", "line 1: the sequence number must be above 0"},
      {"file a seq 1x type i\n", "line 1: the sequence number must be above 0"},
      {"file a seq 1 type x\n", "line 1: unknown type of file"},
      {"file a seq 1 type incr\n", "line 1: unknown type of file"},
      {line + line, "line 2: a file is named twice"},
      {line + "file b seq 1 type i\n", "line 2: the sequence numbers of increments must ascend"},
      {"file a seq 1 type b\nfile b seq 2 type b\n", "line 2: a second base file"},
  };
  for (const Case& each : cases) {
    const Result<Manifest> manifest = ParseManifest(each.text);
    ASSERT_FALSE(manifest.has_value()) << each.text;
    EXPECT_EQ(manifest.error().message(), each.trouble) << each.text;
  }
}

TEST(Manifest, LinesAndNamesHaveALimit) {
  std::string line = "file a seq 1 type i";
  line.resize(kManifestLineMax - 1, ' ');
  EXPECT_TRUE(ParseManifest(line + "\n").has_value());
  EXPECT_EQ(ParseManifest(line + " \n").error().message(), "line 1: too long");
  const std::size_t name_max = (kManifestLineMax - 100) / 4;
  EXPECT_FALSE(IsManifestName(std::string(name_max + 1, 'x')));
  Manifest manifest;
  manifest.base = ManifestFile{std::string(name_max, '\xff'), INT64_MAX};
  EXPECT_EQ(ParseManifest(FormatManifest(manifest)).value(), manifest);
  EXPECT_EQ(ParseManifest(std::string(kManifestBytesMax + 1, '#')).error().code(),
            StatusCode::kLimit);
}

}  // namespace
}  // namespace cairn::codec
