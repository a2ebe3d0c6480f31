// SPDX-License-Identifier: BSD-3-Clause
// redis.*, which is server.* as well: what a script asks of the server.
//
// redis.call is the hot path. Its words are views of Lua's own strings, the reply becomes Lua
// values in one pass, and but for those nothing is allocated. Numbers are sent as Redis 7.2 does:
// without a fraction as integers, else as the shortest text that reads back the same.
#include <array>
#include <cmath>
#include <cstring>
#include <string_view>

#include "base/sha1.h"
#include "base/text.h"
#include "scripting/lua_libraries.h"
#include "scripting/lua_reply.h"
#include "scripting/lua_vm.h"
#include "scripting/shebang.h"

namespace cairn::scripting {
namespace {

constexpr std::string_view kNoArguments =
    "Please specify at least one argument for this redis lib call";
constexpr std::string_view kBadArguments =
    "Lua redis lib command arguments must be strings or integers";
constexpr std::size_t kNumberBytes = kDoubleTextMax;
constexpr int kLogWarning = 3;

std::string_view NumberText(double number, char* out) {
  char* end = nullptr;
  if (std::isnan(number)) {
    return std::signbit(number) ? "-nan" : "nan";
  }
  if (number == 0) {
    end = FormatInt64(out, 0);
  } else {
    end = FormatDouble(out, number);
  }
  return {out, static_cast<std::size_t>(end - out)};
}

// Collects the arguments as words; the error text if they cannot be.
std::string_view CollectWords(lua_State* L, Vm& vm) {
  const int count = lua_gettop(L);
  if (count == 0) return kNoArguments;
  vm.words.clear();
  for (int i = 1; i <= count; ++i) {
    const int type = lua_type(L, i);
    if (type == LUA_TSTRING) [[likely]] {
      vm.words.push_back(ToView(L, i));
    } else if (type == LUA_TNUMBER) {
      const std::size_t needed = static_cast<std::size_t>(count) * kNumberBytes;
      // Sized once for all arguments: views of earlier ones must hold.
      if (vm.number_texts.size() < needed) {
        vm.number_texts.resize(needed);
        vm.words.clear();
        i = 0;
        continue;
      }
      char* const room = vm.number_texts.data() + static_cast<std::size_t>(i - 1) * kNumberBytes;
      vm.words.push_back(NumberText(lua_tonumber(L, i), room));
    } else {
      return kBadArguments;
    }
  }
  return {};
}

int Call(lua_State* L) {
  Vm& vm = Vm::Of(L);
  const std::string_view problem = CollectWords(L, vm);
  if (!problem.empty()) RaiseError(L, problem);
  if (PushReply(L, vm.host().Call(vm.words, vm.protocol))) return lua_error(L);
  return 1;
}

int ProtectedCall(lua_State* L) {
  Vm& vm = Vm::Of(L);
  const std::string_view problem = CollectWords(L, vm);
  if (!problem.empty()) {
    PushError(L, problem);
  } else {
    PushReply(L, vm.host().Call(vm.words, vm.protocol));
  }
  return 1;
}

int AclCheckCommand(lua_State* L) {
  Vm& vm = Vm::Of(L);
  const std::string_view problem = CollectWords(L, vm);
  if (!problem.empty()) RaiseError(L, problem);
  const auto verdict = vm.host().AclCheck(vm.words);
  if (verdict == ScriptHost::Verdict::kNoSuchCommand) {
    RaiseError(L, "Invalid command passed to redis.acl_check_cmd()");
  }
  lua_pushboolean(L, verdict == ScriptHost::Verdict::kAllowed);
  return 1;
}

// True if there is one argument and it is a string; else the error object is pushed.
bool IsOneString(lua_State* L) {
  if (lua_gettop(L) == 1 && lua_type(L, 1) == LUA_TSTRING) return true;
  PushError(L, "wrong number or type of arguments");
  return false;
}

int ErrorReply(lua_State* L) {
  if (!IsOneString(L)) return 1;
  Output text(L);
  if (!ToView(L, 1).starts_with('-')) text.Put(L, '-');
  text.Append(L, ToView(L, 1));
  text.Push(L);
  PushError(L, ToView(L, -1));
  return 1;
}

int StatusReply(lua_State* L) {
  if (!IsOneString(L)) return 1;
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "ok");
  lua_pushvalue(L, 1);
  lua_rawset(L, -3);
  return 1;
}

int Sha1OfString(lua_State* L) {
  if (lua_gettop(L) != 1) RaiseError(L, "wrong number of arguments");
  const std::string_view text = ToView(L, 1);
  Vm::Of(L).Spend(L, text.size() / 8);
  const Sha1Text digest = Sha1Hex(text);
  PushView(L, View(digest));
  return 1;
}

int Log(lua_State* L) {
  const int count = lua_gettop(L);
  if (count < 2) RaiseError(L, "redis.log() requires two arguments or more.");
  if (lua_isnumber(L, 1) == 0) RaiseError(L, "First argument must be a number (log level).");
  const auto level = static_cast<int>(lua_tonumber(L, 1));
  if (level < 0 || level > kLogWarning) RaiseError(L, "Invalid debug level.");
  Output message(L);
  for (int i = 2; i <= count; ++i) {
    if (lua_isstring(L, i) == 0) continue;
    if (message.size() > 0 && i > 2) message.Put(L, ' ');
    message.Append(L, ToView(L, i));
  }
  message.Push(L);
  Vm::Of(L).host().Log(level, ToView(L, -1));
  return 0;
}

int SetResp(lua_State* L) {
  if (lua_gettop(L) != 1) RaiseError(L, "redis.setresp() requires one argument.");
  const auto protocol = static_cast<int>(lua_tonumber(L, 1));
  if (protocol != 2 && protocol != 3) RaiseError(L, "RESP version must be 2 or 3.");
  Vm::Of(L).protocol = protocol;
  return 0;
}

int SetRepl(lua_State* L) {
  if (lua_gettop(L) != 1) RaiseError(L, "redis.set_repl() requires two arguments.");
  const auto targets = static_cast<int>(lua_tonumber(L, 1));
  if ((targets & ~kReplAll) != 0) {
    RaiseError(L, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
  }
  Vm::Of(L).host().SetRepl(targets);
  return 0;
}

// Effects are what is replicated, always.
int ReplicateCommands(lua_State* L) {
  lua_pushboolean(L, 1);
  return 1;
}

// There is no debugger to break into.
int Breakpoint(lua_State* L) {
  lua_pushboolean(L, 0);
  return 1;
}

int Debug(lua_State* L) {
  (void)L;
  return 0;
}

// ---- redis.register_function

constexpr std::string_view kTwoNames = "Function already exists in the library";

void CheckFlags(lua_State* L, ScriptFlags& flags) {
  for (int i = 1;; ++i) {
    lua_rawgeti(L, -1, i);
    if (lua_isnil(L, -1)) break;
    if (lua_type(L, -1) != LUA_TSTRING || !SetScriptFlag(flags, ToView(L, -1))) {
      RaiseError(L, "unknown flag given");
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

// Where the parts of a registration stand on the stack; 0 where there is none.
struct Registration {
  int name = 0;
  int description = 0;
  int callback = 0;
  ScriptFlags flags;
};

// Takes the value at the top as the argument `key`. Names and descriptions are copied to the places
// that Register keeps for them.
void TakeNamedArgument(lua_State* L, std::string_view key, Registration& taken) {
  if (key == "function_name") {
    if (lua_isstring(L, -1) == 0) {
      RaiseError(L, "function_name argument given to redis.register_function must be a string");
    }
    taken.name = 2;
    lua_pushvalue(L, -1);
    lua_replace(L, 2);
  } else if (key == "description") {
    if (lua_isstring(L, -1) == 0) {
      RaiseError(L, "description argument given to redis.register_function must be a string");
    }
    taken.description = 3;
    lua_pushvalue(L, -1);
    lua_replace(L, 3);
  } else if (key == "callback") {
    if (!lua_isfunction(L, -1)) {
      RaiseError(L, "callback argument given to redis.register_function must be a function");
    }
    taken.callback = 4;
    lua_pushvalue(L, -1);
    lua_replace(L, 4);
  } else if (key == "flags") {
    if (!lua_istable(L, -1)) {
      RaiseError(L,
                 "flags argument to redis.register_function must be a table representing function "
                 "flags");
    }
    CheckFlags(L, taken.flags);
  } else {
    RaiseError(L, "unknown argument given to redis.register_function");
  }
}

Registration TakeNamed(lua_State* L) {
  if (!lua_istable(L, 1)) {
    RaiseError(L,
               "calling redis.register_function with a single argument is only applicable to Lua "
               "table (representing named arguments).");
  }
  Registration taken;
  lua_settop(L, 4);
  lua_pushnil(L);
  while (lua_next(L, 1) != 0) {
    const int key_type = lua_type(L, -2);
    if (key_type != LUA_TSTRING && key_type != LUA_TNUMBER) {
      RaiseError(L, "named argument key given to redis.register_function is not a string");
    }
    // A number is a name that is not known; as text it would confuse lua_next.
    TakeNamedArgument(L, key_type == LUA_TSTRING ? ToView(L, -2) : "", taken);
    lua_pop(L, 1);
  }
  if (taken.name == 0) {
    RaiseError(L, "redis.register_function must get a function name argument");
  }
  if (taken.callback == 0) {
    RaiseError(L, "redis.register_function must get a callback argument");
  }
  return taken;
}

Registration TakePositional(lua_State* L) {
  if (lua_isstring(L, 1) == 0) {
    RaiseError(L, "first argument to redis.register_function must be a string");
  }
  if (!lua_isfunction(L, 2)) {
    RaiseError(L, "second argument to redis.register_function must be a function");
  }
  return {.name = 1, .description = 0, .callback = 2, .flags = {}};
}

// The lists are the Vm's, so that no destructor is passed over by an error.
void Register(lua_State* L, Vm& vm, const Registration& taken) {
  const std::string_view name = ToView(L, taken.name);
  if (!IsFunctionName(name)) RaiseError(L, kBadFunctionName);
  for (const auto& known : *vm.loading) {
    if (known.name == name) RaiseError(L, kTwoNames);
  }
  if (vm.loading->size() >= Vm::kFunctionsMax) RaiseError(L, "too many functions in the library");
  lua_pushvalue(L, taken.callback);
  vm.loading_references->push_back(luaL_ref(L, LUA_REGISTRYINDEX));
  auto& spec = vm.loading->emplace_back();
  spec.name = name;
  spec.flags = taken.flags;
  spec.has_description = taken.description != 0;
  if (spec.has_description) spec.description = ToView(L, taken.description);
}

int RegisterFunction(lua_State* L) {
  Vm& vm = Vm::Of(L);
  if (vm.loading == nullptr) {
    RaiseError(L, "redis.register_function can only be called on FUNCTION LOAD command");
  }
  const int count = lua_gettop(L);
  if (count < 1 || count > 2) {
    RaiseError(L, "wrong number of arguments to redis.register_function");
  }
  Register(L, vm, count == 1 ? TakeNamed(L) : TakePositional(L));
  return 0;
}

// ---- the tables

void SetNumber(lua_State* L, const char* name, int number) {
  lua_pushnumber(L, number);
  lua_setfield(L, -2, name);
}

void SetCommon(lua_State* L) {
  SetNumber(L, "LOG_DEBUG", 0);
  SetNumber(L, "LOG_VERBOSE", 1);
  SetNumber(L, "LOG_NOTICE", 2);
  SetNumber(L, "LOG_WARNING", kLogWarning);
  lua_pushliteral(L, "7.2.4");
  lua_setfield(L, -2, "REDIS_VERSION");
  SetNumber(L, "REDIS_VERSION_NUM", 0x00070204);
  static const luaL_Reg kFunctions[] = {{"log", &Log}, {nullptr, nullptr}};
  SetFunctions(L, kFunctions);
}

// With the strings that replies are full of at hand.
void SetCall(lua_State* L, const char* name, lua_CFunction function) {
  lua_pushliteral(L, "ok");
  lua_pushliteral(L, "OK");
  lua_pushcclosure(L, function, 2);
  lua_setfield(L, -2, name);
}

}  // namespace

void OpenRedis(lua_State* L) {
  static const luaL_Reg kFunctions[] = {{"error_reply", &ErrorReply},
                                        {"status_reply", &StatusReply},
                                        {"sha1hex", &Sha1OfString},
                                        {"setresp", &SetResp},
                                        {"set_repl", &SetRepl},
                                        {"replicate_commands", &ReplicateCommands},
                                        {"breakpoint", &Breakpoint},
                                        {"debug", &Debug},
                                        {"acl_check_cmd", &AclCheckCommand},
                                        {nullptr, nullptr}};
  lua_newtable(L);
  SetCommon(L);
  SetFunctions(L, kFunctions);
  SetCall(L, "call", &Call);
  SetCall(L, "pcall", &ProtectedCall);
  SetNumber(L, "REPL_NONE", kReplNone);
  SetNumber(L, "REPL_AOF", kReplAof);
  SetNumber(L, "REPL_SLAVE", kReplReplica);
  SetNumber(L, "REPL_REPLICA", kReplReplica);
  SetNumber(L, "REPL_ALL", kReplAll);
}

void OpenLoadingRedis(lua_State* L) {
  static const luaL_Reg kFunctions[] = {{"register_function", &RegisterFunction},
                                        {nullptr, nullptr}};
  lua_newtable(L);
  SetCommon(L);
  SetFunctions(L, kFunctions);
}

}  // namespace cairn::scripting
