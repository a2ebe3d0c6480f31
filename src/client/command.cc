// SPDX-License-Identifier: BSD-3-Clause
// Words are appended to one string; where each ends is remembered.
#include "cairn/command.h"

#include "base/text.h"

namespace cairn::cache {

void Command::AddText(std::string_view word) {
  bytes_.append(word);
  if (count_ < kInlineWords) {
    first_ends_[count_] = bytes_.size();
  } else {
    more_ends_.push_back(bytes_.size());
  }
  ++count_;
}

void Command::AddSigned(std::int64_t number) {
  char text[kInt64TextMax];
  AddText({text, FormatInt64(text, number)});
}

void Command::AddUnsigned(std::uint64_t number) {
  char text[kInt64TextMax];
  AddText({text, FormatUint64(text, number)});
}

void Command::AddDouble(double number) {
  char text[kDoubleTextMax];
  AddText({text, FormatDouble(text, number)});
}

}  // namespace cairn::cache
