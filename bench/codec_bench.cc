// SPDX-License-Identifier: BSD-3-Clause
// What writing and reading RDB costs: nanoseconds a key, and megabytes a second of the checksum.
//
//   codec_bench [keys]      (default 200000)
//
// Keys are "key:000000123" (13 bytes). Each row is a file of keys of one kind, written into a sink
// that counts, and read from memory into values that are dropped at once: what a save and a load
// take besides the keyspace and the disk. Times are the best of five rounds, since other load on
// the machine only adds.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/hash.h"
#include "base/random.h"
#include "codec/rdb_reader.h"
#include "codec/rdb_writer.h"
#include "ds/slab.h"

namespace cairn::codec {
namespace {

constexpr int kRounds = 5;

class Sink final : public ByteSink {
 public:
  Status Write(std::string_view bytes) override {
    taken.append(bytes);
    return {};
  }
  std::string taken;
};

class Source final : public ByteSource {
 public:
  explicit Source(std::string_view bytes) : bytes_(bytes) {}
  Result<std::size_t> Read(std::span<char> into) override {
    const std::size_t count = std::min(into.size(), bytes_.size());
    if (count > 0) std::memcpy(into.data(), bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }
  std::uint64_t bytes_left_max() const override { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

// Nanoseconds of the quickest round.
template <class Fn>
double BestOf(Fn fn) {
  double best = 1e18;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    fn();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
  }
  return best;
}

class Bench {
 public:
  explicit Bench(std::uint64_t keys) : keys_(keys) {}

  void Run() {
    Checksum();
    fmt::print("{:28}{:>12}{:>12}{:>12}\n", "a key with", "bytes", "write ns", "read ns");
    const std::string text = RandomText(100);
    Row("a number", keys_, std::string_view("123456"));
    Row("16 bytes", keys_, std::string_view(text).substr(0, 16));
    Row("100 bytes", keys_, std::string_view(text));
    Row("100 bytes, compressible", keys_, std::string_view(std::string(100, 'x')));
    value::Hash hash;
    value::SortedSet sorted_set;
    value::List list;
    value::Set set;
    for (int i = 0; i < 10; ++i) Grow(i, hash, sorted_set, list, set);
    Row("a hash of 10", keys_, hash);
    Row("a sorted set of 10", keys_, sorted_set);
    Row("a list of 10", keys_, list);
    Row("a set of 10 texts", keys_, set);
    for (int i = 10; i < 1000; ++i) Grow(i, hash, sorted_set, list, set);
    Row("a hash of 1000", keys_ / 200, hash);
    Row("a sorted set of 1000", keys_ / 200, sorted_set);
    Row("a list of 1000", keys_ / 200, list);
    Row("a set of 1000 texts", keys_ / 200, set);
    Row("a stream of 1000", keys_ / 200, stream_);
  }

 private:
  std::string RandomText(std::size_t size) {
    std::string text(size, '\0');
    for (char& byte : text) byte = static_cast<char>('!' + random_.Below(90));
    return text;
  }

  void Grow(int i, value::Hash& hash, value::SortedSet& sorted_set, value::List& list,
            value::Set& set) {
    const std::string text = "element:" + std::to_string(i);
    const std::string_view view = text;
    const std::string_view fields[] = {"field", view};
    hash.Set(text, "value", limits_.hash, home_);
    sorted_set.Add(text, i, {}, limits_.sorted_set, home_);
    list.Push(value::ListEnd::kBack, std::span(&view, 1), limits_.list);
    set.Add(text, limits_.set, home_);
    CHECK(stream_.Append({}, fields, 1'700'000'000'000 + i, {}, arena_).has_value());
  }

  void Checksum() const {
    const std::string bytes(64 << 10, 'x');
    std::uint64_t sum = 0;
    const double took = BestOf([&] {
      for (int i = 0; i < 1000; ++i) sum = Crc64(sum, bytes);
    });
    fmt::print("checksum: {:.0f} MB/s (sum {:x})\n", 1000.0 * bytes.size() / took * 1e3, sum);
  }

  template <class V>
  void Row(std::string_view name, std::uint64_t keys, const V& value) {
    Sink sink;
    const double write = BestOf([&] {
      sink.taken.clear();
      RdbWriter writer(sink, {});
      for (std::uint64_t i = 0; i < keys; ++i)
        writer.Key({.key = fmt::format("key:{:09}", i)}, value);
      CHECK(writer.End().ok());
    });
    const double read = BestOf([&] {
      Source source(sink.taken);
      RdbReader reader(source, [this](std::string_view) { return home_; }, {.limits = limits_});
      RdbItem item;
      do {
        CHECK(reader.Next(&item).ok());
      } while (item.kind != RdbItem::Kind::kEnd);
    });
    const auto each = static_cast<double>(keys);
    fmt::print("{:28}{:>12.1f}{:>12.0f}{:>12.0f}\n", name,
               static_cast<double>(sink.taken.size()) / each, write / each, read / each);
  }

  const std::uint64_t keys_;
  Random random_{7};
  ds::SlabArena arena_;
  const value::TableHome home_{.arena = &arena_, .seed = HashSeed(7)};
  const RdbValueLimits limits_{
      .list = {},
      .hash = {.packed_entries = 128, .packed_value_bytes = 64},
      .set = {.int_entries = 512, .packed_entries = 128, .packed_value_bytes = 64},
      .sorted_set = {.packed_entries = 128, .packed_value_bytes = 64}};
  value::Stream stream_;
};

}  // namespace
}  // namespace cairn::codec

int main(int argc, char** argv) {
  constexpr std::uint64_t kKeys = 200'000;
  cairn::codec::Bench(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : kKeys).Run();
  return 0;
}
