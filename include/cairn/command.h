// SPDX-License-Identifier: BSD-3-Clause
// Command: the words of one command, any bytes in each.
//
//   const Command set("SET", key, value, "PX", 5000);
//   Command mget("MGET");
//   for (const std::string& word : words) mget.Add(word);
//
// Words are copied, so nothing has to outlive the Command. Numbers are words of their decimal
// digits; doubles are written with as many digits as bring the same number back. Words are never
// parsed: no blank or quote in them means anything.
//
// Errors: none here; a command that makes no sense is the call's (cairn/client.h). Thread safety: a
// value. Lifetimes: operator[] gives a view, good until the next Add. Cost: one allocation for
// words of more than 15 bytes together, another beyond eight words.
#ifndef CAIRN_COMMAND_H_
#define CAIRN_COMMAND_H_

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cairn::cache {

class Command {
 public:
  // What can be a word.
  template <class T>
  static constexpr bool kIsWord =
      std::convertible_to<const T&, std::string_view> ||
      (std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>) ||
      std::floating_point<T>;

  Command() = default;
  template <class... Words>
    requires(kIsWord<std::remove_cvref_t<Words>> && ...)
  explicit Command(std::string_view name, const Words&... words) {
    Add(name);
    (Add(words), ...);
  }

  template <class T>
    requires kIsWord<std::remove_cvref_t<T>>
  Command& Add(const T& word) {
    if constexpr (std::convertible_to<const T&, std::string_view>) {
      AddText(word);
    } else if constexpr (std::floating_point<T>) {
      AddDouble(static_cast<double>(word));
    } else if constexpr (std::is_unsigned_v<T>) {
      AddUnsigned(word);
    } else {
      AddSigned(word);
    }
    return *this;
  }
  // Each of a range of words.
  template <class Range>
  Command& AddAll(const Range& words) {
    for (const auto& word : words) Add(word);
    return *this;
  }

  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  // REQUIRES: i < size()
  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : end_of(i - 1);
    return std::string_view(bytes_).substr(begin, end_of(i) - begin);
  }
  // The bytes of all words together.
  std::size_t word_bytes() const { return bytes_.size(); }

 private:
  static constexpr std::size_t kInlineWords = 8;

  void AddText(std::string_view word);
  void AddSigned(std::int64_t number);
  void AddUnsigned(std::uint64_t number);
  void AddDouble(double number);
  std::size_t end_of(std::size_t i) const {
    return i < kInlineWords ? first_ends_[i] : more_ends_[i - kInlineWords];
  }

  std::string bytes_;
  std::size_t count_ = 0;
  std::array<std::size_t, kInlineWords> first_ends_{};
  std::vector<std::size_t> more_ends_;
};

}  // namespace cairn::cache

#endif  // CAIRN_COMMAND_H_
