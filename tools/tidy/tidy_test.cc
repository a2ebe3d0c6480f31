// SPDX-License-Identifier: BSD-3-Clause
// Tests of tidy's rules, and tidy's verdict on the tree it stands in.
//
// Every rule has rows that it must complain of and rows that it must let pass: a rule that cannot
// fail is worth nothing, and one that cries at good code gets switched off.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tidy/banned.h"
#include "tidy/floors.h"
#include "tidy/functions.h"
#include "tidy/layout.h"
#include "tidy/source.h"
#include "tidy/tree.h"

namespace cairn::tidy {
namespace {

constexpr std::string_view kHead =
    "// SPDX-License-Identifier: BSD-3-Clause\n// A file that says what it is.\n";

std::string Join(const std::vector<Finding>& findings) {
  std::string all;
  for (const Finding& finding : findings) all += Describe(finding) + "\n";
  return all;
}

std::string Repeat(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t round = 0; round < count; ++round) all += text;
  return all;
}

// What a rule says of a file; `wanted` is part of its complaint, empty if there must be none.
struct Case {
  const char* name;
  const char* path;
  std::string text;
  std::string_view wanted;
};

template <class Rule>
void CheckCases(const std::vector<Case>& cases, Rule rule) {
  for (const Case& row : cases) {
    const std::string said = Join(rule(Source(row.path, row.text)));
    if (row.wanted.empty()) {
      EXPECT_EQ(said, "") << row.name;
    } else {
      EXPECT_NE(said.find(row.wanted), std::string::npos) << row.name << " said: " << said;
    }
  }
}

TEST(Source, BlanksCommentsAndStringsInPlace) {
  const Source source("a.cc",
                      "int a; // time(0)\nf(\"x\\\"y\", 'c', 1'000, R\"(q\")\"); /* z */ b\n");
  EXPECT_EQ(source.code(), "int a;           \nf(\"\"\"\"\"\", '\"', 1'000, R\"\"\"\"\"\"); " +
                               std::string("        b\n"));
  EXPECT_EQ(source.code().size(), source.text().size());
  EXPECT_EQ(source.LineAt(0), 1u);
  EXPECT_EQ(source.LineAt(source.text().find('f')), 2u);
}

TEST(Source, KnowsItsKind) {
  EXPECT_TRUE(Source("src/base/a.h", "").IsHeader());
  EXPECT_TRUE(Source("src/base/a_test.cc", "").IsTest());
  EXPECT_TRUE(Source("tools/run", "#!/bin/sh\n").IsScript());
  EXPECT_TRUE(Source("cmake/a.cmake", "").IsScript());
  EXPECT_FALSE(Source("tests/data.txt", "").IsScript());
}

TEST(Layout, LicenceAndStory) {
  CheckCases(
      {
          {"good", "src/base/a.cc", std::string(kHead), ""},
          {"no licence", "src/base/a.cc", "// A file that says what it is.\n", "begins without"},
          {"empty", "src/base/a.cc", "", "begins without"},
          {"no story", "src/base/a.cc", "// SPDX-License-Identifier: BSD-3-Clause\nint a;\n",
           "no story"},
          {"name only", "src/base/a.cc", "// SPDX-License-Identifier: BSD-3-Clause\n// a.cc\n",
           "no story"},
          {"story of 40 lines", "src/base/a.cc",
           "// SPDX-License-Identifier: BSD-3-Clause\n" + Repeat("// word word\n", 40), ""},
          {"story of 41 lines", "src/base/a.cc",
           "// SPDX-License-Identifier: BSD-3-Clause\n" + Repeat("// word word\n", 41),
           "story of 41 lines"},
          {"script", "tools/a", "#!/bin/sh\n# SPDX-License-Identifier: BSD-3-Clause\n", ""},
          {"script without", "tools/a", "#!/bin/sh\necho\n", "begins without"},
          {"cmake without", "cmake/a.cmake", "set(a b)\n", "begins without"},
      },
      CheckLayout);
}

TEST(Layout, PublicHeadersSayTheirContract) {
  const auto header = [](std::string_view story) {
    return std::string(kHead) + std::string(story) +
           "#ifndef CAIRN_A_H_\n#define CAIRN_A_H_\n#endif  // CAIRN_A_H_\n";
  };
  const std::string example = "//\n//   A a;\n//\n";
  const std::string clauses =
      "// Errors: none. Thread\n// safety: a value. Lifetimes: none. Cost: none.\n";
  const std::string whole = header(example + clauses);
  const auto without = [&](std::string_view clause, std::string_view in_its_place) {
    std::string text = whole;
    return text.replace(text.find(clause), clause.size(), in_its_place);
  };
  CheckCases(
      {
          {"whole", "include/cairn/a.h", whole, ""},
          {"no example", "include/cairn/a.h", header(clauses), "wants an example"},
          {"no errors", "include/cairn/a.h", without("Errors:", "Mistakes:"), "\"Errors:\""},
          {"no threads", "include/cairn/http/a.h", without("safety:", "ropes:"),
           "\"Thread safety:\""},
          {"no lifetimes", "include/cairn/a.h", without("Lifetimes:", "lifetimes:"),
           "\"Lifetimes:\""},
          {"no cost", "include/cairn/a.h", without("Cost:", "Cost"), "\"Cost:\""},
          {"below the story", "include/cairn/a.h", header(example) + clauses, "\"Cost:\""},
          {"no user's", "include/cairn/internal/a.h", header(""), ""},
          {"no header of users", "toolkit/a.h", header(""), ""},
      },
      [](const Source& source) {
        std::vector<Finding> said = CheckLayout(source);
        std::erase_if(said, [](const Finding& finding) {
          return finding.text.find("guard") != std::string::npos;
        });
        return said;
      });
}

TEST(Layout, HeaderGuard) {
  EXPECT_EQ(GuardName("src/base/blob.h"), "CAIRN_BASE_BLOB_H_");
  EXPECT_EQ(GuardName("include/cairn/client.h"), "CAIRN_CLIENT_H_");
  EXPECT_EQ(GuardName("tests/support/channel.h"), "CAIRN_TESTS_SUPPORT_CHANNEL_H_");
  const std::string head(kHead);
  CheckCases(
      {
          {"good", "src/base/a.h",
           head + "#ifndef CAIRN_BASE_A_H_\n#define CAIRN_BASE_A_H_\n#endif  // CAIRN_BASE_A_H_\n",
           ""},
          {"none", "src/base/a.h", head, "header guard CAIRN_BASE_A_H_"},
          {"pragma", "src/base/a.h", head + "#pragma once\n", "header guard"},
          {"another's", "src/base/a.h",
           head + "#ifndef CAIRN_BASE_B_H_\n#define CAIRN_BASE_B_H_\n#endif  // CAIRN_BASE_B_H_\n",
           "header guard CAIRN_BASE_A_H_"},
      },
      CheckLayout);
}

TEST(Layout, OwnHeaderFirst) {
  const std::string head(kHead);
  CheckCases(
      {
          {"first", "src/base/a.cc", head + "#include \"base/a.h\"\n#include <string>\n", ""},
          {"not first", "src/base/a.cc", head + "#include <string>\n#include \"base/a.h\"\n",
           "own header comes first"},
          {"a header has no own", "src/base/rows.h",
           head + "#ifndef CAIRN_BASE_ROWS_H_\n#define CAIRN_BASE_ROWS_H_\n#include <string>\n"
                  "#include \"base/row.h\"\n#endif  // CAIRN_BASE_ROWS_H_\n",
           ""},
          {"has none", "src/base/a.cc", head + "#include <string>\n#include \"base/b.h\"\n", ""},
      },
      CheckLayout);
}

TEST(Layout, ColumnsAndLines) {
  const std::string head(kHead);
  CheckCases(
      {
          {"100 columns", "src/base/a.cc", head + "// " + Repeat("x", 97) + "\n", ""},
          {"101 columns", "src/base/a.cc", head + "// " + Repeat("x", 98) + "\n",
           "a.cc:3: has 101 columns"},
          {"bytes are no columns", "src/base/a.cc", head + "// " + Repeat("\xC3\xA9", 97) + "\n",
           ""},
          {"prose may be wide", "docs/a.md", "# A\n\n" + Repeat("word ", 40) + "\n", ""},
          {"800 lines", "src/base/a.cc", head + Repeat("\n", 798), ""},
          {"801 lines", "src/base/a.cc", head + Repeat("\n", 799), "has 801 lines"},
      },
      CheckLayout);
}

TEST(Layout, TodosAreTyped) {
  const std::string head(kHead);
  CheckCases(
      {
          {"perf", "src/base/a.cc", head + "\n// TODO(perf): prefetch the second line as well\n",
           ""},
          {"untyped", "src/base/a.cc", head + "\n// TODO: later\n", "a TODO is"},
          {"named", "src/base/a.cc", head + "\n// TODO(ann): later\n", "a TODO is"},
          {"in a string", "src/base/a.cc", head + "\nauto text = \"TODO\";\n", ""},
      },
      CheckLayout);
}

TEST(Layout, OneTitleAPage) {
  CheckCases(
      {
          {"one", "docs/a.md", "# Title\n\n## Part\n", ""},
          {"none", "docs/a.md", "Text\n\n## Part\n", "wants one title"},
          {"two", "docs/a.md", "# Title\n\n# Another\n", "a.md:3: is a second title"},
          {"comment in a listing", "docs/a.md", "# Title\n```\n# not a title\n```\n", ""},
      },
      CheckLayout);
}

TEST(Layout, PathsOfOneMachine) {
  const std::string root = "/";  // apart from what follows, or the rule would find it right here
  CheckCases(
      {
          {"home", "docs/a.md", "# T\nLook into `" + root + "home/ann/cairn`.\n",
           "/home/... is a path"},
          {"in a string", "src/base/a.cc", std::string(kHead) + "f(\"" + root + "data/set/x\");\n",
           "/data/... is a path"},
          {"in a script", "tools/a.sh",
           "# SPDX-License-Identifier: BSD-3-Clause\ncd " + root + "srv/build\n",
           "/srv/... is a path"},
          {"first in its line", "docs/a.md", "# T\n" + root + "home/ann/x\n",
           "/home/... is a path"},
          {"common", "docs/a.md", "# T\n/usr/bin/python3 and /proc/self/status, /no/such\n", ""},
          {"relative", "docs/a.md", "# T\nsrc/base/blob.h and ../home/ann/x and a/b/c\n", ""},
          {"a comment", "src/base/a.cc", std::string(kHead) + "int a;  // not/a/path\n", ""},
          {"one part", "docs/a.md", "# T\nGET /metrics and /work\n", ""},
      },
      CheckLayout);
}

TEST(Banned, EveryRowBites) {
  for (const Ban& ban : Bans()) {
    std::string name(ban.name);
    std::string use = name + ";\n";
    if (name.starts_with('<')) use = "#include " + name + "\n";
    if (name.ends_with('(')) use = "  x = " + name + "1);\n";
    if (name.ends_with('*')) use = name.substr(0, name.size() - 1) + "_any y;\n";
    if (name == "new") use = "auto* x = new Thing;\n";
    const std::string said = Join(CheckBanned(Source("src/server/a.cc", use)));
    EXPECT_NE(said.find(" is banned: use "), std::string::npos) << name;
    for (const std::string_view place : ban.allowed) {
      std::string path = std::string(place) + (place.ends_with('.') ? "cc" : "/a.cc");
      if (place == "users") path = "toolkit/cache/a.cc";
      if (place.ends_with(".cc")) continue;
      EXPECT_EQ(Join(CheckBanned(Source(path, use))), "") << name << " in " << path;
    }
  }
}

TEST(Banned, TellsCallsFromLookalikes) {
  CheckCases(
      {
          {"global", "src/server/a.cc", "x = ::time(nullptr);", "time is banned"},
          {"returned", "src/server/a.cc", "return time(nullptr);", "time is banned"},
          {"product", "src/server/a.cc", "x = 2 * time(nullptr);", "time is banned"},
          {"std", "src/server/a.cc", "x = std::rand();", "rand is banned"},
          {"line", "src/server/a.cc", "int a;\n\nx = std::rand();", "a.cc:3: "},
          {"member", "src/server/a.cc", "x = clock.time(1) + event->time(2);", ""},
          {"another namespace's", "src/server/a.cc", "x = fake::time(1);", ""},
          {"longer word", "src/server/a.cc", "x = uptime(1) + time_ms(2); int rand_count;", ""},
          {"declared", "src/server/a.cc", "UnixMs time() const; const Clock& time() const;", ""},
          {"comment", "src/server/a.cc", "// time(0) and std::mutex\n", ""},
          {"string", "src/server/a.cc", "f(\"std::mutex new rand()\");", ""},
          {"placement new", "src/server/a.cc", "x = new (memory) Thing();", ""},
          {"owned at once", "src/server/a.cc", "std::unique_ptr<Thing> x(new Thing(1));", ""},
          {"deleted function", "src/server/a.cc", "Thing(const Thing&) = delete;", ""},
          {"delete", "src/server/a.cc", "delete thing;", "delete is banned"},
          {"using all", "src/server/a.cc", "using namespace std;", "using namespace std is banned"},
          {"using literals", "src/server/a.cc", "using namespace std::string_view_literals;", ""},
          {"C printing in a test", "src/server/a_test.cc", "std::printf(\"x\");", ""},
          {"sleep in a test", "src/server/a_test.cc", "usleep(1);", "usleep is banned"},
          {"not C++", "tools/a.py", "time.sleep(1)\n", ""},
      },
      CheckBanned);
}

constexpr std::string_view kFloorRows =
    "# floors\n0 base\n1 io\n1 ds\n2 value\n"
    "0 toolkit/cache\n1 toolkit/sql\n";

TEST(Floors, IncludesGoDown) {
  const Floors floors = ParseFloors(kFloorRows);
  ASSERT_EQ(floors.size(), 6u);
  CheckCases(
      {
          {"down", "src/value/a.cc", "#include \"ds/a.h\"\n#include \"base/a.h\"\n", ""},
          {"own", "src/ds/a.cc", "#include \"ds/a.h\"\n", ""},
          {"up", "src/ds/a.cc", "#include \"value/a.h\"\n", "upwards"},
          {"sideways", "src/ds/a.cc", "\n#include \"io/a.h\"\n",
           "a.cc:2: ds (floor 1) includes io"},
          {"test too", "src/base/a_test.cc", "#include \"ds/a.h\"\n", "upwards"},
          {"unknown", "src/ds/a.cc", "#include \"cellar/a.h\"\n", "cellar has no floor"},
          {"without folder", "src/ds/a.cc", "#include \"a.h\"\n", "without its folder"},
          {"system", "src/ds/a.cc", "#include <sys/value.h>\n", ""},
          {"public", "src/ds/a.cc", "#include \"cairn/a.h\"\n", ""},
          {"toolkit down", "toolkit/sql/a.cc", "#include \"cache/a.h\"\n", ""},
          {"toolkit up", "toolkit/cache/a.cc", "#include \"sql/a.h\"\n", "upwards"},
          {"toolkit to src", "toolkit/sql/a.cc", "#include \"base/a.h\"\n", "has no floor"},
          {"toolkit public", "toolkit/sql/a.cc", "#include \"cairn/a.h\"\n", ""},
          {"public to src", "include/cairn/a.h", "#include \"base/a.h\"\n", "do not have"},
          {"public to public", "include/cairn/a.h", "#include \"cairn/b.h\"\n", ""},
          {"example to src", "examples/a.cc", "#include \"base/a.h\"\n", "do not have"},
          {"example to its own", "examples/shop/a.cc", "#include \"shop/a.h\"\n", ""},
          {"example to another's", "examples/shop/a.cc", "#include \"b/a.h\"\n", "do not have"},
          {"outside of src", "bench/a.cc", "#include \"value/a.h\"\n", ""},
      },
      [&](const Source& source) { return CheckFloors(source, floors); });
}

TEST(Floors, DeadFiles) {
  const Floors floors = ParseFloors(kFloorRows);
  struct Row {
    const char* path;
    bool dead;
  };
  const Source user("src/base/user.cc", "#include \"base/used.h\"\n");
  const Source build("tests/compat/CMakeLists.txt", "");
  for (const Row& row : std::vector<Row>{{"src/base/a.cc", false},
                                         {"src/base/deep/a.cc", true},
                                         {"src/attic/a.cc", true},
                                         {"src/a.cc", true},
                                         {"src/base/used.h", false},
                                         {"src/base/unused.h", true},
                                         {"fuzz/resp_fuzz.cc", false},
                                         {"fuzz/resp.cc", true},
                                         {"bench/get.cc", false},
                                         {"toolkit/sql/a.cc", false},
                                         {"toolkit/attic/a.cc", true},
                                         {"tests/compat/a.cc", false},
                                         {"tests/compat/deep/a.cc", false},
                                         {"tests/other/a.cc", true},
                                         {"a.cc", true}}) {
    const Source source(row.path, "");
    const std::vector<const Source*> sources = {&user, &build, &source};
    const std::vector<Finding> findings = CheckDeadFiles(sources, floors);
    EXPECT_EQ(!findings.empty(), row.dead) << row.path << " said: " << Join(findings);
  }
}

// The functions of a text as "name:lines", in order.
std::string FunctionList(std::string text) {
  const Source source("src/base/a.cc", std::move(text));
  std::string list;
  for (const Function& function : Functions(source)) {
    if (!list.empty()) list += ' ';
    list += function.name + ':' + std::to_string(function.line_count);
  }
  return list;
}

TEST(FunctionsOf, FindsThem) {
  struct Row {
    const char* name;
    const char* text;
    const char* wanted;
  };
  for (const Row& row : std::vector<Row>{
           {"free", "int F(int a) {\n  return a;\n}\n", "F:3"},
           {"in a namespace", "namespace a::b {\nint F() {\n}\n}\n", "F:2"},
           {"in a class", "class A : B {\n public:\n  int F() const override { return 1; }\n};\n",
            "F:1"},
           {"attributes", "class CAPABILITY(\"x\") A {\n  void F() REQUIRES(mu_) {\n  }\n};\n",
            "F:2"},
           {"template", "template <class T>\nT F(T t)\n{\n}\n", "F:3"},
           {"constructor", "A::A(int b)\n    : b_(b), c_{1},\n      d_{2} {\n  x();\n}\n",
            "A::A:5"},
           {"operators", "bool operator==(A a, B b) {\n}\nint A::operator()(int a) {\n}\n",
            "operator==:2 A::operator():2"},
           {"lambda inside", "int F() {\n  auto g = [] {\n    if (x) {\n    }\n  };\n}\n", "F:6"},
           {"named lambda", "const auto kF = [](int a) {\n  return a;\n};\n", "kF:3"},
           {"test", "TEST(Suite, Case) {\n}\n", "TEST(Suite,Case):2"},
           {"table", "constexpr int kRows[] = {\n  1,\n  F(2),\n};\nint G() {\n}\n", "G:2"},
           {"table inside", "int F() {\n  int a[] = {\n    1,\n    2,\n  };\n  g();\n}\n", "F:4"},
           {"table returned", "Rows F() {\n  return {\n    {1},\n    {2},\n  };\n}\n", "F:3"},
           {"table looped over", "void F() {\n  for (int a : Row{\n    1}) {\n    g();\n  }\n}\n",
            "F:5"},
           {"blocks are no tables",
            "int F() {\n  if (a) {\n    b();\n  } else {\n    c();\n  }\n  do {\n  } while "
            "(d);\n}\n",
            "F:9"},
           {"lambdas are no tables",
            "int F() {\n  auto g = [](int a) -> int {\n    return a;\n  };\n  h([] {\n    i();\n  "
            "});\n}\n",
            "F:8"},
           {"declarations", "int F();\nint g = F();\nstruct S {\n  int a = 1;\n};\nenum E { k };\n",
            ""},
           {"default argument", "int F(S s = {}) {\n}\nint G();\n", "F:2"},
           {"macro", "#define M(x) \\\n  do { \\\n    x(); \\\n\nint F() {\n}\n", "F:2"},
           {"brace in a string", "int F() {\n  g(\"{\");\n}\nint H() {\n}\n", "F:3 H:2"},
           {"extern C", "extern \"C\" int F() {\n}\nextern \"C\" {\nint G() {\n}\n}\n", "F:2 G:2"},
       }) {
    EXPECT_EQ(FunctionList(row.text), row.wanted) << row.name;
  }
}

TEST(FunctionsOf, RatchetOnlyShrinks) {
  const auto said = [](std::size_t line_count, std::string_view baseline) {
    const Source source("src/base/a.cc",
                        "int F() {\n" + Repeat("  x();\n", line_count - 2) + "}\n");
    const std::vector<const Source*> sources = {&source};
    return Join(CheckFunctionLengths(sources, ParseBaseline(baseline)));
  };
  EXPECT_EQ(said(70, ""), "");
  EXPECT_NE(said(71, "").find("a.cc:1: F has 71 lines; 70 is the limit"), std::string::npos);
  EXPECT_EQ(said(80, "# rows\nsrc/base/a.cc F 80\n"), "");
  EXPECT_NE(said(81, "src/base/a.cc F 80\n").find("long ones only shrink"), std::string::npos);
  EXPECT_NE(said(79, "src/base/a.cc F 80\n").find("write that length"), std::string::npos);
  EXPECT_NE(said(70, "src/base/a.cc F 80\n").find("drop its baseline row"), std::string::npos);
  EXPECT_NE(said(80, "src/base/b.cc F 80\n").find("70 is the limit"), std::string::npos);
}

TEST(TheTree, IsChecked) {
  EXPECT_NE(Join(CheckTree(Tree())).find("no tree to look at"), std::string::npos);
  EXPECT_NE(Join(CheckTree(Tree())).find("src/FLOORS: has no rows"), std::string::npos);
  Tree tree;
  tree.floors = kFloorRows;
  tree.baseline = Repeat("src/base/a.cc F 80\n", kBaselineRowsMax + 1);
  tree.sources.push_back(std::make_unique<Source>("src/base/a.cc", "#include \"io/a.h\"\nrand();"));
  const std::string said = Join(CheckTree(tree));
  for (const char* wanted : {"begins without", "rand is banned", "upwards", "it only shrinks"}) {
    EXPECT_NE(said.find(wanted), std::string::npos) << said;
  }
}

TEST(TheTree, IsTidy) {
  const Tree tree = ReadTree(CAIRN_SOURCE_DIR);
  ASSERT_GT(tree.sources.size(), 20u);
  EXPECT_EQ(Join(CheckTree(tree)), "");
}

}  // namespace
}  // namespace cairn::tidy
