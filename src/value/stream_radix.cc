// SPDX-License-Identifier: BSD-3-Clause
// How large Redis's radix tree would be: what XINFO STREAM calls radix-tree-nodes.
//
// That tree holds the nodes' first ids as 16 bytes, most significant first. It has a node for every
// key's end, one for every place where keys part, and one for every run of bytes between them that
// no choice is made in; the first byte of a run belongs to the node where the choice is made. So it
// follows from how many leading bytes neighbours share, and no tree is built.
#include <array>
#include <bit>

#include "value/stream.h"
#include "value/stream_body.h"

namespace cairn::value {
namespace {

constexpr std::size_t kKeyBytes = 16;

std::size_t SharedBytes(StreamId a, StreamId b) {
  if (a.ms != b.ms) return static_cast<std::size_t>(std::countl_zero(a.ms ^ b.ms)) / 8;
  if (a.seq != b.seq) return 8 + static_cast<std::size_t>(std::countl_zero(a.seq ^ b.seq)) / 8;
  return kKeyBytes;
}

// Takes keys in order and keeps the partings on the way to the last one.
class RadixCount {
 public:
  void Add(StreamId key) {
    if (keys_ > 0) {
      const std::size_t depth = SharedBytes(last_, key);
      Hang(CloseBelow(depth), depth);
      if (open_ == 0 || depths_[open_ - 1] < depth) depths_[open_++] = depth;
    }
    last_ = key;
    ++keys_;
  }

  std::size_t Finish() {
    if (keys_ == 0) return 1;
    std::size_t child = CloseBelow(0);
    if (open_ > 0) {
      Hang(child, depths_[0]);
      child = depths_[0];
    }
    return nodes_ + 1 + (child > 0 ? 1 : 0);
  }

 private:
  // A key's end or a parting at `child` below the parting at `parent`, with the run between.
  void Hang(std::size_t child, std::size_t parent) { nodes_ += 1 + (child - parent > 1 ? 1 : 0); }
  // Closes the last key and the partings that lie deeper; what then is to be hung somewhere.
  std::size_t CloseBelow(std::size_t depth) {
    std::size_t child = kKeyBytes;
    for (; open_ > 0 && depths_[open_ - 1] > depth; --open_) {
      Hang(child, depths_[open_ - 1]);
      child = depths_[open_ - 1];
    }
    return child;
  }

  std::array<std::size_t, kKeyBytes> depths_{};  // increasing
  std::size_t open_ = 0;
  std::size_t keys_ = 0;
  std::size_t nodes_ = 0;
  StreamId last_;
};

}  // namespace

std::size_t Stream::RadixTreeNodes() const {
  RadixCount count;
  if (body_ != nullptr) {
    body_->nodes.ForEach([&](const Nodes::Entry& entry) { count.Add(entry.key); });
  }
  return count.Finish();
}

}  // namespace cairn::value
