// SPDX-License-Identifier: BSD-3-Clause
// The expectations were asked of redis-server 7.0.15.
#include "scripting/shebang.h"

#include <gtest/gtest.h>

namespace cairn::scripting {
namespace {

std::string ErrorOf(std::string_view body) {
  const auto shebang = ReadScriptShebang(body);
  return shebang ? "" : std::string(shebang.error().message());
}

std::string LibraryOf(std::string_view code) {
  const auto name = ReadLibraryShebang(code);
  return name ? *name : std::string(name.error().message());
}

TEST(Shebang, FlagsOfAScript) {
  EXPECT_FALSE(ReadScriptShebang("return 1")->present);
  const auto shebang =
      ReadScriptShebang("#!lua  flags=no-writes,allow-oom \"flags=no-cluster\" \n");
  ASSERT_TRUE(shebang);
  EXPECT_TRUE(shebang->present);
  EXPECT_EQ(shebang->flags,
            (ScriptFlags{.no_writes = true, .allow_oom = true, .no_cluster = true}));
  EXPECT_TRUE(ReadScriptShebang("#!lua flags=\nreturn 1"));
  EXPECT_TRUE(
      ReadScriptShebang("#!lua flags=allow-stale,allow-cross-slot-keys\n")->flags.allow_stale);
}

TEST(Shebang, ErrorsOfAScript) {
  EXPECT_EQ(ErrorOf("#!lua"), "ERR Invalid script shebang");
  EXPECT_EQ(ErrorOf("#!python\n"), "ERR Unexpected engine in script shebang: #!python");
  EXPECT_EQ(ErrorOf("#!\n"), "ERR Unexpected engine in script shebang: #!");
  EXPECT_EQ(ErrorOf("#!LUA\n"), "ERR Unexpected engine in script shebang: #!LUA");
  EXPECT_EQ(ErrorOf("#!lua foo=1\n"), "ERR Unknown lua shebang option: foo=1");
  EXPECT_EQ(ErrorOf("#!lua \"x\nreturn 1"), "ERR Invalid engine in script shebang");
  EXPECT_EQ(ErrorOf("#!lua flags=foo\n"), "ERR Unexpected flag in script shebang: foo");
  EXPECT_EQ(ErrorOf("#!lua flags=no-writes,,allow-oom\n"),
            "ERR Unexpected flag in script shebang: ");
  EXPECT_EQ(ErrorOf("#!lua flags=no-writes,\n"), "ERR Unexpected flag in script shebang: ");
}

TEST(Shebang, Libraries) {
  EXPECT_EQ(LibraryOf("#!lua name=lib\n"), "lib");
  EXPECT_EQ(LibraryOf("#!LUA NAME=lib\n"), "lib");
  EXPECT_EQ(LibraryOf("return 1"), "ERR Missing library metadata");
  EXPECT_EQ(LibraryOf("#!lua name=x"), "ERR Invalid library metadata");
  EXPECT_EQ(LibraryOf("#!lua \"x\n"), "ERR Invalid library metadata");
  EXPECT_EQ(LibraryOf("#!lua foo\n"), "ERR Invalid metadata value given: foo");
  EXPECT_EQ(LibraryOf("#!python\n"), "ERR Library name was not given");
  EXPECT_EQ(LibraryOf("#!python name=a\n"), "ERR Engine 'python' not found");
  EXPECT_EQ(LibraryOf("#!lua name=a name=b\n"),
            "ERR Invalid metadata value, name argument was given multiple times");
  EXPECT_EQ(LibraryOf("#!lua name=a-b\n"), "ERR " + std::string(kBadFunctionName));
  EXPECT_EQ(LibraryOf("#!lua name=\n"), "ERR " + std::string(kBadFunctionName));
}

TEST(Shebang, LinesKeepTheirNumbers) {
  EXPECT_EQ(WithoutShebang("#!lua\nreturn 1"), "\nreturn 1");
  EXPECT_EQ(WithoutShebang("return 1"), "return 1");
  EXPECT_EQ(WithoutShebang("#!lua"), "");
}

}  // namespace
}  // namespace cairn::scripting
