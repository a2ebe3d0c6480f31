// SPDX-License-Identifier: BSD-3-Clause
// Vm: one Lua state with its limits, and what a run of a script knows.
//
// Every C function of ours finds its Vm through the allocator's user data, so there are no globals.
// A run goes through Protect: it sets the limits, calls, and collects. Inside, three things end a
// script for good: the host's Poll said so, the memory limit was hit, or a library took too long to
// load. The count hook then raises at every instruction, so that no pcall lives on.
//
//     Protect --> lua_pcall --> script --hook each 1,000 instructions--> Poll
//                    |             +----> our C loops: Spend ------------> Poll
//                    |             +----> allocator: over the limit -----> stop, hook each 1
//                    +--> HandleError: {err=, source=, line=}
//
// Lua errors are longjmps to the compiler: no function that may raise keeps an object with a
// destructor on its stack. Text is gathered in Output, which lives in the Vm.
//
// One Vm belongs to one Interpreter, on its thread.
#ifndef CAIRN_SCRIPTING_LUA_VM_H_
#define CAIRN_SCRIPTING_LUA_VM_H_

#include <cstddef>
#include <cstdint>
#include <lua.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "scripting/interpreter.h"
#include "scripting/lua_libraries.h"

namespace cairn::scripting {

// The generator of math.random: 48 bits, linear congruential, as drand48's, so that scripts draw
// the numbers they draw from Redis.
class Random48 {
 public:
  static constexpr std::uint32_t kValueMax = 0x7fffffff;

  void Seed(std::int32_t seed) {
    state_ = static_cast<std::uint64_t>(static_cast<std::uint32_t>(seed)) << 16 | 0x330e;
  }
  // Uniform in [0, kValueMax].
  std::uint32_t Next() {
    state_ = (state_ * 0x5deece66d + 0xb) & ((std::uint64_t{1} << 48) - 1);
    return static_cast<std::uint32_t>(state_ >> 17);
  }

 private:
  std::uint64_t state_ = 0x1234abcd330e;
};

class Vm {
 public:
  using FunctionSpec = Interpreter::FunctionSpec;
  enum class Stop { kNone, kKilled, kMemory };

  // What stands on the main stack for good.
  static constexpr int kHandlerSlot = 1;
  static constexpr int kGlobalsSlot = 2;
  static constexpr int kKeysNameSlot = 3;
  static constexpr int kArgvNameSlot = 4;
  static constexpr int kEnvironmentSlot = 5;  // the metatable of the globals that scripts see
  static constexpr int kLoadGlobalsSlot = 6;  // what library code sees while it loads
  static constexpr int kFixedSlots = 6;

  static constexpr std::size_t kFunctionsMax = 10'000;  // of one library

  explicit Vm(std::size_t memory_bytes_max);
  ~Vm();
  Vm(const Vm&) = delete;
  Vm& operator=(const Vm&) = delete;

  static Vm& Of(lua_State* L) {
    void* vm = nullptr;
    lua_getallocf(L, &vm);
    return *static_cast<Vm*>(vm);
  }

  lua_State* state() { return lua_; }
  // A stack with one value on it, as Redis's has when it writes a reply: how deep a reply may be
  // hangs on it.
  lua_State* reply_state() { return reply_; }
  bool is_running() const { return host_ != nullptr; }
  std::size_t memory_bytes() const { return used_bytes_; }
  std::size_t memory_bytes_max() const { return memory_bytes_max_; }
  Stop stop() const { return stop_; }
  ScriptHost& host() { return *host_; }

  // Calls the function below `argument_count` arguments on the main stack, under the limits, and
  // leaves one result or the error. Returns lua_pcall's status.
  // REQUIRES: !is_running()
  int Protect(ScriptHost& host, int argument_count);
  // The same for a library's code at the top, which sees what loading code sees; what it registers
  // is added to the two lists.
  int ProtectLoading(ScriptHost& host, std::vector<FunctionSpec>& specs,
                     std::vector<int>& references);
  // Compiles, under the memory limit.
  int Load(std::string_view source, const char* chunk_name);

  // Counts work done in C against the budget of instructions; asks the host when it is used up. May
  // raise, so does not return where the script is to end.
  void Spend(lua_State* L, std::size_t steps) {
    budget_ -= static_cast<std::int64_t>(steps);
    if (budget_ < 0) [[unlikely]]
      PollFromC(L);
  }
  // For C functions that call Lua: LuaJIT itself does not guard the C stack.
  void CheckCStack(lua_State* L);
  [[noreturn]] void RaiseMemory(lua_State* L);

  // As in Redis since 7.0, numbers go on from run to run; but a seed is its script's alone.
  Random48 random;
  Random48 random_before;  // the run

