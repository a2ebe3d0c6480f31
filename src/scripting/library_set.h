// SPDX-License-Identifier: BSD-3-Clause
// LibrarySet, LibraryShelf: the libraries of functions that there are.
//
//     RDB, AOF --load--> a LibrarySet --whole load went well--> LibraryShelf --> RDB, AOF base
//     FUNCTION LOAD, DELETE... --> a changed copy ---------------^    '--> workers' interpreters
//
// What all workers share of libraries is their sources, as they came: each worker's interpreter
// loads them when it is asked for a function and the set is another than it knows. No source is
// looked into here beyond its first line, which names the library.
//
// What a file makes us keep is bounded by kBytesMax: sources may be compressed, so the file's own
// size does not bound it. And by kLibrariesMax, since a library of two bytes of the file takes more
// of ours, and each is looked for among all. A file with more is refused, rather than loaded in
// part. What is kept counts as the server's memory (CountIn).
//
// A LibrarySet belongs to one thread. A LibraryShelf is for any.
#ifndef CAIRN_SCRIPTING_LIBRARY_SET_H_
#define CAIRN_SCRIPTING_LIBRARY_SET_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counter.h"
#include "base/mutex.h"
#include "base/status.h"

namespace cairn::scripting {

// Never changes: one that is replaced is another one.
struct Library {
  std::string name;  // empty if the source names none: then it is nobody's namesake
  std::string source;
};

class LibrarySet {
 public:
  static constexpr std::size_t kBytesMax = 64UL * 1024 * 1024;  // of all sources together
  static constexpr std::size_t kLibrariesMax = 4096;

  // One of the same name: as the same file must not have it twice, or as REPLACE asks for.
  enum class Present : std::uint8_t { kRefuse, kReplace };

  // kCorrupt if it is there already, kUnsupported if it is too much; then nothing has changed.
  Status Add(std::string_view source, Present present);

  // What FUNCTION did that an AOF has, without its first word; whether it is such at all.
  static bool IsChange(std::span<const std::string_view> args);
  // An error is what Redis would have answered one for: nothing has changed. But kUnsupported is
  // Add's. REQUIRES: IsChange.
  Status Apply(std::span<const std::string_view> args);

  bool empty() const { return libraries_.empty(); }
  std::size_t size() const { return libraries_.size(); }
  std::size_t memory_bytes() const;
  // In the order in which they came.
  template <class Fn>  // void(std::string_view source)
  void ForEach(Fn&& fn) const {
    for (const auto& library : libraries_) fn(std::string_view(library->source));
  }
  // Shared with other sets, and with interpreters, which know by them what they have loaded.
  std::span<const std::shared_ptr<const Library>> libraries() const { return libraries_; }
  // The libraries of a DUMP payload. REQUIRES: codec::IsDumpIntact.
  static Result<LibrarySet> FromDump(std::string_view payload);
  // Null if there is none of that name.
  const Library* Named(std::string_view name) const;

 private:
  using Libraries = std::vector<std::shared_ptr<const Library>>;

  Libraries::iterator Find(std::string_view name);
  Status Restore(std::span<const std::string_view> args);

  Libraries libraries_;
  std::size_t bytes_ = 0;
};

// What is there now. Never null.
class LibraryShelf {
 public:
  // Where its bytes are counted from now on; outlives it. Before others use the shelf.
  void CountIn(SharedCounter& account) {
    account_ = &account;
    account.Add(bytes_.value());
  }
  std::int64_t memory_bytes() const { return bytes_.value(); }
  std::shared_ptr<const LibrarySet> Get() const {
    MutexLock hold(mu_);
    return libraries_;
  }
  // Another one after each Set: who knows the version need not look.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  void Set(LibrarySet libraries) {
    auto fresh = std::make_shared<const LibrarySet>(std::move(libraries));
    const auto bytes = static_cast<std::int64_t>(fresh->memory_bytes());
    MutexLock hold(mu_);
    if (account_ != nullptr) account_->Add(bytes - bytes_.value());
    bytes_.Set(bytes);
    libraries_.swap(fresh);
    // release: who sees it gets the new set.
    version_.fetch_add(1, std::memory_order_release);
  }

 private:
  SharedCounter* account_ = nullptr;
  Counter bytes_;  // written under mu_
  std::atomic<std::uint64_t> version_{1};
  mutable Mutex mu_;  // a leaf
  std::shared_ptr<const LibrarySet> libraries_ GUARDED_BY(mu_) = std::make_shared<LibrarySet>();
};

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_LIBRARY_SET_H_
