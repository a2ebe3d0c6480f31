// SPDX-License-Identifier: BSD-3-Clause
// Interpreter: the Lua side of scripting, as Redis 7.2's scripts see it.
//
// It compiles and runs EVAL scripts and function libraries in a sandbox and turns what they return
// into a reply. It knows nothing of commands, keys or clients: whatever a script asks of the server
// goes through a ScriptHost. The EVAL scripts share one Lua state and the libraries another, as in
// Redis; no script leaves anything behind in either that a later one could see.
//
//     EVALSHA --> Run --Lua--> redis.call --> ScriptHost::Call --RESP--> Lua values
//                  |                 every kPollInstructions: ScriptHost::Poll --> go on, or end
//                  +--> one reply in resp::Writer
//
// Invariants
//   (1) A run writes exactly one reply, whatever the script did.
//   (2) A script that Poll told to end runs no further instruction that an error would not end;
//   pcall does not save it.
//   (3) No state takes more than Options::memory_bytes_max from the allocator. A script that wants
//   more ends with an error; the state is of use afterwards.
//   (4) Only source text is ever loaded; library tables are read-only to scripts.
//
// One Interpreter belongs to one worker thread, for life. It does not nest: while is_running(),
// only the ScriptHost's own calls come from inside it, and the host must answer BUSY to other
// scripts. Cost: a run of `return 1` takes some 200 ns, a redis.call 60 ns beside the command.
#ifndef CAIRN_SCRIPTING_INTERPRETER_H_
#define CAIRN_SCRIPTING_INTERPRETER_H_

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "resp/writer.h"
#include "scripting/shebang.h"

namespace cairn::scripting {

// What redis.set_repl was told: a sum of these.
inline constexpr int kReplNone = 0;
inline constexpr int kReplAof = 1;
inline constexpr int kReplReplica = 2;
inline constexpr int kReplAll = kReplAof | kReplReplica;

// What a script that runs may ask of the server. Every view a method is given lives as long as the
// call.
class ScriptHost {
 public:
  enum class Verdict { kAllowed, kDenied, kNoSuchCommand };

  virtual ~ScriptHost() = default;
  // Runs one command, of at least one word, for redis.call and redis.pcall. Returns exactly one
  // RESP reply in `protocol` (2 or 3), which lives until the next call of any method. Whatever goes
  // wrong is an error reply in it ("-ERR ...\r\n").
  virtual std::string_view Call(std::span<const std::string_view> args, int protocol) = 0;
  // redis.acl_check_cmd
  virtual Verdict AclCheck(std::span<const std::string_view> args) = 0;
  // redis.log; `level` is Redis's: 0 debug, 1 verbose, 2 notice, 3 warning.
  virtual void Log(int level, std::string_view message) = 0;
  // redis.set_repl; a sum of kRepl values.
  virtual void SetRepl(int targets) = 0;
  // Asked every kPollInstructions instructions, and as often from long C functions. False: the
  // script is to end now (it was killed).
  virtual bool Poll() = 0;
};

class Interpreter {
 public:
  static constexpr int kPollInstructions = 1'000;
  static constexpr std::size_t kMemoryBytesMax = std::size_t{512} << 20;

  struct Options {
    std::size_t memory_bytes_max = kMemoryBytesMax;  // of one Lua state; there are two
  };
  struct FunctionSpec {
    std::string name;
    std::string description;
    bool has_description = false;
    ScriptFlags flags;
  };
  // The words of one EVAL or FCALL behind the script.
  struct Arguments {
    std::span<const std::string_view> keys;
    std::span<const std::string_view> args;
  };

  explicit Interpreter(const Options& options);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // EVAL scripts, by their SHA-1 in lower-case hexadecimal. The body may begin with a shebang line,
  // which is skipped: reading it is ReadShebang's. A failure's message is the client's error
  // ("ERR Error compiling script (new function): ..."). Does nothing for a script it knows.
  Status Compile(std::string_view sha1_hex, std::string_view body);
  // Whether it is compiled here. A state that had to be replaced forgets all: compile again then.
  bool Knows(std::string_view sha1_hex) const;
  void Forget(std::string_view sha1_hex);
  void ForgetAll();
  // REQUIRES: Knows(sha1_hex), !is_running()
  void Run(std::string_view sha1_hex, const Arguments& arguments, ScriptHost& host,
           resp::Writer& out);

  // Function libraries. Loading runs the code, in which of redis.* only register_function, log and
  // what asks nothing of the server work; a library of that name is replaced when it succeeds and
  // kept when not. The failure's message is the client's error. `host` is asked for Log and Poll;
  // if Poll says to end, the error is Redis's of a load that takes too long.
  // REQUIRES: !is_running()
  Result<std::vector<FunctionSpec>> LoadLibrary(std::string_view library, std::string_view code,
                                                ScriptHost& host);
  // Whether it is loaded here. Like scripts, all are forgotten with a state that had to be
  // replaced.
  bool KnowsLibrary(std::string_view library) const;
  // False once no library was loaded since the state of all of them had to be given up.
  bool has_libraries() const { return libraries_ != nullptr; }
  void DropLibrary(std::string_view library);
  void DropAllLibraries();
  // REQUIRES: the library is known and has the function, !is_running()
  void RunFunction(std::string_view library, std::string_view function, const Arguments& arguments,
                   ScriptHost& host, resp::Writer& out);

  bool is_running() const;
  // Of both states, for INFO's used_memory_vm_eval and used_memory_vm_functions.
  std::size_t eval_memory_bytes() const;
  std::size_t function_memory_bytes() const;

 private:
  struct Scripts;
  struct Libraries;

  const Options options_;
  std::unique_ptr<Scripts> scripts_;      // made with the first script
  std::unique_ptr<Libraries> libraries_;  // and with the first library
};

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_INTERPRETER_H_
