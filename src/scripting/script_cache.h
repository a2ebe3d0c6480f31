// SPDX-License-Identifier: BSD-3-Clause
// ScriptCache: the bodies of scripts by their SHA-1, one for all workers.
//
//     EVAL, SCRIPT LOAD --> ScriptCache --sha1--> workers: what each has compiled, by pointer
//
// Scripts that came by EVAL are kept for a while, since clients that build a new text for each call
// would fill the memory: of these at most kEvalScriptsMax, the longest unused goes. What SCRIPT
// LOAD brought stays until SCRIPT FLUSH. (Redis does so since 7.4.)
//
// A script that goes is marked (`is_gone`), so that who knows it by pointer learns of it without
// asking here. Thread safety: any thread; the mutex is a leaf.
#ifndef CAIRN_SCRIPTING_SCRIPT_CACHE_H_
#define CAIRN_SCRIPTING_SCRIPT_CACHE_H_

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/mutex.h"
#include "scripting/shebang.h"
#include "scripting/trust.h"

namespace cairn::scripting {

struct Script {
  // constant
  std::string sha1;
  std::string body;
  ScriptShebang shebang;

  // atomic (relaxed)
  std::atomic<bool> is_gone{false};
  std::atomic<bool> was_used{false};  // since it was last asked whether it may go
  Trust trust;
};

class ScriptCache {
 public:
  static constexpr std::size_t kEvalScriptsMax = 500;

  enum class From : std::uint8_t { kEval, kLoad };

  // Null if it is not there. `sha1`: in lower case.
  std::shared_ptr<Script> Find(std::string_view sha1) const;
  // The one that is there already, if so.
  std::shared_ptr<Script> Add(std::string_view sha1, std::string_view body,
                              const ScriptShebang& shebang, From from);
  // Returns how many there were.
  std::size_t Flush();

  std::size_t count() const;
  std::size_t memory_bytes() const;

 private:
  struct Place {
    std::shared_ptr<Script> script;
    bool is_from_eval = false;
    std::list<std::string_view>::iterator in_order = {};  // if so
  };

  void DropOne() REQUIRES(mu_);

  mutable Mutex mu_;
  std::unordered_map<std::string_view, Place> scripts_ GUARDED_BY(mu_);  // names: the scripts' own
  std::list<std::string_view> from_eval_ GUARDED_BY(mu_);                // oldest first
  std::size_t bytes_ GUARDED_BY(mu_) = 0;
};

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_SCRIPT_CACHE_H_
