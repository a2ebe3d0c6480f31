// SPDX-License-Identifier: BSD-3-Clause
// What a worker has compiled and loaded, kept equal to what all share.
#include "scripting/scripts.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "command/runner.h"
#include "scripting/script_run.h"

namespace cairn::scripting {
namespace {

constexpr int kWarning = 3;  // of redis.log's levels

// Of scripts that are gone an interpreter keeps some, until there are so many more than the cache
// may have from EVAL.
constexpr std::size_t kKnownSlack = 2 * ScriptCache::kEvalScriptsMax;

}  // namespace

void Scripts::Join(RunPlace& place) {
  MutexLock hold(mu_);
  places_.push_back(&place);
}

void Scripts::Leave(RunPlace& place) {
  MutexLock hold(mu_);
  std::erase(places_, &place);
}

void Scripts::EndRunsFromNow(Ends ends) {
  ending_.store(ends == Ends::kAll ? Ending::kAll : Ending::kWithoutWrites,
                std::memory_order_relaxed);
}

void Scripts::EndRuns(Ends ends) {
  ForEachRun([&](ScriptRun& run) {
    if (ends == Ends::kAll || !run.has_written()) run.Kill();
  });
}

Local::Local(Scripts& scripts) : scripts_(scripts), interpreter_(Interpreter::Options{}) {
  scripts_.Join(place_);
}

Local::~Local() {
  scripts_.Leave(place_);
  scripts_.eval_vm_bytes().Add(-counted_eval_bytes_);
  scripts_.function_vm_bytes().Add(-counted_function_bytes_);
}

Local& Local::Of(command::Call& call) {
  std::unique_ptr<command::Extension>& local = call.runner().scripts();
  if (local == nullptr) local = std::make_unique<Local>(Scripts::Of(call));
  return static_cast<Local&>(*local);
}

std::shared_ptr<Script> Local::Find(std::string_view sha1) {
  const auto known = known_.find(sha1);
  if (known == known_.end()) return scripts_.cache().Find(sha1);
  if (!known->second->is_gone.load(std::memory_order_relaxed)) return known->second;
  interpreter_.Forget(sha1);
  known_.erase(known);
  return scripts_.cache().Find(sha1);
}

Result<std::shared_ptr<Script>> Local::Add(std::string_view sha1, std::string_view body,
                                           const ScriptShebang& shebang, ScriptCache::From from) {
  if (Status compiled = interpreter_.Compile(sha1, body); !compiled.ok())
    return std::unexpected(std::move(compiled));
  std::shared_ptr<Script> script = scripts_.cache().Add(sha1, body, shebang, from);
  known_.insert_or_assign(std::string(sha1), script);
  ForgetGone();
  CountMemory();
  return script;
}

Status Local::Compile(const Script& script) {
  if (known_.contains(script.sha1) && interpreter_.Knows(script.sha1)) return {};
  if (Status compiled = interpreter_.Compile(script.sha1, script.body); !compiled.ok())
    return compiled;
  if (std::shared_ptr<Script> shared = scripts_.cache().Find(script.sha1); shared != nullptr)
    known_.insert_or_assign(script.sha1, std::move(shared));
  ForgetGone();
  CountMemory();
  return {};
}

void Local::ForgetGone() {
  const std::size_t count = scripts_.cache().count();
  if (known_.size() <= count + kKnownSlack) return;
  std::erase_if(known_, [&](const auto& known) {
    if (!known.second->is_gone.load(std::memory_order_relaxed)) return false;
    interpreter_.Forget(known.first);
    return true;
  });
}

void Local::CountMemory() {
  const auto eval_bytes = static_cast<std::int64_t>(interpreter_.eval_memory_bytes());
  const auto function_bytes = static_cast<std::int64_t>(interpreter_.function_memory_bytes());
  if (eval_bytes != counted_eval_bytes_)
    scripts_.eval_vm_bytes().Add(eval_bytes - std::exchange(counted_eval_bytes_, eval_bytes));
  if (function_bytes != counted_function_bytes_) {
    scripts_.function_vm_bytes().Add(function_bytes -
                                     std::exchange(counted_function_bytes_, function_bytes));
  }
}

// ---- Libraries ---------------------------------------------------------------------------------

void Local::SyncLibraries(ScriptHost& host) {
  // A function has taken all memory there is, and the libraries' state went with it.
  if (!loaded_.empty() && !interpreter_.has_libraries()) [[unlikely]]
    DropLibraries();
  const std::uint64_t version = scripts_.shelf().version();
  if (version == synced_version_) [[likely]]
    return;
  const std::shared_ptr<const LibrarySet> set = scripts_.shelf().Get();
  std::vector<std::string> gone;
  for (const auto& [name, library] : loaded_) {
    if (set->Named(name) != library.get()) gone.push_back(name);
  }
  for (const std::string& name : gone) DropLibrary(name);
  for (const std::shared_ptr<const Library>& library : set->libraries()) {
    if (library->name.empty() || loaded_.contains(library->name)) continue;
    if (const Status loaded = LoadLibrary(library, host); !loaded.ok()) {
      scripts_.Log(kWarning, "The functions of library '" + library->name +
                                 "' are not there: " + std::string(loaded.message()));
    }
  }
  synced_version_ = version;
  scripts_.SetFunctionCount(functions_.size(), version);
  CountMemory();
}

Function* Local::FindFunction(std::string_view name) {
  const auto found = functions_.find(ToLower(name));
  return found == functions_.end() ? nullptr : found->second.get();
}

void Local::DropLibrary(const std::string& name) {
  interpreter_.DropLibrary(name);
  loaded_.erase(name);
  std::erase_if(functions_, [&](const auto& entry) { return entry.second->library == name; });
}

Status Local::LoadLibrary(const std::shared_ptr<const Library>& library, ScriptHost& host) {
  Result<std::vector<Interpreter::FunctionSpec>> loaded =
      interpreter_.LoadLibrary(library->name, library->source, host);
  if (!loaded) return loaded.error();
  // What the interpreter has is noted at once: whatever is wrong with it, the next sync drops it.
  std::erase_if(functions_,
                [&](const auto& entry) { return entry.second->library == library->name; });
  loaded_.insert_or_assign(library->name, library);
  for (Interpreter::FunctionSpec& spec : *loaded) {
    const std::string known_as = ToLower(spec.name);
    if (functions_.contains(known_as)) {
      const std::string text = "ERR Function " + spec.name + " already exists";
      DropLibrary(library->name);
      return {StatusCode::kInvalid, text};
    }
    auto function = std::make_unique<Function>();
    function->name = spec.name;
    function->description = std::move(spec.description);
    function->has_description = spec.has_description;
    function->library = library->name;
    function->flags = spec.flags;
    functions_.emplace(known_as, std::move(function));
  }
  return {};
}

Status Local::TryLibrary(const std::shared_ptr<const Library>& library, ScriptHost& host) {
  Status loaded = LoadLibrary(library, host);
  synced_version_ = 0;  // what it took the place of may be missing
  return loaded;
}

void Local::DropLibraries() {
  interpreter_.DropAllLibraries();
  loaded_.clear();
  functions_.clear();
  synced_version_ = 0;
}

}  // namespace cairn::scripting
