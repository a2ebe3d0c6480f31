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

namespace cairn::resp {

class ReadHead {
 public:
  static constexpr std::size_t kBytesMin = 8;
  static constexpr std::size_t kBytesMax = 16;  // names of up to six letters
  static constexpr std::uint32_t kArgumentBytesMax = 99;

  ReadHead() = default;
  // REQUIRES: kBytesMin <= head.size() <= kBytesMax.
  explicit ReadHead(std::string_view head)
      : size_(head.size()),
        first_(Load<std::uint64_t>(head.data())),
        last_(Load<std::uint64_t>(head.data() + head.size() - 8)) {
    std::memcpy(bytes_, head.data(), head.size());
  }
  explicit operator bool() const { return size_ != 0; }
  std::string_view bytes() const { return {bytes_, size_}; }

  // If a request with this head and an argument of up to kArgumentBytesMax bytes stands at `at`,
  // whole: where it ends, and the argument. Else null. Redis skips the byte after '\r' unread, and
  // so does this.
  const char* Take(const char* at, const char* end, std::string_view* argument) const {
    if (end - at < static_cast<std::ptrdiff_t>(size_ + 4)) return nullptr;
    if (Load<std::uint64_t>(at) != first_ || Load<std::uint64_t>(at + size_ - 8) != last_)
      return nullptr;
    at += size_;
    const auto header = Load<std::uint32_t>(at);  // "$3\r\n" or "$16\r"
    const std::uint32_t first = (header >> 8 & 0xff) - '0';
    const std::uint32_t second = (header >> 16 & 0xff) - '0';
    if ((header & 0xff) != '$' || first > 9) return nullptr;
    std::uint32_t size = first;
    if (second <= 9 && first != 0 && header >> 24 == '\r') {
      size = 10 * first + second;
      ++at;
    } else if ((header >> 16 & 0xff) != '\r') {
      return nullptr;
    }
    at += 4;
    if (end - at < static_cast<std::ptrdiff_t>(size + 2)) return nullptr;
    *argument = {at, size};
    return at + size + 2;
  }

 private:
  template <class Word>
  static Word Load(const char* from) {
    Word word;
    std::memcpy(&word, from, sizeof(word));
    return word;
  }

  std::size_t size_ = 0;  // 0: none is known
  std::uint64_t first_ = 0;
  std::uint64_t last_ = 0;
  char bytes_[kBytesMax] = {};
};

}  // namespace cairn::resp

#endif  // CAIRN_RESP_READ_HEAD_H_
