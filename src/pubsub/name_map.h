// SPDX-License-Identifier: BSD-3-Clause
// NameMap: a map from names to T that is asked with a hash already at hand.
//
// A channel is hashed once, by whoever publishes to it or subscribes; the same hash chooses the
// shard, finds the topic there, and finds it again at the desks of the workers. A value stays where
// it is until it is erased.
#ifndef CAIRN_PUBSUB_NAME_MAP_H_
#define CAIRN_PUBSUB_NAME_MAP_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace cairn::pubsub {

struct HashedName {
  std::string_view name;
  std::uint64_t hash = 0;
};

namespace internal {

struct StoredName {
  explicit StoredName(const HashedName& of) : name(of.name), hash(of.hash) {}
  std::string name;
  std::uint64_t hash;
};

struct NameHasher {
  using is_transparent = void;
  std::size_t operator()(const StoredName& stored) const { return stored.hash; }
  std::size_t operator()(const HashedName& asked) const { return asked.hash; }
};

struct NameEqual {
  using is_transparent = void;
  bool operator()(const StoredName& a, const StoredName& b) const { return a.name == b.name; }
  bool operator()(const HashedName& a, const StoredName& b) const {
    return a.hash == b.hash && a.name == b.name;
  }
  bool operator()(const StoredName& a, const HashedName& b) const { return operator()(b, a); }
};

}  // namespace internal

template <class T>
class NameMap {
 public:
  T* Find(const HashedName& name) {
    const auto found = map_.find(name);
    return found == map_.end() ? nullptr : &found->second;
  }
  struct Item {
    HashedName name;  // the map's copy of it, good as long as the value
    T* value = nullptr;
  };
  // The value of the name, made if there is none.
  Item At(const HashedName& name) {
    auto found = map_.find(name);
    if (found == map_.end()) found = map_.try_emplace(internal::StoredName(name)).first;
    return {{found->first.name, found->first.hash}, &found->second};
  }
  void Erase(const HashedName& name) {
    const auto found = map_.find(name);
    if (found != map_.end()) map_.erase(found);
  }
  std::size_t size() const { return map_.size(); }
  // Calls fn(std::string_view name, T&) for each.
  template <class Fn>
  void ForEach(Fn fn) {
    for (auto& [stored, value] : map_) fn(std::string_view(stored.name), value);
  }

 private:
  std::unordered_map<internal::StoredName, T, internal::NameHasher, internal::NameEqual> map_;
};

}  // namespace cairn::pubsub

#endif  // CAIRN_PUBSUB_NAME_MAP_H_
