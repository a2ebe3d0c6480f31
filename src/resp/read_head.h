// SPDX-License-Identifier: BSD-3-Clause
// ReadHead: how requests for one command with one argument begin, to know the next one by.
//
//     "*2\r\n$3\r\nGET\r\n"  "$5\r\nkey:1\r\n"
//      head                   argument
//
// A cache is asked the same thing over and over: after the first GET, the next is recognised by
// comparing two words, and only its key is left to parse. The head is copied, so it outlives the
// input it was seen in. Belongs to one thread. Cost: some thirty instructions a request.
#ifndef CAIRN_RESP_READ_HEAD_H_
#define CAIRN_RESP_READ_HEAD_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "resp/short_bulk.h"

namespace cairn::resp {

class ReadHead {
 public:
  static constexpr std::size_t kBytesMin = 8;
  static constexpr std::size_t kBytesMax = 16;  // names of up to six letters

  ReadHead() = default;
  // REQUIRES: kBytesMin <= head.size() <= kBytesMax.
  explicit ReadHead(std::string_view head)
      : size_(head.size()),
        first_(LoadWord<std::uint64_t>(head.data())),
        last_(LoadWord<std::uint64_t>(head.data() + head.size() - 8)) {
    std::memcpy(bytes_, head.data(), head.size());
  }
  explicit operator bool() const { return size_ != 0; }
  std::string_view bytes() const { return {bytes_, size_}; }

  // If a request with this head and an argument of up to kShortBulkMax bytes stands at `at`,
  // whole: where it ends, and the argument. Else null.
  const char* Take(const char* at, const char* end, std::string_view* argument) const {
    if (end - at < static_cast<std::ptrdiff_t>(size_ + kShortBulkMin)) return nullptr;
    if (LoadWord<std::uint64_t>(at) != first_ || LoadWord<std::uint64_t>(at + size_ - 8) != last_)
      return nullptr;
    return TakeShortBulk(at + size_, end, argument);
  }

 private:
  std::size_t size_ = 0;  // 0: none is known
  std::uint64_t first_ = 0;
  std::uint64_t last_ = 0;
  char bytes_[kBytesMax] = {};
};

}  // namespace cairn::resp

#endif  // CAIRN_RESP_READ_HEAD_H_