  // State of the run, reset by Protect.
  int protocol = 2;  // of redis.call's replies
  bool has_seeded = false;
  JsonSettings json;
  std::vector<FunctionSpec>* loading = nullptr;  // set while a library loads
  std::vector<int>* loading_references = nullptr;

  // Reused by redis.call.
  std::vector<std::string_view> words;
  std::string number_texts;
  std::string prepared;  // PrepareSource's
  // Output's bytes.
  std::string scratch;

  // The result has been read: the run's traces go.
  void AfterRun();

 private:
  static constexpr std::size_t kScratchKeptBytes = 64 * 1024;
  static constexpr std::size_t kCStackBytesMax = 512 * 1024;
  static constexpr int kRunsPerCollection = 50;  // as Redis: a step of the collector each 50 runs

  static void* Allocate(void* self, void* block, std::size_t old_bytes, std::size_t new_bytes);
  static void OnCount(lua_State* L, lua_Debug* event);
  bool Refuses(std::size_t more_bytes);
  void PollFromC(lua_State* L);
  [[noreturn]] void RaiseStop(lua_State* L);
  void EndSoon();
  void CountLarge(std::size_t bytes);
  void HookEach(int instructions);

  const std::size_t memory_bytes_max_;
  lua_State* lua_ = nullptr;
  lua_State* reply_ = nullptr;  // a thread of it
  std::size_t used_bytes_ = 0;
  std::size_t collect_at_bytes_;  // a run that takes more has its garbage collected at once
  bool limited_ = false;          // inside Protect or Load
  bool collects_soon_ = false;
  Stop stop_ = Stop::kNone;
  int hook_each_ = 0;
  int runs_until_collection_ = kRunsPerCollection;
  std::int64_t budget_ = 0;
  std::size_t large_bytes_ = 0;  // of large blocks, since the last poll they caused
  bool polls_soon_ = false;
  std::uintptr_t stack_top_ = 0;
  ScriptHost* host_ = nullptr;
};

// Text that a C function gathers. Many may be open at once, last in first out: each remembers where
// in the Vm's scratch it begins and cuts off what a function that failed inside left behind it.
class Output {
 public:
  explicit Output(lua_State* L) : vm_(&Vm::Of(L)), begin_(vm_->scratch.size()) {}

  void Append(lua_State* L, std::string_view bytes) {
    Prepare(L, bytes.size());
    vm_->scratch.append(bytes);
    size_ += bytes.size();
  }
  void Put(lua_State* L, char c) {
    if (vm_->scratch.size() != begin_ + size_ || begin_ + size_ >= vm_->memory_bytes_max()) {
      Prepare(L, 1);
    }
    vm_->scratch.push_back(c);
    ++size_;
  }
  void Fill(lua_State* L, std::size_t count, char c) {
    Prepare(L, count);
    vm_->scratch.append(count, c);
    size_ += count;
  }
  // Takes the last `count` bytes back.
  void Drop(std::size_t count) {
    size_ -= count;
    vm_->scratch.resize(begin_ + size_);
  }
  std::size_t size() const { return size_; }
  std::string_view view() const { return {vm_->scratch.data() + begin_, size_}; }
  void Overwrite(std::size_t at, char c) { vm_->scratch[begin_ + at] = c; }
  // Pushes the text as a Lua string and closes.
  void Push(lua_State* L) {
    lua_pushlstring(L, vm_->scratch.data() + begin_, size_);
    vm_->scratch.resize(begin_);
  }

 private:
  void Prepare(lua_State* L, std::size_t more) {
    const std::size_t end = begin_ + size_;
    if (vm_->scratch.size() != end) vm_->scratch.resize(end);
    if (more > vm_->memory_bytes_max() || end + more > vm_->memory_bytes_max()) {
      vm_->RaiseMemory(L);
    }
    vm_->Spend(L, more / 64);
  }

  Vm* vm_;
  std::size_t begin_;
  std::size_t size_ = 0;
};

// Pushes Redis's error object: {err = "CODE text"}. `text` may begin with "-CODE " of its own;
// without, the code is ERR.
void PushError(lua_State* L, std::string_view text);

// As luaL_loadbuffer, but of text only.
int LoadChunk(lua_State* L, std::string_view text, const char* name);
// The same of a text that has its code.
void PushCodedError(lua_State* L, std::string_view text);
[[noreturn]] void RaiseError(lua_State* L, std::string_view text);

inline std::string_view ToView(lua_State* L, int index) {
  std::size_t size = 0;
  const char* bytes = lua_tolstring(L, index, &size);
  return bytes == nullptr ? std::string_view() : std::string_view(bytes, size);
}
inline void PushView(lua_State* L, std::string_view text) {
  lua_pushlstring(L, text.data(), text.size());
}
inline std::string_view CheckView(lua_State* L, int index) {
  std::size_t size = 0;
  const char* bytes = luaL_checklstring(L, index, &size);
  return {bytes, size};
}

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_LUA_VM_H_
