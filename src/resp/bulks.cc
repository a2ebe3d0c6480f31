// SPDX-License-Identifier: BSD-3-Clause
// Looks at the headers only, however long the arguments are.
#include "resp/bulks.h"

#include <cstddef>

#include "base/text.h"

namespace cairn::resp {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

}  // namespace

std::string_view BulksWithin(std::string_view input, std::span<const std::string_view> args) {
  const char* begin = nullptr;
  const char* at = nullptr;  // behind the arguments so far
  for (const std::string_view arg : args) {
    char header[1 + kInt64TextMax + kLineEnd.size()] = {'$'};
    char* end = FormatInt64(header + 1, static_cast<std::int64_t>(arg.size()));
    for (const char c : kLineEnd) *end++ = c;
    const std::string_view expected(header, static_cast<std::size_t>(end - header));
    if (arg.data() < input.data() || arg.data() + arg.size() > input.data() + input.size())
      return {};
    const auto offset = static_cast<std::size_t>(arg.data() - input.data());
    if (offset < expected.size() ||
        input.substr(offset - expected.size(), expected.size()) != expected ||
        input.substr(offset + arg.size(), kLineEnd.size()) != kLineEnd)
      return {};
    const char* const head = arg.data() - expected.size();
    if (at != nullptr && head != at) return {};
    if (begin == nullptr) begin = head;
    at = arg.data() + arg.size() + kLineEnd.size();
  }
  return {begin, static_cast<std::size_t>(at - begin)};
}

}  // namespace cairn::resp
