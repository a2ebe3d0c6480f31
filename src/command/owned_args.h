// SPDX-License-Identifier: BSD-3-Clause
// OwnedArgs: a request's arguments kept beyond its input, their bytes in one piece.
//
// Copying a hundred thousand of them takes about a millisecond, and so do three megabytes; a string
// each would take ten times that. Who has them in an input of his own gives that away instead, and
// nothing is copied. Views stay where they are when it is moved.
//
//     input of a connection --TakeArgs--> OwnedArgs, in a Parked (parked.h) or queued by MULTI
//                                            |--TakeBlob--> Blob: a value, a reply, a message
//                                            '--LeaveTo---> Trash: what is left when it has run
#ifndef CAIRN_COMMAND_OWNED_ARGS_H_
#define CAIRN_COMMAND_OWNED_ARGS_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/blob.h"
#include "keyspace/trash.h"

namespace cairn::command {

class OwnedArgs {
 public:
  using Views = std::unique_ptr<std::string_view[]>;

  // A value of so many bytes becomes a blob together with the input, where at most an eighth as
  // much stands around it.
  static constexpr std::size_t kGivenBytesMin = 64 * 1024;
  static constexpr std::size_t kGivenWaste = 8;
  // Whether a value of so many bytes takes an input along that has so much memory.
  static bool TakesInput(std::size_t value_bytes, std::size_t memory_bytes) {
    return value_bytes >= kGivenBytesMin && memory_bytes - value_bytes <= value_bytes / kGivenWaste;
  }
  // A blob of bytes that stand in `input`, which it takes over: a new reference; the views stay
  // good while there is one. Null, and nothing done, if that is not worth while.
  static Blob* BlobOf(ByteBuffer& input, std::string_view bytes) {
    if (!input.Holds(bytes) || !TakesInput(bytes.size(), input.memory_bytes())) return nullptr;
    return Blob::Adopt(std::exchange(input, ByteBuffer()), bytes);
  }

  explicit OwnedArgs(std::span<const std::string_view> args)
      : count_(args.size()),
        views_(std::make_unique_for_overwrite<std::string_view[]>(args.size())) {
    std::size_t bytes = 0;
    for (const std::string_view arg : args) bytes += arg.size();
    memory_bytes_ = bytes + count_ * sizeof(std::string_view);
    bytes_ = std::make_unique_for_overwrite<char[]>(bytes);
    char* to = bytes_.get();
    std::string_view* view = views_.get();
    for (const std::string_view arg : args) {
      if (!arg.empty()) std::memcpy(to, arg.data(), arg.size());
      *view++ = {to, arg.size()};
      to += arg.size();
    }
  }
  // `views` are into `input`.
  OwnedArgs(ByteBuffer input, Views views, std::size_t count)
      : memory_bytes_(input.memory_bytes() + count * sizeof(std::string_view)),
        count_(count),
        input_(std::move(input)),
        views_(std::move(views)) {}

  std::span<const std::string_view> views() const { return {views_.get(), count_}; }
  std::size_t memory_bytes() const { return memory_bytes_; }
  // Of the arguments alone.
  std::size_t argument_bytes() const {
    std::size_t bytes = 0;
    for (const std::string_view arg : views()) bytes += arg.size();
    return bytes;
  }
  // As Session::TakeBlob.
  Blob* TakeBlob(std::string_view bytes) {
    Blob* blob = BlobOf(input_, bytes);
    if (blob != nullptr) given_ = BlobRef(blob);
    return blob;
  }
  // What the arguments came in, if it is still kept.
  std::string_view input() const { return input_.view(); }
  // There are none any more. What is large goes to `trash`: giving it back to the system holds up
  // every thread that asks for memory.
  void LeaveTo(keyspace::Trash& trash) {
    memory_bytes_ = count_ = 0;
    bytes_ = nullptr;
    if (input_.memory_bytes() > keyspace::Trash::kBytesAtOnceMax) trash.AddSpare(std::move(input_));
    input_.Free();
    given_ = BlobRef();
    views_ = nullptr;
  }

 private:
  std::size_t memory_bytes_ = 0;
  std::size_t count_;
  std::unique_ptr<char[]> bytes_;
  ByteBuffer input_;
  BlobRef given_;  // the input, where it has become a value
  Views views_;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_OWNED_ARGS_H_
