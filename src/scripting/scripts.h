// SPDX-License-Identifier: BSD-3-Clause
// Scripts: what the workers of an engine share for running scripts; Local: what each has for
// itself.
//
//     Scripts, one an engine                 Local, one a Runner, made with its first script
//       cache of scripts, by SHA-1             an interpreter, and what it has compiled
//       shelf of libraries                     the functions of the libraries it has loaded
//       who runs a script now  <-------------- its place there
//
// An engine has them in Shared::scripts, a Runner in Runner::scripts(); neither knows what they
// are.
//
// Thread safety: Scripts is for any thread; a Local belongs to its Runner's, but for its RunPlace.
#ifndef CAIRN_SCRIPTING_SCRIPTS_H_
#define CAIRN_SCRIPTING_SCRIPTS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "command/extension.h"
#include "command/runner.h"
#include "scripting/interpreter.h"
#include "scripting/library_set.h"
#include "scripting/script_cache.h"

namespace cairn::scripting {

class ScriptRun;
class Local;

// Where others see what a worker runs.
struct RunPlace {
  Mutex mu;  // a leaf
  ScriptRun* run GUARDED_BY(mu) = nullptr;
};

class Scripts final : public command::Extension {
 public:
  Scripts() = default;
  static Scripts& Of(command::Call& call) {
    return static_cast<Scripts&>(*call.runner().shared().scripts);
  }

  ScriptCache& cache() { return cache_; }
  LibraryShelf& shelf() { return *shelf_; }
  // Libraries are kept there instead of here: where files are loaded to. Before any is used.
  void UseShelf(LibraryShelf& shelf) { shelf_ = &shelf; }

  // A script that has run for longer is slow: others are told so, and it may be killed.
  std::int64_t slow_after_ms() const { return slow_after_ms_.load(std::memory_order_relaxed); }
  void set_slow_after_ms(std::int64_t ms) { slow_after_ms_.store(ms, std::memory_order_relaxed); }
  // redis.log. Before any script runs; called with stripes locked, so it must not wait for them.
  using OnLog = std::function<void(int level, std::string_view message)>;
  void SetOnLog(OnLog on_log) { on_log_ = std::move(on_log); }
  void Log(int level, std::string_view message) {
    if (on_log_) on_log_(level, message);
  }

  void Join(RunPlace& place);
  void Leave(RunPlace& place);
  // Calls fn(ScriptRun&) for each script that runs now; what it may look at is said there.
  template <class Fn>
  void ForEachRun(Fn fn) {
    MutexLock hold(mu_);
    for (RunPlace* place : places_) {
      MutexLock at(place->mu);
      if (place->run != nullptr) fn(*place->run);
    }
  }

  // How many scripts run that are slow.
  int slow_count() const { return slow_count_.load(std::memory_order_relaxed); }
  void AddSlow(int count) { slow_count_.fetch_add(count, std::memory_order_relaxed); }
  // The server ends: those that run are ended, those that have written only if what they wrote is
  // to be lost.
  enum class Ends : std::uint8_t { kWithoutWrites, kAll };
  void EndRuns(Ends ends);
  // The same for good: also those that begin later.
  void EndRunsFromNow(Ends ends);
  bool is_ending(bool has_written) const {
    const Ending ending = ending_.load(std::memory_order_relaxed);
    return has_written ? ending == Ending::kAll : ending != Ending::kNo;
  }

  // Bytes that interpreters hold, as they last said. By Locals.
  SharedCounter& eval_vm_bytes() { return eval_vm_bytes_; }
  SharedCounter& function_vm_bytes() { return function_vm_bytes_; }
  // As the worker says that has loaded libraries last, which may be none yet of those on the shelf.
  std::size_t function_count() const { return function_count_.load(std::memory_order_relaxed); }
  bool has_counted_functions() const {
    return counted_version_.load(std::memory_order_relaxed) == shelf_->version();
  }
  void SetFunctionCount(std::size_t count, std::uint64_t shelf_version) {
    function_count_.store(count, std::memory_order_relaxed);
    counted_version_.store(shelf_version, std::memory_order_relaxed);
  }

 private:
  enum class Ending : std::uint8_t { kNo, kWithoutWrites, kAll };

  ScriptCache cache_;
  LibraryShelf own_shelf_;
  LibraryShelf* shelf_ = &own_shelf_;
  std::atomic<std::int64_t> slow_after_ms_{5000};
  OnLog on_log_;
  std::atomic<int> slow_count_{0};
  std::atomic<Ending> ending_{Ending::kNo};
  SharedCounter eval_vm_bytes_;
  SharedCounter function_vm_bytes_;
  std::atomic<std::size_t> function_count_{0};
  std::atomic<std::uint64_t> counted_version_{0};  // the shelf's at that time
  Mutex mu_;                                       // before a RunPlace's
  std::vector<RunPlace*> places_ GUARDED_BY(mu_);
};

// By name, found without a copy of it.
struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const {
    return std::hash<std::string_view>()(name);
  }
};
template <class T>
using NameMap = std::unordered_map<std::string, T, NameHash, std::equal_to<>>;

// A function of a library, as the interpreter at hand has it.
struct Function {
  std::string name;
  std::string description;
  bool has_description = false;
  std::string library;
  ScriptFlags flags;
  Trust trust;
};

class Local final : public command::Extension {
 public:
  explicit Local(Scripts& scripts);
  ~Local() override;
  // Of the call's Runner; made if there is none yet.
  static Local& Of(command::Call& call);

  Interpreter& interpreter() { return interpreter_; }
  RunPlace& place() { return place_; }
  resp::ReplyBuffer& reply_buffer() { return reply_buffer_; }

  // The script of that name, if there is one. `sha1`: in lower case.
  std::shared_ptr<Script> Find(std::string_view sha1);
  // Puts a new script into the cache, unless it does not compile.
  Result<std::shared_ptr<Script>> Add(std::string_view sha1, std::string_view body,
                                      const ScriptShebang& shebang, ScriptCache::From from);
  // Makes the interpreter know it.
  Status Compile(const Script& script);

  // Loads what has come to the shelf, and drops what has gone from it. Which libraries did not load
  // does not matter here: they have no functions.
  void SyncLibraries(ScriptHost& host);
  Function* FindFunction(std::string_view name);
  const NameMap<std::unique_ptr<Function>>& functions() const { return functions_; }
  // Loads a library beside the others, in the place of its namesake, before it is on the shelf.
  // What is not to be on the shelf goes with the next sync.
  Status TryLibrary(const std::shared_ptr<const Library>& library, ScriptHost& host);

  // The same: of what is on the shelf, none is to be beside it.
  void DropLibraries();

  // The scripts' memory may have changed.
  void CountMemory();

 private:
  void ForgetGone();
  void DropLibrary(const std::string& name);
  Status LoadLibrary(const std::shared_ptr<const Library>& library, ScriptHost& host);

  Scripts& scripts_;
  Interpreter interpreter_;
  RunPlace place_;
  resp::ReplyBuffer reply_buffer_;
  NameMap<std::shared_ptr<Script>> known_;
  std::uint64_t synced_version_ = 0;  // of the shelf
  NameMap<std::shared_ptr<const Library>> loaded_;
  NameMap<std::unique_ptr<Function>> functions_;  // by name in lower case, as Redis finds them
  std::int64_t counted_eval_bytes_ = 0;
  std::int64_t counted_function_bytes_ = 0;
};

// Makes Scripts::function_count() right, by loading what has come to the shelf (out of a file, say)
// and that nobody has asked for a function yet. In function_commands.cc.
void CountFunctions(command::Call& call);

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_SCRIPTS_H_
