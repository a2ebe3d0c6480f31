// SPDX-License-Identifier: BSD-3-Clause
// Goal: the pipe behaves as a socket where a connection can tell, and as badly as it is asked to.
#include "io/pipe_stream.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <string>

namespace cairn::io {
namespace {

using State = Transfer::State;

class Listening final : public Watcher {
 public:
  void OnReady(bool readable, bool writable, bool hangup) override {
    told += readable ? "r" : "";
    told += writable ? "w" : "";
    told += hangup ? "h" : "";
    told += ".";
    if (then) then();
  }
  std::string told;
  std::function<void()> then;
};

Transfer WriteOne(PipeStream& stream, std::string_view text) {
  const iovec piece{const_cast<char*>(text.data()), text.size()};
  return stream.Write({&piece, 1});
}

TEST(PipeStream, CarriesBytesBothWays) {
  auto [here, there] = PipeStream::CreatePair();
  const iovec pieces[] = {{const_cast<char*>("ab"), 2}, {const_cast<char*>("cd"), 2}};
  EXPECT_EQ(here->Write(pieces).bytes, 4u);
  EXPECT_EQ(there->ReadText(), "abcd");
  there->WriteText("ok");
  EXPECT_EQ(here->ReadText(), "ok");
  char room[1];
  EXPECT_EQ(here->Read(room).state, State::kWouldBlock);
}

TEST(PipeStream, TellsReadinessByInterest) {
  auto [here, there] = PipeStream::CreatePair();
  Listening watcher;
  ASSERT_TRUE(there->Watch(&watcher, Interest::kRead).ok());
  EXPECT_FALSE(there->Pump());
  here->WriteText("x");
  EXPECT_TRUE(there->Pump());
  EXPECT_TRUE(there->Pump()) << "level, not edge";
  ASSERT_TRUE(there->Watch(&watcher, Interest::kWrite).ok());
  EXPECT_TRUE(there->Pump());
  ASSERT_TRUE(there->Watch(&watcher, Interest::kNone).ok());
  EXPECT_FALSE(there->Pump());
  EXPECT_EQ(watcher.told, "r.r.w.");
}

TEST(PipeStream, SplitsReadsAndWrites) {
  auto [here, there] = PipeStream::CreatePair();
  here->outgoing() = {.read_bytes_max = 2, .write_bytes_max = 3};
  EXPECT_EQ(WriteOne(*here, "abcdef").bytes, 3u);
  char room[8];
  EXPECT_EQ(there->Read(room).bytes, 2u);
  EXPECT_EQ(there->Read(room).bytes, 1u);
}

TEST(PipeStream, FullPipeBlocksTheWriter) {
  auto [here, there] = PipeStream::CreatePair();
  Listening watcher;
  ASSERT_TRUE(here->Watch(&watcher, Interest::kWrite).ok());
  here->outgoing().room_bytes = 4;
  EXPECT_EQ(WriteOne(*here, "abcdef").bytes, 4u);
  EXPECT_EQ(WriteOne(*here, "ef").state, State::kWouldBlock);
  EXPECT_FALSE(here->Pump());
  EXPECT_EQ(there->ReadText(), "abcd");
  EXPECT_TRUE(here->Pump());
}

TEST(PipeStream, HeldBytesArriveLater) {
  auto [here, there] = PipeStream::CreatePair();
  Listening watcher;
  ASSERT_TRUE(there->Watch(&watcher, Interest::kRead).ok());
  here->outgoing().held = true;
  here->WriteText("late");
  here->Close();
  EXPECT_FALSE(there->Pump());
  EXPECT_EQ(there->ReadText(), "");
}

TEST(PipeStream, BytesBeyondTheCutAreLostInSilence) {
  auto [here, there] = PipeStream::CreatePair();
  here->outgoing().cut_after = 3;
  here->WriteText("ab");
  EXPECT_EQ(WriteOne(*here, "cdef").bytes, 4u);
  EXPECT_EQ(there->ReadText(), "abc");
}

TEST(PipeStream, HalfCloseEndsOneDirection) {
  auto [here, there] = PipeStream::CreatePair();
  Listening watcher;
  ASSERT_TRUE(there->Watch(&watcher, Interest::kRead).ok());
  here->WriteText("last");
  here->ShutdownWrite();
  EXPECT_TRUE(there->Pump());
  EXPECT_EQ(watcher.told, "r.");
  EXPECT_EQ(there->ReadText(), "last");
  char room[1];
  EXPECT_EQ(there->Read(room).state, State::kEnd);
  there->WriteText("answer");
  EXPECT_EQ(here->ReadText(), "answer");
  EXPECT_EQ(WriteOne(*here, "x").error, EPIPE);
}

TEST(PipeStream, ClosedPeerIsReadToTheEndAndNotWrittenTo) {
  auto [here, there] = PipeStream::CreatePair();
  here->WriteText("bye");
  here->Close();
  here->Close();
  EXPECT_EQ(here->descriptor(), -1);
  EXPECT_EQ(WriteOne(*here, "x").error, EBADF);
  EXPECT_EQ(WriteOne(*there, "x").error, EPIPE);
  EXPECT_EQ(there->ReadText(), "bye");
  char room[1];
  EXPECT_EQ(there->Read(room).state, State::kEnd);
}

TEST(PipeStream, ResetLosesEverything) {
  auto [here, there] = PipeStream::CreatePair();
  Listening watcher;
  ASSERT_TRUE(there->Watch(&watcher, Interest::kNone).ok());
  here->WriteText("gone");
  here->Reset();
  EXPECT_TRUE(there->Pump());
  EXPECT_EQ(watcher.told, "h.");
  char room[1];
  EXPECT_EQ(there->Read(room).error, ECONNRESET);
}

TEST(PipeStream, WatcherMayCloseItsEndAndThePeerMayGoFirst) {
  auto [here, there] = PipeStream::CreatePair();
  Listening watcher;
  watcher.then = [end = there.get()] { end->Close(); };
  ASSERT_TRUE(there->Watch(&watcher, Interest::kRead).ok());
  here->WriteText("x");
  EXPECT_TRUE(there->Pump());
  EXPECT_FALSE(there->Pump());
  EXPECT_FALSE(there->Watch(&watcher, Interest::kRead).ok());
  here.reset();
}

}  // namespace
}  // namespace cairn::io
