// SPDX-License-Identifier: BSD-3-Clause
// The Lua entry: script bodies, replies on their way into Lua, and the unpackers.
//
// The first byte of the input chooses: a body, a reply for redis.call, or the argument of one of
// cjson.decode, cmsgpack.unpack, struct.unpack (the first line is its format), string.find and gsub
// (pattern in the first line), and the preparation of source text. Whatever comes, each run answers
// one reply, leaves nothing running, keeps to its memory, and the next script finds the sandbox as
// it was.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "resp/reply_buffer.h"
#include "resp/reply_parser.h"
#include "scripting/interpreter.h"
#include "scripting/lua_source.h"

namespace {

using cairn::scripting::Chunk;
using cairn::scripting::Interpreter;
using cairn::scripting::PreparedSource;
using cairn::scripting::PrepareSource;
using cairn::scripting::ReadLibraryShebang;
using cairn::scripting::ReadScriptShebang;
using cairn::scripting::ScriptHost;

constexpr std::size_t kMemoryBytesMax = std::size_t{16} << 20;
constexpr int kPollsMax = 20;

class FuzzHost final : public ScriptHost {
 public:
  explicit FuzzHost(std::string_view reply) : reply_(reply) {}

  std::string_view Call(std::span<const std::string_view> args, int protocol) override {
    CHECK(!args.empty());
    CHECK(protocol == 2 || protocol == 3);
    return reply_;
  }
  Verdict AclCheck(std::span<const std::string_view>) override { return Verdict::kDenied; }
  void Log(int, std::string_view) override {}
  void SetRepl(int) override {}
  bool Poll() override { return ++polls_ < kPollsMax; }

 private:
  std::string_view reply_;
  int polls_ = 0;
};

// One reply, whole, and no more.
void CheckReply(const std::string& reply) {
  cairn::resp::ReplyParser parser({.depth_max = 10'000});
  cairn::resp::Value value;
  const auto outcome = parser.Next(reply, &value);
  CHECK(outcome == cairn::resp::ReplyParser::Outcome::kValue);
  CHECK(parser.consumed() == reply.size());
}

std::string Run(Interpreter& interpreter, std::string_view name, std::string_view body,
                std::string_view argument, int protocol) {
  const cairn::Status status = interpreter.Compile(name, body);
  if (!status.ok()) {
    CHECK(status.message().starts_with("ERR Error compiling script (new function): "));
    return "";
  }
  FuzzHost host(argument);
  cairn::resp::ReplyBuffer buffer;
  cairn::resp::Writer out(buffer, protocol);
  const std::size_t line = std::min(argument.find('\n'), argument.size());
  const std::string_view words[] = {argument.substr(0, line),
                                    argument.substr(std::min(line + 1, argument.size())), argument};
  interpreter.Run(name, {.keys = words, .args = words}, host, out);
  CHECK(!interpreter.is_running());
  CHECK(interpreter.eval_memory_bytes() <= kMemoryBytesMax + (1 << 20));
  std::string reply = buffer.ToString();
  CheckReply(reply);
  return reply;
}

// What every script must find, whatever ran before.
constexpr std::string_view kProbe =
    "local n = 0 for k in pairs(_G) do n = n + 1 end for k in pairs(redis) do n = n + 1 end "
    "for k in pairs(string) do n = n + 1 end for k in pairs(getmetatable('')) do n = n + 1 end "
    "return {n, redis.err or 0, cjson.encode({{1}}), ('x'):rep(2), tostring(rawget(_G, 'x'))}";

constexpr std::string_view kUsers[] = {
    "return redis.pcall('x')",
    "redis.setresp(3) return redis.call('x')",
    "return cjson.decode(KEYS[3])",
    "return {cmsgpack.unpack(KEYS[3])}",
    "return cmsgpack.pack(cmsgpack.unpack(KEYS[3]))",
    "return {struct.unpack(KEYS[1], KEYS[2])}",
    "return {struct.pack(KEYS[1], 1, 2.5, KEYS[2], 4)}",
    "return {KEYS[2]:find(KEYS[1])}",
    "return {KEYS[2]:gsub(KEYS[1], '%0%1')}",
    "return {string.format(KEYS[1], 1, 'x', 2.5)}",
    "return loadstring(KEYS[3])",
    "return {redis.error_reply(KEYS[1]), redis.sha1hex(KEYS[3]), {double=tonumber(KEYS[1])}}"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const int protocol = (data[0] & 0x80) != 0 ? 3 : 2;
  const std::size_t mode = data[0] & 0x1f;
  Interpreter interpreter({.memory_bytes_max = kMemoryBytesMax});
  const std::string before = Run(interpreter, "probe", kProbe, "", 2);
  if (mode < std::size(kUsers)) {
    Run(interpreter, "user", kUsers[mode], input, protocol);
  } else if (mode == std::size(kUsers)) {
    const std::string code = "#!lua name=l\n" + std::string(input);
    FuzzHost host("");
    if (const auto specs = interpreter.LoadLibrary("l", code, host)) {
      for (const auto& spec : *specs) {
        cairn::resp::ReplyBuffer buffer;
        cairn::resp::Writer out(buffer, protocol);
        interpreter.RunFunction("l", spec.name, {}, host, out);
        CheckReply(buffer.ToString());
      }
    }
    if (const auto name = ReadLibraryShebang(input)) CHECK(!name->empty());
    if (const auto shebang = ReadScriptShebang(input))
      CHECK(shebang->present == input.starts_with("#!"));
  } else {
    std::string storage;
    const PreparedSource source = PrepareSource(input, Chunk::kScript, storage);
    CHECK(source.text.size() >= input.size());
    Run(interpreter, "body", input, ":1\r\n", protocol);
  }
  CHECK(interpreter.Knows("probe"));
  CHECK(Run(interpreter, "probe", kProbe, "", 2) == before);
  return 0;
}
