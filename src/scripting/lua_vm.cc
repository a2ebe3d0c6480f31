// SPDX-License-Identifier: BSD-3-Clause
// The limits: memory by the allocator, time by the count hook, depth by the address of the stack.
//
// A stop is sticky. The allocator may find it in the middle of anything, so it only refuses, notes
// why and sets the hook to every instruction; whoever catches the "not enough memory" meets the
// hook at its next step. LuaJIT allows lua_sethook from there: it only changes dispatch tables.
//
// Lua 5.1 collects garbage in proportion to what is live and not to what is left, so a script that
// makes much of it would meet the limit with little in use. Past three quarters of the limit the
// allocator therefore asks the hook for a full collection, and again after each half of the rest.
//
// LuaJIT counts no C calls: a coroutine that resumes one that resumes one, or a gsub in its own
// callback, runs off the C stack (tried: a crash at 60,000). Those functions are ours and compare
// the frame's address with where the run began.
#include "scripting/lua_vm.h"

#include <algorithm>
#include <cstdlib>

#include "base/check.h"

#ifdef LUAJIT_VERSION
#include <luajit.h>
#endif

namespace cairn::scripting {
namespace {

constexpr std::string_view kKilledText = "ERR Script killed by user with SCRIPT KILL...";
constexpr std::string_view kLoadTimeoutText = "ERR FUNCTION LOAD timeout";
// What errors may still take once the limit was hit.
constexpr std::size_t kReserveBytes = 64 * 1024;
constexpr std::size_t kReserveBlockBytes = 4 * 1024;
// What is in larger blocks was copied by one instruction; of so many bytes of it, a poll.
constexpr std::size_t kLargeBlockBytes = 16 * 1024;
constexpr std::size_t kLargeBytesPerPoll = std::size_t{8} << 20;

int Abort(lua_State* L) {
  (void)L;
  CHECK(false);  // an error outside of every protected call
  return 0;
}

std::uintptr_t FrameAddress() {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

}  // namespace

Vm::Vm(std::size_t memory_bytes_max)
    : memory_bytes_max_(memory_bytes_max), collect_at_bytes_(memory_bytes_max / 4 * 3) {
  lua_ = lua_newstate(&Vm::Allocate, this);
  CHECK(lua_ != nullptr);
  lua_atpanic(lua_, &Abort);
#ifdef LUAJIT_VERSION
  // The compiler was never initialised, as luaopen_jit is not called; this makes sure.
  luaJIT_setmode(lua_, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
#endif
  BuildSandbox(*this);
  reply_ = lua_newthread(lua_);
  luaL_ref(lua_, LUA_REGISTRYINDEX);
  lua_pushnil(reply_);
  HookEach(Interpreter::kPollInstructions);
}

Vm::~Vm() { lua_close(lua_); }

int LoadChunk(lua_State* L, std::string_view text, const char* name) {
  // What begins as bytecode is a syntax error like any other byte of that kind.
  if (text.starts_with(LUA_SIGNATURE[0])) text = " \x1b";
#ifdef LUAJIT_VERSION
  // Text only: it would find bytecode behind a byte order mark, too.
  return luaL_loadbufferx(L, text.data(), text.size(), name, "t");
#else
  return luaL_loadbuffer(L, text.data(), text.size(), name);
#endif
}

void* Vm::Allocate(void* self, void* block, std::size_t old_bytes, std::size_t new_bytes) {
  Vm& vm = *static_cast<Vm*>(self);
  if (block == nullptr) old_bytes = 0;
  if (new_bytes == 0) {
    vm.used_bytes_ -= old_bytes;
    std::free(block);
    return nullptr;
  }
  if (new_bytes > old_bytes && vm.limited_ && vm.Refuses(new_bytes - old_bytes)) return nullptr;
  void* moved = std::realloc(block, new_bytes);
  if (moved == nullptr) return nullptr;
  vm.used_bytes_ += new_bytes - old_bytes;
  if (new_bytes >= kLargeBlockBytes && vm.limited_) vm.CountLarge(new_bytes);
  return moved;
}

bool Vm::Refuses(std::size_t more_bytes) {
  const std::size_t wanted = used_bytes_ + more_bytes;
  if (wanted < collect_at_bytes_) [[likely]]
    return false;
  if (wanted > memory_bytes_max_) {
    if (stop_ == Stop::kNone) {
      stop_ = Stop::kMemory;
      EndSoon();
    }
    return more_bytes > kReserveBlockBytes || wanted > memory_bytes_max_ + kReserveBytes;
  }
  if (!collects_soon_ && stop_ == Stop::kNone) {
    collects_soon_ = true;
    HookEach(1);
  }
  return false;
}

// Filling it took far longer than an instruction.
void Vm::CountLarge(std::size_t bytes) {
  large_bytes_ += bytes;
  if (large_bytes_ < kLargeBytesPerPoll || stop_ != Stop::kNone) return;
  large_bytes_ = 0;
  polls_soon_ = true;
  HookEach(1);
}

void Vm::HookEach(int instructions) {
  if (hook_each_ == instructions) return;
  hook_each_ = instructions;
  lua_sethook(lua_, &Vm::OnCount, LUA_MASKCOUNT, instructions);
}

void Vm::EndSoon() {
  HookEach(1);
  budget_ = -1;
}

void Vm::OnCount(lua_State* L, lua_Debug*) {
  Vm& vm = Of(L);
  if (vm.collects_soon_ && vm.stop_ == Stop::kNone) {
    vm.collects_soon_ = false;
    lua_gc(L, LUA_GCCOLLECT, 0);
    vm.collect_at_bytes_ = std::max(vm.memory_bytes_max_ / 4 * 3,
                                    vm.used_bytes_ + (vm.memory_bytes_max_ - vm.used_bytes_) / 2);
    vm.HookEach(Interpreter::kPollInstructions);
  }
  if (vm.polls_soon_ && vm.stop_ == Stop::kNone) {
    vm.polls_soon_ = false;
    vm.HookEach(Interpreter::kPollInstructions);
  }
#ifndef LUAJIT_VERSION
  // A coroutine that was made while the hook was set to each instruction still has it.
  if (vm.stop_ == Stop::kNone && lua_gethookcount(L) != Interpreter::kPollInstructions) {
    lua_sethook(L, &Vm::OnCount, LUA_MASKCOUNT, Interpreter::kPollInstructions);
  }
#endif
  if (vm.host_ != nullptr) vm.PollFromC(L);
}

void Vm::PollFromC(lua_State* L) {
  if (stop_ == Stop::kNone) {
    budget_ = Interpreter::kPollInstructions;
    if (host_ == nullptr || host_->Poll()) return;
    stop_ = Stop::kKilled;
    EndSoon();
  }
#ifndef LUAJIT_VERSION
  // PUC's hooks belong to one coroutine each.
  lua_sethook(L, &Vm::OnCount, LUA_MASKCOUNT, 1);
#endif
  RaiseStop(L);
}

void Vm::RaiseStop(lua_State* L) {
  if (stop_ == Stop::kMemory) {
    lua_pushliteral(L, "not enough memory");
    lua_error(L);
    __builtin_unreachable();
  }
  // Not by way of Output, which would ask for a poll again.
  PushCodedError(L, loading != nullptr ? kLoadTimeoutText : kKilledText);
  lua_error(L);
  __builtin_unreachable();
}

void Vm::RaiseMemory(lua_State* L) {
  if (stop_ == Stop::kNone) {
    stop_ = Stop::kMemory;
    EndSoon();
  }
  RaiseStop(L);
}

void Vm::CheckCStack(lua_State* L) {
  // Signed: a run may begin deeper than a function of it that the compiler inlined elsewhere.
  const auto depth = static_cast<std::intptr_t>(stack_top_ - FrameAddress());
  if (depth > static_cast<std::intptr_t>(kCStackBytesMax)) luaL_error(L, "C stack overflow");
}

int Vm::Protect(ScriptHost& host, int argument_count) {
  DCHECK(!is_running());
  host_ = &host;
  protocol = 2;
  random_before = random;
  has_seeded = false;
  json = JsonSettings();
  budget_ = Interpreter::kPollInstructions;
  stack_top_ = FrameAddress();
  limited_ = true;
  const int status = lua_pcall(lua_, argument_count, 1, kHandlerSlot);
  limited_ = false;
  host_ = nullptr;
  return status;
}

int Vm::ProtectLoading(ScriptHost& host, std::vector<FunctionSpec>& specs,
                       std::vector<int>& references) {
  loading = &specs;
  loading_references = &references;
  lua_pushvalue(lua_, kLoadGlobalsSlot);
  lua_setfield(lua_, kEnvironmentSlot, "__index");
  const int status = Protect(host, 0);
  lua_pushvalue(lua_, kGlobalsSlot);
  lua_setfield(lua_, kEnvironmentSlot, "__index");
  loading = nullptr;
  loading_references = nullptr;
  return status;
}

int Vm::Load(std::string_view source, const char* chunk_name) {
  limited_ = true;
  stack_top_ = FrameAddress();
  const int status = LoadChunk(lua_, source, chunk_name);
  limited_ = false;
  return status;
}

void Vm::AfterRun() {
  lua_settop(lua_, kFixedSlots);
  lua_settop(reply_, 1);
  if (has_seeded) random = random_before;
  scratch.clear();
  if (scratch.capacity() > kScratchKeptBytes) scratch.shrink_to_fit();
  if (stop_ != Stop::kNone || collects_soon_ || polls_soon_) {
    lua_gc(lua_, LUA_GCCOLLECT, 0);
    stop_ = Stop::kNone;
    collects_soon_ = polls_soon_ = false;
    collect_at_bytes_ = memory_bytes_max_ / 4 * 3;
    HookEach(Interpreter::kPollInstructions);
  } else if (--runs_until_collection_ == 0) {
    runs_until_collection_ = kRunsPerCollection;
    lua_gc(lua_, LUA_GCSTEP, kRunsPerCollection);
  }
}

void PushError(lua_State* L, std::string_view text) {
  Output message(L);
  if (text.starts_with('-')) {
    text.remove_prefix(1);
    if (text.find(' ') == text.npos) message.Append(L, "ERR ");
  } else {
    message.Append(L, "ERR ");
  }
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  message.Append(L, text);
  lua_createtable(L, 0, 3);
  lua_pushliteral(L, "err");
  message.Push(L);
  lua_rawset(L, -3);
}

void PushCodedError(lua_State* L, std::string_view text) {
  lua_createtable(L, 0, 3);
  lua_pushliteral(L, "err");
  PushView(L, text);
  lua_rawset(L, -3);
}

void RaiseError(lua_State* L, std::string_view text) {
  PushError(L, text);
  lua_error(L);
  __builtin_unreachable();
}

}  // namespace cairn::scripting
