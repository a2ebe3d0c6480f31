// SPDX-License-Identifier: BSD-3-Clause
// What a line looks like, whatever stands in it, and that a file that takes nothing costs lines and
// nothing else. Which commands are told, and their results, is in tests/lifecycle.
#include "server/audit_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace cairn::server {
namespace {

using Words = std::vector<std::string_view>;

AuditEntry Entry(const Words& words) {
  return {.time_ms = 1'700'000'000'123,
          .client = ClientId(7),
          .address = "127.0.0.1:5000",
          .user = "default",
          .command = "config|set",
          .arguments = words,
          .result = "ok"};
}

TEST(AuditLine, EveryField) {
  EXPECT_EQ(AuditLine(Entry({"CONFIG", "SET", "hz", "20"})),
            "{\"time\":\"2023-11-14T22:13:20.123Z\",\"client\":7,\"address\":\"127.0.0.1:5000\","
            "\"user\":\"default\",\"command\":\"config|set\","
            "\"arguments\":[\"CONFIG\",\"SET\",\"hz\",\"20\"],\"result\":\"ok\"}\n");
}

TEST(AuditLine, WithinAnother) {
  AuditEntry entry = Entry({"FLUSHALL"});
  entry.within = "script";
  EXPECT_NE(AuditLine(entry).find("\"FLUSHALL\"],\"within\":\"script\",\"result\":"),
            std::string::npos);
}

TEST(AuditLine, BytesThatAreNoText) {
  const std::string line = AuditLine(Entry({std::string_view("a\"\\\n\0\x7f\xff", 7)}));
  EXPECT_NE(line.find("[\"a\\\"\\\\\\u000a\\u0000\\u007f\\u00ff\"]"), line.npos) << line;
}

TEST(AuditLine, LongArgumentsAreCut) {
  const std::string at_limit(AuditLog::kArgumentBytesMax, 'x');
  EXPECT_NE(AuditLine(Entry({at_limit})).find("[\"" + at_limit + "\"]"), std::string::npos);
  EXPECT_NE(AuditLine(Entry({at_limit + "yz"})).find("[\"" + at_limit + "... (2 more bytes)\"]"),
            std::string::npos);
}

TEST(AuditLine, ManyArgumentsAreCounted) {
  Words words(AuditLog::kArgumentsMax, "x");
  EXPECT_EQ(AuditLine(Entry(words)).find("more_arguments"), std::string::npos);
  words.push_back("y");
  EXPECT_NE(AuditLine(Entry(words)).find("],\"more_arguments\":1,"), std::string::npos);
}

// Nobody reads the pipe: when it is full the log's thread waits, and who adds does not.
TEST(AuditLog, NeverWaitsForItsFile) {
  const std::string path = ::testing::TempDir() + "audit_fifo";
  ::unlink(path.c_str());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const io::Fd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK));
  AuditLog log;
  ASSERT_TRUE(log.Open(path).ok());
  const std::string argument(AuditLog::kArgumentBytesMax, 'x');
  const Words words(AuditLog::kArgumentsMax, argument);
  const std::size_t line_bytes = AuditLine(Entry(words)).size();
  const std::size_t lines = 3 * AuditLog::kQueueBytesMax / line_bytes;
  for (std::size_t i = 0; i < lines; ++i) log.Add(Entry(words));
  EXPECT_GT(log.dropped(), 0);
  EXPECT_LE(log.dropped(), static_cast<std::int64_t>(lines));
  // Lets the thread go.
  ASSERT_EQ(::fcntl(reader.get(), F_SETFL, 0), 0);
  std::string all(64 * 1024, '\0');
  std::size_t read = 0;
  const std::size_t taken = (lines - static_cast<std::size_t>(log.dropped())) * line_bytes;
  while (read < taken) {
    const ssize_t part = ::read(reader.get(), all.data(), all.size());
    ASSERT_GT(part, 0);
    read += static_cast<std::size_t>(part);
  }
  ::unlink(path.c_str());
}

TEST(AuditLog, NoFileNoLog) {
  AuditLog log;
  EXPECT_TRUE(log.Open("").ok());
  EXPECT_FALSE(log.is_on());
  EXPECT_FALSE(log.Open("/nonexistent/audit").ok());
  EXPECT_FALSE(log.is_on());
}

}  // namespace
}  // namespace cairn::server
