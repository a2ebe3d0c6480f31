// SPDX-License-Identifier: BSD-3-Clause
// Arbitrary bytes as a HyperLogLog value. SET can store any string, so PFADD, PFCOUNT, PFMERGE and
// PFDEBUG must answer for all of them. The input is cut in two by its first two bytes, to have a
// pair of values to merge.
//
// Checked beyond "no crash and no bad read": what counts can be made dense, and counts the same
// there; a value that takes an element takes it only once; a union does not know the order of its
// sources; whatever a merge gives counts like the union.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "value/hyperloglog.h"

namespace {

namespace value = cairn::value;

// Copied to the heap at exactly its size, so that the sanitizer sees a read behind it.
void AddTo(std::string copy, std::string_view element, std::size_t sparse_bytes_max) {
  copy.shrink_to_fit();
  const auto before = value::HllCount(copy);
  const auto changed = value::HllAdd(copy, {&element, 1}, sparse_bytes_max);
  if (!changed) return;
  const auto again = value::HllAdd(copy, {&element, 1}, sparse_bytes_max);
  CHECK(again.has_value());
  CHECK(!*again);
  if (before) CHECK(value::HllCount(copy).has_value());
  if (*changed) CHECK(!value::HllCachedCount(copy).has_value());
}

void Look(const std::string& bytes) {
  const auto encoding = value::HllEncodingOf(bytes);
  const auto count = value::HllCount(bytes);
  CHECK(encoding.has_value() || !count.has_value());
  if (!encoding) return;
  (void)value::HllCachedCount(bytes);
  if (*encoding == value::HllEncoding::kSparse) (void)value::HllRunsText(bytes);
  const auto dense = value::HllToDense(bytes);
  CHECK(dense.has_value() == count.has_value());
  if (dense) CHECK(value::HllCount(*dense) == count);
}

void Unite(const std::string& a, const std::string& b, std::size_t sparse_bytes_max) {
  value::HllUnion forward;
  value::HllUnion backward;
  if (!forward.Add(a) || !forward.Add(b)) return;
  CHECK(backward.Add(b).has_value());
  CHECK(backward.Add(a).has_value());
  CHECK(forward.Count() == backward.Count());
  for (const std::string& destination : {a, b, std::string()}) {
    const auto merged = forward.MergedInto(destination, sparse_bytes_max);
    CHECK(merged.has_value());
    CHECK(value::HllCount(*merged) == forward.Count());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = static_cast<std::size_t>(data[0] | data[1] << 8) % (size - 2);
  const std::size_t sparse_bytes_max = std::size_t{data[2]} * 64;
  const std::string a(input.substr(2, cut));
  const std::string b(input.substr(2 + cut));
  for (const std::string& bytes : {a, b}) {
    Look(bytes);
    for (const std::string_view element : {"a", "some other element", "7"}) {
      AddTo(bytes, element, sparse_bytes_max);
    }
  }
  // Bytes rarely make a header by chance: give both halves one, too.
  const std::string header = value::NewHll().substr(0, value::kHllHeaderBytes);
  for (const std::string& bytes : {header + a, header + b}) {
    Look(bytes);
    AddTo(bytes, input.substr(0, 3), sparse_bytes_max);
  }
  Unite(a, b, sparse_bytes_max);
  Unite(header + a, header + b, sparse_bytes_max);
  Unite(value::NewHll(), header + b, sparse_bytes_max);
  return 0;
}
