// SPDX-License-Identifier: BSD-3-Clause
// Compiled scripts are functions in Lua's registry, found by hash or by name through a map here.
//
// A run pushes the function and its tables, calls it protected, and writes the reply from what is
// on the stack. A state that a memory error left more than half full of what cannot be collected
// (compiled scripts, that is) is thrown away, and so are its scripts.
#include "scripting/interpreter.h"

#include <fmt/format.h>

#include <functional>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "scripting/lua_reply.h"
#include "scripting/lua_source.h"
#include "scripting/lua_vm.h"

namespace cairn::scripting {
namespace {

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const { return Xxh3(name); }
};
template <class T>
using ByName = std::unordered_map<std::string, T, NameHash, std::equal_to<>>;

std::string ErrorText(lua_State* L) {
  lua_pushliteral(L, "err");
  if (lua_istable(L, -2)) {
    lua_rawget(L, -2);
  } else {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
  }
  std::string text = lua_isstring(L, -1) != 0 ? std::string(ToView(L, -1)) : "ERR unknown error";
  lua_pop(L, 1);
  return text;
}

void PushWords(lua_State* L, std::span<const std::string_view> words) {
  lua_createtable(L, static_cast<int>(words.size()), 0);
  for (std::size_t i = 0; i < words.size(); ++i) {
    PushView(L, words[i]);
    lua_rawseti(L, -2, static_cast<int>(i + 1));
  }
}

// A field of the error object at the top, as text; empty if there is none.
std::string Field(lua_State* L, const char* name) {
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  std::string text = lua_isstring(L, -1) != 0 ? std::string(ToView(L, -1)) : "";
  lua_pop(L, 1);
  return text;
}

std::string MemoryText(const Vm& vm) {
  return fmt::format("ERR Script used more memory than its limit of {} bytes",
                     vm.memory_bytes_max());
}

void WriteError(Vm& vm, std::string_view name, resp::Writer& out) {
  lua_State* L = vm.state();
  std::string text;
  if (vm.stop() == Vm::Stop::kMemory) {
    text = fmt::format("{} script: {}.", MemoryText(vm), name);
  } else if (!lua_istable(L, -1)) {
    const std::string_view message = lua_isstring(L, -1) ? ToView(L, -1) : "execution failure";
    text = fmt::format("ERR Error running script {}, {}", name, message.substr(0, 100));
  } else {
    text = ErrorText(L);
    const std::string source = Field(L, "source");
    const std::string line = Field(L, "line");
    if (!source.empty() && !line.empty()) {
      text += fmt::format(" script: {}, on {}:{}.", name, source, line);
    }
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  out.Error(text);
}

// The function is at the top, or below its arguments; runs it and writes the reply.
void RunAndReply(Vm& vm, std::string_view name, int argument_count, ScriptHost& host,
                 resp::Writer& out) {
  const int status = vm.Protect(host, argument_count);
  // A script that was stopped and returned in the same instruction did not get away.
  if (status != 0 || vm.stop() == Vm::Stop::kMemory) {
    WriteError(vm, name, out);
  } else {
    lua_xmove(vm.state(), vm.reply_state(), 1);
    WriteReply(vm.reply_state(), vm.protocol, out);
  }
}

}  // namespace

struct Interpreter::Scripts {
  explicit Scripts(std::size_t memory_bytes_max) : vm(memory_bytes_max) {}
  Vm vm;
  ByName<int> functions;  // by hash: references into the registry
};

struct Interpreter::Libraries {
  struct Library {
    ByName<int> functions;
  };
  explicit Libraries(std::size_t memory_bytes_max) : vm(memory_bytes_max) {}
  Vm vm;
  ByName<Library> libraries;
};

Interpreter::Interpreter(const Options& options) : options_(options) {}
Interpreter::~Interpreter() = default;

Status Interpreter::Compile(std::string_view sha1_hex, std::string_view body) {
  CHECK(!is_running());
  if (Knows(sha1_hex)) return {};
  const bool is_new = scripts_ == nullptr;
  if (is_new) scripts_ = std::make_unique<Scripts>(options_.memory_bytes_max);
  Vm& vm = scripts_->vm;
  const auto refuse = [](std::string_view why) {
    return Status(StatusCode::kInvalid,
                  "ERR Error compiling script (new function): " + std::string(why));
  };
  const PreparedSource source = PrepareSource(WithoutShebang(body), Chunk::kScript, vm.prepared);
  if (!source.bad_number.empty()) {
    return refuse(fmt::format("user_script:{}: malformed number near '{}'", source.bad_number_line,
                              source.bad_number));
  }
  Status status;
  if (vm.Load(source.text, "@user_script") != 0) {
    status = refuse(vm.stop() == Vm::Stop::kMemory ? MemoryText(vm) : ErrorText(vm.state()));
  } else {
    scripts_->functions.emplace(sha1_hex, luaL_ref(vm.state(), LUA_REGISTRYINDEX));
  }
  const bool is_spent = vm.stop() == Vm::Stop::kMemory;
  vm.AfterRun();
  if (!is_spent || vm.memory_bytes() <= options_.memory_bytes_max / 2) return status;
  // The others take the room; in a new state it is the only one.
  scripts_.reset();
  return is_new ? status : Compile(sha1_hex, body);
}

bool Interpreter::Knows(std::string_view sha1_hex) const {
  return scripts_ != nullptr && scripts_->functions.contains(sha1_hex);
}

void Interpreter::Forget(std::string_view sha1_hex) {
  CHECK(!is_running());
  if (scripts_ == nullptr) return;
  const auto found = scripts_->functions.find(sha1_hex);
  if (found == scripts_->functions.end()) return;
  luaL_unref(scripts_->vm.state(), LUA_REGISTRYINDEX, found->second);
  scripts_->functions.erase(found);
}

void Interpreter::ForgetAll() {
  CHECK(!is_running());
  scripts_.reset();
}

void Interpreter::Run(std::string_view sha1_hex, const Arguments& arguments, ScriptHost& host,
                      resp::Writer& out) {
  CHECK(!is_running());
  const auto found = scripts_->functions.find(sha1_hex);
  CHECK(found != scripts_->functions.end());
  Vm& vm = scripts_->vm;
  lua_State* L = vm.state();
  lua_pushvalue(L, Vm::kKeysNameSlot);
  PushWords(L, arguments.keys);
  lua_rawset(L, Vm::kGlobalsSlot);
  lua_pushvalue(L, Vm::kArgvNameSlot);
  PushWords(L, arguments.args);
  lua_rawset(L, Vm::kGlobalsSlot);
  lua_rawgeti(L, LUA_REGISTRYINDEX, found->second);
  RunAndReply(vm, sha1_hex, 0, host, out);
  const bool is_spent = vm.stop() == Vm::Stop::kMemory;
  vm.AfterRun();
  if (is_spent && vm.memory_bytes() > options_.memory_bytes_max / 2) scripts_.reset();
}

Result<std::vector<Interpreter::FunctionSpec>> Interpreter::LoadLibrary(std::string_view library,
                                                                        std::string_view code,
                                                                        ScriptHost& host) {
  CHECK(!is_running());
  if (libraries_ == nullptr) libraries_ = std::make_unique<Libraries>(options_.memory_bytes_max);
  Vm& vm = libraries_->vm;
  lua_State* L = vm.state();
  const auto fail = [&](std::string_view what, const std::string& why) {
    const bool no_memory = vm.stop() == Vm::Stop::kMemory;
    vm.AfterRun();
    return Fail(StatusCode::kInvalid,
                fmt::format("ERR Error {}: {}", what, no_memory ? MemoryText(vm) : why));
  };
  const PreparedSource source = PrepareSource(WithoutShebang(code), Chunk::kScript, vm.prepared);
  if (!source.bad_number.empty()) {
    return fail("compiling function", fmt::format("user_function:{}: malformed number near '{}'",
                                                  source.bad_number_line, source.bad_number));
  }
  if (vm.Load(source.text, "@user_function") != 0) return fail("compiling function", ErrorText(L));
  std::vector<FunctionSpec> specs;
  std::vector<int> references;
  const int status = vm.ProtectLoading(host, specs, references);
  if (status != 0 || vm.stop() != Vm::Stop::kNone) {
    for (const int reference : references) luaL_unref(L, LUA_REGISTRYINDEX, reference);
    return fail("registering functions", ErrorText(L));
  }
  vm.AfterRun();
  if (specs.empty()) return Fail(StatusCode::kInvalid, "ERR No functions registered");
  DropLibrary(library);
  auto& functions = libraries_->libraries[std::string(library)].functions;
  for (std::size_t i = 0; i < specs.size(); ++i) functions.emplace(specs[i].name, references[i]);
  return specs;
}

bool Interpreter::KnowsLibrary(std::string_view library) const {
  return libraries_ != nullptr && libraries_->libraries.contains(library);
}

void Interpreter::DropLibrary(std::string_view library) {
  CHECK(!is_running());
  if (libraries_ == nullptr) return;
  const auto found = libraries_->libraries.find(library);
  if (found == libraries_->libraries.end()) return;
  for (const auto& [name, reference] : found->second.functions) {
    luaL_unref(libraries_->vm.state(), LUA_REGISTRYINDEX, reference);
  }
  libraries_->libraries.erase(found);
}

void Interpreter::DropAllLibraries() {
  CHECK(!is_running());
  libraries_.reset();
}

void Interpreter::RunFunction(std::string_view library, std::string_view function,
                              const Arguments& arguments, ScriptHost& host, resp::Writer& out) {
  CHECK(!is_running());
  const auto found_library = libraries_->libraries.find(library);
  CHECK(found_library != libraries_->libraries.end());
  const auto found = found_library->second.functions.find(function);
  CHECK(found != found_library->second.functions.end());
  Vm& vm = libraries_->vm;
  lua_State* L = vm.state();
  lua_rawgeti(L, LUA_REGISTRYINDEX, found->second);
  PushWords(L, arguments.keys);
  PushWords(L, arguments.args);
  RunAndReply(vm, function, 2, host, out);
  const bool is_spent = vm.stop() == Vm::Stop::kMemory;
  vm.AfterRun();
  // What a library keeps in its own variables is its user's; it is gone with the state.
  if (is_spent && vm.memory_bytes() > options_.memory_bytes_max / 2) libraries_.reset();
}

bool Interpreter::is_running() const {
  return (scripts_ != nullptr && scripts_->vm.is_running()) ||
         (libraries_ != nullptr && libraries_->vm.is_running());
}

std::size_t Interpreter::eval_memory_bytes() const {
  return scripts_ == nullptr ? 0 : scripts_->vm.memory_bytes();
}

std::size_t Interpreter::function_memory_bytes() const {
  return libraries_ == nullptr ? 0 : libraries_->vm.memory_bytes();
}

}  // namespace cairn::scripting
