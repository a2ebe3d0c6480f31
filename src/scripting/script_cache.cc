// SPDX-License-Identifier: BSD-3-Clause
// Scripts from EVAL stand in a queue; one that was used since it last came to the front goes to its
// end instead (second chance), so that using a script costs no lock.
#include "scripting/script_cache.h"

#include <utility>

namespace cairn::scripting {
namespace {

// Of the map's node, the queue's, and the script's own fields.
constexpr std::size_t kOverheadBytes = sizeof(Script) + 160;

std::size_t BytesOf(const Script& script) {
  return kOverheadBytes + script.sha1.size() + script.body.size();
}

}  // namespace

std::shared_ptr<Script> ScriptCache::Find(std::string_view sha1) const {
  MutexLock hold(mu_);
  const auto found = scripts_.find(sha1);
  return found == scripts_.end() ? nullptr : found->second.script;
}

std::shared_ptr<Script> ScriptCache::Add(std::string_view sha1, std::string_view body,
                                         const ScriptShebang& shebang, From from) {
  MutexLock hold(mu_);
  if (const auto found = scripts_.find(sha1); found != scripts_.end()) {
    Place& place = found->second;
    if (place.is_from_eval && from == From::kLoad) {
      from_eval_.erase(place.in_order);
      place.is_from_eval = false;
    }
    return place.script;
  }
  auto script = std::make_shared<Script>();
  script->sha1 = sha1;
  script->body = body;
  script->shebang = shebang;
  bytes_ += BytesOf(*script);
  Place place{.script = script, .is_from_eval = from == From::kEval};
  if (place.is_from_eval) {
    if (from_eval_.size() >= kEvalScriptsMax) DropOne();
    place.in_order = from_eval_.insert(from_eval_.end(), script->sha1);
  }
  scripts_.emplace(script->sha1, std::move(place));
  return script;
}

void ScriptCache::DropOne() {
  while (true) {
    const auto found = scripts_.find(from_eval_.front());
    Script& script = *found->second.script;
    if (script.was_used.exchange(false, std::memory_order_relaxed)) {
      from_eval_.splice(from_eval_.end(), from_eval_, from_eval_.begin());
      continue;
    }
    script.is_gone.store(true, std::memory_order_relaxed);
    bytes_ -= BytesOf(script);
    from_eval_.pop_front();
    scripts_.erase(found);
    return;
  }
}

std::size_t ScriptCache::Flush() {
  std::unordered_map<std::string_view, Place> gone;
  MutexLock hold(mu_);
  for (auto& [name, place] : scripts_) place.script->is_gone.store(true, std::memory_order_relaxed);
  scripts_.swap(gone);
  from_eval_.clear();
  bytes_ = 0;
  return gone.size();
}

std::size_t ScriptCache::count() const {
  MutexLock hold(mu_);
  return scripts_.size();
}

std::size_t ScriptCache::memory_bytes() const {
  MutexLock hold(mu_);
  return bytes_;
}

}  // namespace cairn::scripting
