// SPDX-License-Identifier: BSD-3-Clause
// OwnedArgs: a request's arguments kept beyond its input, their bytes in one piece.
//
// Copying a hundred thousand of them takes about a millisecond; a string each would take ten times
// that. Who has very many in an input of his own gives that away instead, and nothing is copied.
// Views stay where they are when it is moved.
#ifndef CAIRN_COMMAND_OWNED_ARGS_H_
#define CAIRN_COMMAND_OWNED_ARGS_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace cairn::command {

class OwnedArgs {
 public:
  using Views = std::unique_ptr<std::string_view[]>;

  explicit OwnedArgs(std::span<const std::string_view> args)
      : count_(args.size()),
        views_(std::make_unique_for_overwrite<std::string_view[]>(args.size())) {
    for (const std::string_view arg : args) bytes_size_ += arg.size();
    bytes_ = std::make_unique_for_overwrite<char[]>(bytes_size_);
    char* to = bytes_.get();
    std::string_view* view = views_.get();
    for (const std::string_view arg : args) {
      if (!arg.empty()) std::memcpy(to, arg.data(), arg.size());
      *view++ = {to, arg.size()};
      to += arg.size();
    }
  }
  // `views` are into `input`, which is too long to be kept within a std::string itself.
  OwnedArgs(std::string input, Views views, std::size_t count)
      : bytes_size_(input.size()),
        count_(count),
        input_(std::move(input)),
        views_(std::move(views)) {}

  std::span<const std::string_view> views() const { return {views_.get(), count_}; }
  std::size_t memory_bytes() const { return bytes_size_ + count_ * sizeof(std::string_view); }
  // Of the arguments alone.
  std::size_t argument_bytes() const {
    if (input_.empty()) return bytes_size_;
    std::size_t bytes = 0;
    for (const std::string_view arg : views()) bytes += arg.size();
    return bytes;
  }
  // There are none any more.
  void Clear() {
    bytes_size_ = count_ = 0;
    bytes_ = nullptr;
    std::string().swap(input_);
    views_ = nullptr;
  }

 private:
  std::size_t bytes_size_ = 0;
  std::size_t count_;
  std::unique_ptr<char[]> bytes_;
  std::string input_;
  Views views_;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_OWNED_ARGS_H_
