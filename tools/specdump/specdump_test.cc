// SPDX-License-Identifier: BSD-3-Clause
// The whole table comes out, and comes out as JSON: brackets and quotes pair up.
#include "specdump/specdump.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/families.h"

namespace cairn::specdump {
namespace {

// True if brackets nest, strings end, and nothing follows the one value.
bool IsBalanced(std::string_view json) {
  std::string open;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      open += c;
    } else if (c == '}' || c == ']') {
      if (open.empty() || open.back() != (c == '}' ? '{' : '[')) return false;
      open.pop_back();
    }
  }
  return open.empty() && !in_string;
}

TEST(SpecDump, EveryCommandIsThere) {
  const auto families = engine::EngineFamilies();
  const command::CommandTable table(families);
  const std::string json = CommandsJson(table);
  EXPECT_TRUE(IsBalanced(json));
  for (const command::CommandTable::Command& command : table.all()) {
    EXPECT_NE(json.find("\n  \"" + command.full_name + "\": {"), std::string::npos);
  }
  EXPECT_NE(json.find("\"syntax\": \"GET key\""), std::string::npos);
  EXPECT_NE(json.find("\"key_spec_index\": 0"), std::string::npos);
}

TEST(SpecDump, StringsAreEscaped) {
  EXPECT_EQ(JsonString("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\u000a\\u0001\"");
  EXPECT_EQ(JsonString(""), "\"\"");
}

}  // namespace
}  // namespace cairn::specdump
