// SPDX-License-Identifier: BSD-3-Clause
// Files of every type, changed at random, with the checksum that they then have, with the right
// one, and without: each is read or refused, what is read can be walked, and no file makes the
// reader ask for more memory than its bytes can fill.
//
// The files are the fuzzer's (fuzz/corpus/rdb_fuzz), which have every type code between them, and
// one of random bytes behind each type code. Memory is what the allocator says that this thread has
// asked for in all; what was given back counts, so that a moment is not missed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "codec/codec_testing.h"
#include "codec/describe_testing.h"
#include "codec/rdb_reader.h"
#include "io/disk.h"

// jemalloc's, where the program is linked with it.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old, std::size_t* old_bytes,
                                             void* fresh, std::size_t fresh_bytes);

namespace cairn::codec {
namespace {

using testing::StringSource;
using testing::UsualLimits;
using testing::WithChecksum;
using value::TestHome;

constexpr std::size_t kSumBytes = 8;

std::optional<std::uint64_t> BytesAskedFor() {
  if (mallctl == nullptr) return std::nullopt;
  std::uint64_t allocated = 0;
  std::size_t bytes = sizeof(allocated);
  if (mallctl("thread.allocated", &allocated, &bytes, nullptr, 0) != 0) return std::nullopt;
  return allocated;
}

// The types of the keys that were read.
std::set<RdbType> ReadAndWalk(std::string_view bytes) {
  TestHome home;
  StringSource source(bytes);
  RdbReader reader(source, [&home](std::string_view) { return home.home; },
                   {.limits = UsualLimits(), .module_aux = RdbModuleAux::kSkip});
  std::set<RdbType> types;
  RdbItem item;
  do {
    if (!reader.Next(&item).ok()) break;
    if (item.kind != RdbItem::Kind::kKey) continue;
    types.insert(item.type);
    EXPECT_FALSE(testing::Describe(item.value).empty());
  } while (item.kind != RdbItem::Kind::kEnd);
  return types;
}

std::vector<std::string> Files() {
  io::SystemDisk disk;
  const std::string folder = CAIRN_SOURCE_DIR "/fuzz/corpus/rdb_fuzz";
  constexpr std::size_t kBytesMax = 1 << 20;
  std::vector<std::string> files;
  for (const std::string& name : disk.List(folder).value_or(std::vector<std::string>()))
    files.push_back(io::ReadWhole(disk, io::JoinPath(folder, name), kBytesMax).value());
  return files;
}

// One change, of a kind that lengths, counts and codes suffer from.
void ChangeOne(std::string& bytes, Random& random) {
  constexpr unsigned char kTelling[] = {0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc3, 0xf0, 0xfe, 0xff};
  if (bytes.empty()) return;
  const std::size_t at = random.Below(bytes.size());
  switch (random.Below(5)) {
    case 0:
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << random.Below(8));
      return;
    case 1:
      bytes[at] = static_cast<char>(random.Next());
      return;
    case 2:
      bytes[at] = static_cast<char>(kTelling[random.Below(sizeof(kTelling))]);
      return;
    case 3:
      bytes.insert(at, bytes.substr(random.Below(bytes.size()), random.Below(16)));
      return;
    case 4:
      bytes.erase(at, random.Below(16));
      return;
  }
}

// Measured: at most 77 kB, of which 64 are the reader's buffer, for files of up to a kilobyte. What
// the bytes themselves may ask for: a compressed text makes 88 of one, and while it goes from hand
// to hand there are some copies of it.
void ExpectModest(std::string_view bytes) {
  constexpr std::uint64_t kForAnyFile = 128 << 10;
  constexpr std::uint64_t kForAByte = std::uint64_t{4} * 88;
  const std::optional<std::uint64_t> before = BytesAskedFor();
  ReadAndWalk(bytes);
  if (!before) return;
  EXPECT_LE(*BytesAskedFor() - *before, kForAnyFile + kForAByte * bytes.size());
}

void ExpectModestUnderAnyChecksum(const std::string& bytes) {
  ExpectModest(bytes);
  if (bytes.size() < kSumBytes) return;
  const std::string body = bytes.substr(0, bytes.size() - kSumBytes);
  ExpectModest(WithChecksum(body));
  ExpectModest(body + std::string(kSumBytes, '\0'));
}

TEST(RdbFlipsTest, TheFilesHaveEveryType) {
  std::set<RdbType> types;
  for (const std::string& file : Files()) types.merge(ReadAndWalk(file));
  for (std::uint8_t code = 0; code <= kRdbTypeMax; ++code) {
    if (IsRdbValueType(code))
      EXPECT_TRUE(types.contains(static_cast<RdbType>(code))) << static_cast<int>(code);
  }
}

TEST(RdbFlipsTest, ChangedAtRandom) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  constexpr int kRounds = 250;
  for (const std::string& file : Files()) {
    for (int round = 0; round < kRounds && !::testing::Test::HasFailure(); ++round) {
      std::string changed = file;
      for (std::uint64_t left = 1 + random.Below(4); left > 0; --left) ChangeOne(changed, random);
      SCOPED_TRACE(::testing::PrintToString(changed));
      ExpectModestUnderAnyChecksum(changed);
    }
  }
}

// Every type with every claim of a count or a length, and next to nothing behind it.
TEST(RdbFlipsTest, LargeClaims) {
  using namespace std::string_literals;
  const std::string claims[] = {"\x7f\xff"s,
                                "\x80\x7f\xff\xff\xff"s,
                                "\x80\xff\xff\xff\xff"s,
                                "\x81\x00\x00\x00\x01\x00\x00\x00\x00"s,
                                "\x81\x7f\xff\xff\xff\xff\xff\xff\xff"s,
                                "\x81\xff\xff\xff\xff\xff\xff\xff\xff"s,
                                "\xc3\x04\x80\x7f\xff\xff\xff"s};
  for (std::uint8_t code = 0; code <= kRdbTypeMax; ++code) {
    for (const std::string& claim : claims) {
      for (const std::string_view before : {"", "\x01", "\x01\x01"}) {
        const std::string value = std::string(before) + claim + std::string(100, '\x01');
        ExpectModest("REDIS0012" + std::string(1, static_cast<char>(code)) + "\x01k" + value);
        // Where a base or the earliest time comes first.
        ExpectModest("REDIS0012" + std::string(1, static_cast<char>(code)) + "\x01k" +
                     std::string(8, '\0') + value);
      }
    }
  }
}

TEST(RdbFlipsTest, NoiseBehindEveryType) {
  const std::uint64_t seed = SecureRandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 400; ++round) {
    for (std::uint8_t code = 0; code <= kRdbTypeMax; ++code) {
      std::string bytes = "REDIS0012" + std::string(1, static_cast<char>(code)) + "\x01k";
      for (std::uint64_t left = random.Below(200); left > 0; --left)
        bytes += static_cast<char>(random.Next());
      ExpectModest(bytes);
    }
  }
}

}  // namespace
}  // namespace cairn::codec
