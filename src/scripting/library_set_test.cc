// SPDX-License-Identifier: BSD-3-Clause
// What is kept of functions, what a file may ask for, and where it ends.
#include "scripting/library_set.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "codec/dump.h"
#include "codec/rdb_format.h"
#include "codec/rdb_output.h"

namespace cairn::scripting {
namespace {

using Present = LibrarySet::Present;

std::vector<std::string> SourcesOf(const LibrarySet& set) {
  std::vector<std::string> sources;
  set.ForEach([&](std::string_view source) { sources.emplace_back(source); });
  return sources;
}

using Sources = std::vector<std::string>;

TEST(Libraries, ALibraryIsWhatItsFirstLineSays) {
  LibrarySet set;
  ASSERT_TRUE(set.Add("#!lua name=a\none", Present::kRefuse).ok());
  EXPECT_EQ(set.Add("#!lua  NAME=\"a\"\ntwo", Present::kRefuse).message(),
            "the library 'a' for the second time");
  ASSERT_TRUE(set.Add("#!lua name=A\nthree", Present::kRefuse).ok());
  ASSERT_TRUE(set.Add("#!lua other=1 name=a\r\nfour", Present::kReplace).ok());
  EXPECT_EQ(SourcesOf(set), (Sources{"#!lua other=1 name=a\r\nfour", "#!lua name=A\nthree"}));
}

TEST(Libraries, WhatHasNoNameIsNobodysNamesake) {
  LibrarySet set;
  for (const char* source : {"", "name=a", "#!lua", "#!lua\nname=a", "#!lua name=", "#!lua name="})
    ASSERT_TRUE(set.Add(source, Present::kRefuse).ok()) << source;
  EXPECT_EQ(set.size(), 6u);
}

TEST(Libraries, NoMoreIsKeptThanTheLimit) {
  LibrarySet set;
  const std::string head = "#!lua name=a\n";
  const std::string half(LibrarySet::kBytesMax / 2, 'x');
  ASSERT_TRUE(set.Add(half, Present::kRefuse).ok());
  ASSERT_TRUE(set.Add(head, Present::kRefuse).ok());
  EXPECT_EQ(set.Add(half, Present::kRefuse).code(), StatusCode::kUnsupported);
  // What it replaces makes room.
  ASSERT_TRUE(set.Add(head + half.substr(head.size()), Present::kReplace).ok());
  EXPECT_EQ(set.size(), 2u);
  EXPECT_EQ(set.Add("x", Present::kRefuse).code(), StatusCode::kUnsupported);
  const std::string_view drop[] = {"DELETE", "a"};
  ASSERT_TRUE(set.Apply(drop).ok());
  EXPECT_TRUE(set.Add("x", Present::kRefuse).ok());
}

TEST(Libraries, NoMoreAreKeptThanTheLimit) {
  LibrarySet set;
  ASSERT_TRUE(set.Add("#!lua name=a\n", Present::kRefuse).ok());
  for (std::size_t i = 1; i < LibrarySet::kLibrariesMax; ++i)
    ASSERT_TRUE(set.Add("", Present::kRefuse).ok()) << i;
  EXPECT_EQ(set.Add("", Present::kRefuse).message(), "more than 4096 libraries of functions");
  EXPECT_EQ(set.Add("#!lua name=b\n", Present::kReplace).code(), StatusCode::kUnsupported);
  ASSERT_TRUE(set.Add("#!lua name=a\nanew", Present::kReplace).ok());
  EXPECT_EQ(set.size(), LibrarySet::kLibrariesMax);
  const std::string_view drop[] = {"DELETE", "a"};
  ASSERT_TRUE(set.Apply(drop).ok());
  EXPECT_TRUE(set.Add("", Present::kRefuse).ok());
}

std::string PayloadOf(std::initializer_list<std::string_view> sources) {
  codec::RdbOutput out(codec::RdbCompression::kLzf);
  for (const std::string_view source : sources) {
    out.Byte(static_cast<std::uint8_t>(codec::RdbOpcode::kFunction));
    out.Text(source);
  }
  codec::EndDump(out, codec::RdbType::kString);
  return out.TakeBytes();
}

TEST(Libraries, CommandsOfAnAofChangeThem) {
  const std::string a = "#!lua name=a\n";
  const std::string a2 = "#!lua name=a\n2";
  const std::string b = "#!lua name=b\n";
  const std::string payload = PayloadOf({a2, b});
  std::string flipped = payload;
  flipped[5] = static_cast<char>(flipped[5] ^ 1);
  const std::string string_payload = codec::DumpOf(std::string_view("x"), {});
  struct Case {
    std::vector<std::string_view> args;
    bool is_done;
    Sources left;
  };
  const Case cases[] = {
      {{"LOAD", b}, true, {a, b}},
      {{"LOAD", a2}, false, {a}},
      {{"load", "Replace", a2}, true, {a2}},
      {{"LOAD"}, false, {a}},
      {{"DELETE", "a"}, true, {}},
      {{"DELETE", "b"}, false, {a}},
      {{"FLUSH"}, true, {}},
      {{"FLUSH", "ASYNC"}, true, {}},
      {{"RESTORE", payload}, false, {a}},
      {{"RESTORE", payload, "append"}, false, {a}},
      {{"RESTORE", payload, "REPLACE"}, true, {a2, b}},
      {{"RESTORE", payload, "flush"}, true, {a2, b}},
      {{"RESTORE", flipped, "FLUSH"}, false, {a}},
      {{"RESTORE", "short"}, false, {a}},
      {{"RESTORE", string_payload, "FLUSH"}, false, {a}},
  };
  for (const Case& test : cases) {
    LibrarySet set;
    ASSERT_TRUE(set.Add(a, Present::kRefuse).ok());
    ASSERT_TRUE(LibrarySet::IsChange(test.args));
    EXPECT_EQ(set.Apply(test.args).ok(), test.is_done) << test.args[0];
    EXPECT_EQ(SourcesOf(set), test.left) << test.args[0];
  }
  const std::string_view list[] = {"LIST"};
  EXPECT_FALSE(LibrarySet::IsChange(list));
  EXPECT_FALSE(LibrarySet::IsChange({}));
}

TEST(LibraryShelf, ItsBytesAreCounted) {
  SharedCounter account;
  account.Set(1000);
  LibraryShelf shelf;
  LibrarySet set;
  ASSERT_TRUE(set.Add("#!lua name=a\n" + std::string(100'000, 'x'), Present::kRefuse).ok());
  shelf.Set(set);
  shelf.CountIn(account);
  EXPECT_GE(shelf.memory_bytes(), 100'000);
  EXPECT_LE(shelf.memory_bytes(), 101'000);
  EXPECT_EQ(account.value(), 1000 + shelf.memory_bytes());
  ASSERT_TRUE(set.Add("#!lua name=b\n" + std::string(50'000, 'x'), Present::kRefuse).ok());
  shelf.Set(set);
  EXPECT_GE(shelf.memory_bytes(), 150'000);
  EXPECT_EQ(account.value(), 1000 + shelf.memory_bytes());
  shelf.Set({});
  EXPECT_EQ(account.value(), 1000);
}

}  // namespace
}  // namespace cairn::scripting
