// SPDX-License-Identifier: BSD-3-Clause
// Arguments of megabytes: they are moved, not copied, on their way from a client's input to where
// they are stored or sent; and what would take long with them, or with elements of that size, is
// run by the lane. That the answers are those of a session that knows nothing of all that is seen
// beside it.
#include <gtest/gtest.h>
#include <sys/uio.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_buffer.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "command/lane.h"
#include "command/owned_args.h"
#include "command/parked.h"
#include "command/runner.h"
#include "command/transaction.h"
#include "engine/engine.h"
#include "keyspace/trash.h"

namespace cairn::engine {
namespace {

using Args = std::vector<std::string>;

constexpr std::size_t kLarge = command::Call::kLargeBytes;

// A client with an input, as a connection is.
class InputClient final : public command::Session {
 public:
  explicit InputClient(Engine& engine) : Session(ClientId(97), 97), runner_(engine.shared(), 97) {}

  bool may_block() const override { return true; }
  void OnParked(const std::shared_ptr<command::Parked>& parked, std::int64_t) override {
    parked_ = parked;
    deferred_bytes_ = parked->memory_bytes();
    parked->on_answered = [this](const std::shared_ptr<command::Parked>&) { answered_.Notify(); };
  }
  command::OwnedArgs TakeArgs(std::span<const std::string_view> args) override {
    auto views = std::make_unique<std::string_view[]>(args.size());
    std::ranges::copy(args, views.get());
    return {std::move(input_), std::move(views), args.size()};
  }
  Blob* TakeBlob(std::string_view bytes) override {
    Blob* blob = command::OwnedArgs::BlobOf(input_, bytes);
    if (blob != nullptr) given_ = BlobRef(blob);
    return blob;
  }
  std::string_view input() const override { return input_.view(); }

  // The reply; it stays to be looked at until the next one.
  std::string Execute(const Args& args) {
    Begin(args);
    Write(args);
    if (parked_ != nullptr) {
      while (!answered_.WaitFor(1'000'000)) continue;
      const auto parked = std::exchange(parked_, nullptr);
      EXPECT_TRUE(parked->args().empty());
      reply_.TakeAll(parked->reply());
    }
    given_ = BlobRef();
    return reply_.ToString();
  }
  // Whether the last one went to the lane.
  bool was_deferred() const { return deferred_; }
  // And as how much memory it counts there.
  std::size_t deferred_bytes() const { return deferred_bytes_; }
  // Whether the last reply has bytes that stand at `place`.
  bool RepliesFrom(const char* place) const {
    iovec vectors[8];
    const std::span<const iovec> filled(vectors, reply_.FillIovecs(vectors, 8));
    return std::ranges::any_of(filled,
                               [&](const iovec& vector) { return vector.iov_base == place; });
  }
  // Where the n-th argument of the last request stood.
  const char* place(std::size_t arg) const { return places_[arg]; }

 private:
  // The request comes in.
  void Begin(const Args& args) {
    reply_.Clear();
    places_.clear();
    deferred_ = false;
    std::string request = "*" + std::to_string(args.size()) + "\r\n";
    std::vector<std::size_t> offsets;
    for (const std::string& arg : args) {
      request += "$" + std::to_string(arg.size()) + "\r\n";
      offsets.push_back(request.size());
      request += arg + "\r\n";
    }
    input_ = ByteBuffer(request);
    for (const std::size_t offset : offsets) places_.push_back(input_.data() + offset);
  }

  void Write(const Args& args) {
    std::vector<std::string_view> views;
    for (std::size_t i = 0; i < args.size(); ++i) views.emplace_back(places_[i], args[i].size());
    resp::Writer reply(reply_, 2);
    runner_.Reset();
    input_.size() < kLarge ? runner_.Prepare(views) : runner_.PrepareLarge(views);
    runner_.Begin(*this);
    runner_.Execute(*this, 0, reply);
    deferred_ = parked_ != nullptr;
  }

  command::Runner runner_;
  ByteBuffer input_;
  BlobRef given_;
  std::vector<const char*> places_;
  resp::ReplyBuffer reply_;
  std::shared_ptr<command::Parked> parked_;
  Event answered_;
  bool deferred_ = false;
  std::size_t deferred_bytes_ = 0;
};

class LargeArguments : public ::testing::Test {
 protected:
  LargeArguments() { engine_.StartLane(); }
  ~LargeArguments() override { engine_.StopLane(); }

  std::string Plain(const Args& args) {
    const std::vector<std::string_view> views(args.begin(), args.end());
    return plain_->Execute(views);
  }
  // The same of both, but for replies that are random or have the time in them.
  std::string Both(const Args& args) {
    const std::string reply = client_.Execute(args);
    EXPECT_TRUE(oracle_->Execute(std::vector<std::string_view>(args.begin(), args.end())) == reply)
        << args[0] << " " << reply.substr(0, 100);
    return reply;
  }

  Engine engine_{{.with_keeper = false}};
  Engine other_{{.with_keeper = false}};
  std::unique_ptr<EmbeddedSession> plain_ = engine_.NewSession();
  std::unique_ptr<EmbeddedSession> oracle_ = other_.NewSession();
  InputClient client_{engine_};
};

// Any command with keys, wherever the large one stands: as a value, an element, a key.
TEST_F(LargeArguments, GoToTheLane) {
  const std::string large(kLarge, 'L');
  const std::string other(kLarge + 1, 'M');
  const Args rows[] = {
      {"SET", "k", large},
      {"SETEX", "k", "100", large},
      {"GETSET", "k", other},
      {"SETNX", "k", large},
      {"SET", "k", other, "GET"},
      {"APPEND", "k", large},
      {"SETRANGE", "k", "9", other},
      {"MSET", "k", large, "k2", other},
      {"RPUSH", "l", large},
      {"LPUSH", "l", other},
      {"LSET", "l", "0", large},
      {"LREM", "l", "0", other},
      {"LINSERT", "l", "BEFORE", large, "x"},
      {"HSET", "h", "f", large},
      {"HSET", "h", other, "v"},
      {"HGET", "h", other},
      {"SADD", "s", large, other},
      {"SISMEMBER", "s", large},
      {"ZADD", "z", "1", large},
      {"ZSCORE", "z", large},
      {"PFADD", "p", large},
      {"GET", large},
      {"EXISTS", large},
      {"SET", large, "v"},
      {"GET", large},
      {"DEL", large, other},
      {"RPUSH", "k", large},
      {"XADD", "x", "1-1", "f", large},
  };
  for (const Args& row : rows) {
    Both(row);
    EXPECT_TRUE(client_.was_deferred()) << row[0];
  }
  for (const char* key : {"k", "k2", "l", "h", "s", "z", "p", "x"}) Both({"DUMP", key});
  // Not about keys; unknown; or wrong.
  for (const Args& row : {Args{"ECHO", large}, Args{"PING", large}, Args{"NOTHING", large},
                          Args{"GET", large, large}, Args{"SELECT", large}}) {
    Both(row);
    EXPECT_FALSE(client_.was_deferred()) << row[0];
  }
}

TEST_F(LargeArguments, BecomeTheValueWhereTheyStand) {
  const std::string large(kLarge, 'L');
  const struct {
    Args args;
    std::size_t at;
  } rows[] = {{{"SET", "k", large}, 2},
              {{"SETEX", "k", "100", large}, 3},
              {{"GETSET", "k", large}, 2},
              {{"SET", "new", large, "NX", "EX", "100"}, 2},
              {{"MSET", "k", large}, 2}};
  for (const auto& [args, at] : rows) {
    client_.Execute(args);
    EXPECT_TRUE(client_.was_deferred());
    const char* const place = client_.place(at);
    EXPECT_EQ(client_.Execute({"GET", args[1]}).size(), large.size() + 12) << args[0];
    EXPECT_TRUE(client_.RepliesFrom(place)) << args[0];
  }
}

TEST_F(LargeArguments, GoOutFromWhereTheyStand) {
  const std::string large(kLarge, 'L');
  for (const char* name : {"ECHO", "PING"}) {
    Both({name, large});
    EXPECT_TRUE(client_.RepliesFrom(client_.place(1))) << name;
  }
  Both({"ECHO", "small"});
  EXPECT_FALSE(client_.RepliesFrom(client_.place(1)));
}

TEST_F(LargeArguments, AreQueuedAndRunWithoutACopy) {
  const std::string large(kLarge, 'L');
  for (const bool in_lane : {true, false}) {
    SCOPED_TRACE(in_lane);
    Both({"MULTI"});
    EXPECT_EQ(Both({"SET", "k", large}), "+QUEUED\r\n");
    const char* const place = client_.place(2);
    Both({"RPUSH", "l", large});
    EXPECT_GE(client_.transaction()->bytes(), 2 * kLarge);
    if (!in_lane) Both({"PING"});  // not about keys
    Both({"EXEC"});
    EXPECT_EQ(client_.was_deferred(), in_lane);
    if (in_lane) EXPECT_GE(client_.deferred_bytes(), 2 * kLarge);
    EXPECT_EQ(client_.transaction(), nullptr);
    Both({"GET", "k"});
    EXPECT_TRUE(client_.RepliesFrom(place));
    Both({"LLEN", "l"});
  }
}

TEST_F(LargeArguments, ThatWereQueuedForNothingAreLeftToTheKeeper) {
  const std::string large(kLarge, 'L');
  const Args ends[] = {{"DISCARD"}, {"EXEC"}};
  for (const Args& end : ends) {
    for (const char* spoiled : {"", "GET"}) {
      while (!engine_.keyspace().trash().Drain(1)) continue;
      Both({"MULTI"});
      Both({"SET", "k", large});
      Both({"SET", "k2", large});
      if (*spoiled != 0) Both({spoiled});
      Both(end);
      EXPECT_EQ(client_.transaction(), nullptr);
      const bool is_stored = end[0] == "EXEC" && *spoiled == 0;
      EXPECT_EQ(Both({"EXISTS", "k"}), is_stored ? ":1\r\n" : ":0\r\n");
      // The first of them goes, the second is left.
      EXPECT_EQ(engine_.keyspace().trash().Drain(0), is_stored);
      Both({"DEL", "k", "k2"});
    }
  }
}

// A string that is changed in place is copied where it is shared or has no room.
TEST_F(LargeArguments, AreChangedInTheLaneIfThatTakesACopy) {
  Both({"SET", "k", std::string(2 * kLarge, 'L')});
  const struct {
    Args args;
    bool shared, copies;
  } rows[] = {
      {{"APPEND", "k", "x"}, false, true},
      {{"APPEND", "k", "x"}, false, false},
      {{"SETRANGE", "k", "5", "y"}, false, false},
      {{"SETRANGE", "k", "5", "y"}, true, true},
      {{"SETBIT", "k", "78", "1"}, true, true},
      {{"SETBIT", "k", "79", "1"}, false, false},
      {{"BITFIELD", "k", "SET", "u8", "8", "200"}, true, true},
      {{"BITFIELD", "k", "SET", "u8", "8", "201"}, false, false},
      {{"APPEND", "k", "x"}, true, true},
      {{"SETRANGE", "k", std::to_string(6 * kLarge), "y"}, false, true},
  };
  for (const auto& row : rows) {
    InputClient reader(engine_);
    if (row.shared) reader.Execute({"GET", "k"});
    Both(row.args);
    EXPECT_EQ(client_.was_deferred(), row.copies) << row.args[0] << row.shared;
  }
  Both({"GET", "k"});
  Both({"DIGEST", "k"});
  EXPECT_TRUE(client_.was_deferred());
}

TEST_F(LargeArguments, InCollectionsAreReadInTheLane) {
  const std::string large(kLarge, 'L');
  Args push = {"RPUSH", "l", large};
  Args set = {"HSET", "h", "large", large};
  for (int i = 0; i < 1000; ++i) {
    push.push_back(std::to_string(i));
    set.insert(set.end(), {std::to_string(i), "v"});
  }
  Both(push);
  Both(set);
  Both({"SADD", "s", large});
  Both({"ZADD", "z", "1", large});
  const struct {
    Args args;
    bool is_large;
  } rows[] = {
      {{"LRANGE", "l", "0", "5"}, true},
      {{"LRANGE", "l", "1", "5"}, false},
      {{"LINDEX", "l", "0"}, true},
      {{"LINDEX", "l", "1"}, false},
      {{"HGET", "h", "large"}, true},
      {{"HGET", "h", "1"}, false},
      {{"HMGET", "h", "1", "large", "2"}, true},
      {{"SMEMBERS", "s"}, true},
      {{"ZRANGE", "z", "0", "-1"}, true},
      {{"HSTRLEN", "h", "large"}, false},
      {{"SORT_RO", "l", "LIMIT", "0", "1"}, true},
  };
  for (const auto& row : rows) {
    Both(row.args);
    EXPECT_EQ(client_.was_deferred(), row.is_large) << row.args[0] << row.args[1];
  }
  Both({"MULTI"});
  Both({"LINDEX", "l", "0"});
  Both({"HGET", "h", "large"});
  Both({"EXEC"});
}

// None is large, but all together are: read, or taken out.
TEST_F(LargeArguments, OrManyElementsTogether) {
  constexpr int kCount = 100;
  const std::string text(2 * kLarge / kCount, 'T');
  const auto fill = [&] {
    Both({"FLUSHALL"});
    Both({"XGROUP", "CREATE", "x", "g", "0", "MKSTREAM"});
    for (int i = 0; i < kCount; ++i) {
      const std::string number = std::to_string(i);
      Both({"RPUSH", "l", text});
      Both({"HSET", "h", number, text});
      Both({"SADD", "s", text + number});
      Both({"ZADD", "z", "1", text + number});
      Both({"XADD", "x", number + "-1", "f", text});
    }
  };
  const std::string all = std::to_string(kCount);
  Args fields = {"HGETDEL", "h", "FIELDS", all};
  for (int i = 0; i < kCount; ++i) fields.push_back(std::to_string(i));
  Args times = fields;
  times[0] = "HGETEX";
  const Args rows[] = {{"LRANGE", "l", "0", "-1"},
                       {"HVALS", "h"},
                       {"ZRANGE", "z", "0", "-1"},
                       {"XRANGE", "x", "-", "+"},
                       {"XREADGROUP", "GROUP", "g", "c", "STREAMS", "x", ">"},
                       {"LPOP", "l", all},
                       {"LMPOP", "1", "l", "LEFT", "COUNT", all},
                       {"ZPOPMIN", "z", all},
                       {"ZMPOP", "1", "z", "MIN", "COUNT", all},
                       times,
                       fields,
                       {"DUMP", "l"},
                       {"DUMP", "z"},
                       {"COPY", "h", "copy"},
                       {"COPY", "x", "copy"},
                       {"SORT", "s", "ALPHA", "STORE", "sorted"},
                       {"SORT", "l", "BY", "nosort"},
                       {"SSCAN", "s", "0", "COUNT", all},
                       {"HSCAN", "h", "0", "COUNT", all},
                       {"ZSCAN", "z", "0", "COUNT", all},
                       {"SUNIONSTORE", "d", "s", "none"},
                       {"ZUNIONSTORE", "d", "2", "z", "s"},
                       {"ZRANGESTORE", "d", "z", "0", "-1"},
                       {"ZREMRANGEBYRANK", "z", "0", "-1"}};
  for (const Args& row : rows) {
    fill();
    const bool in_own_order = row[0] == "SSCAN" || row[0] == "HSCAN" || row[0] == "ZSCAN";
    in_own_order ? client_.Execute(row) : Both(row);
    EXPECT_TRUE(client_.was_deferred()) << row[0];
  }
  fill();
  Both({"MULTI"});
  Both({"DUMP", "l"});
  Both({"EXEC"});
  EXPECT_TRUE(client_.was_deferred());
  fill();
  client_.Execute({"SPOP", "s", all});  // in an order of its own
  EXPECT_TRUE(client_.was_deferred());
  const Args few[] = {{"LRANGE", "l", "0", "9"}, {"LPOP", "l", "9"}, {"HMGET", "h", "1", "2"}};
  for (const Args& row : few) {
    Both(row);
    EXPECT_FALSE(client_.was_deferred()) << row[0];
  }
}

// It is begun again where it is: that is no second look at the key.
TEST_F(LargeArguments, InCollectionsAreReadWhereTheLaneIsFull) {
  Both({"RPUSH", "l", std::string(kLarge, 'L')});
  while (engine_.shared().lane->Reserve(command::LaneWork::kHeavy)) continue;
  const std::int64_t hits = engine_.keyspace().Totals().hits;
  for (int looks = 1; looks <= 2; ++looks) {
    Both({"LRANGE", "l", "0", "-1"});
    EXPECT_FALSE(client_.was_deferred());
    EXPECT_EQ(engine_.keyspace().Totals().hits, hits + looks);
  }
}

// What is pending makes a stream large, too, of which no entry is left.
TEST_F(LargeArguments, AreNotThoseOfAnEmptyStream) {
  constexpr int kEntries = 100'000;
  for (int i = 1; i <= kEntries; ++i) Plain({"XADD", "x", std::to_string(i) + "-1", "f", "v"});
  Plain({"XGROUP", "CREATE", "x", "g", "0"});
  Plain({"XREADGROUP", "GROUP", "g", "c", "STREAMS", "x", ">"});
  Plain({"XTRIM", "x", "MAXLEN", "0"});
  EXPECT_EQ(client_.Execute({"XADD", "x", "200000-1", "f", "v"}), "$8\r\n200000-1\r\n");
  EXPECT_FALSE(client_.was_deferred());
  EXPECT_EQ(client_.Execute({"XADD", "x", "200001-1", "f", "v"}), "$8\r\n200001-1\r\n");
  EXPECT_FALSE(client_.was_deferred()) << "nor of one with few";
  EXPECT_EQ(client_.Execute({"XLEN", "x"}), ":2\r\n");
}

// One that waits would come back from the lane, which finds nothing, and go there again.
TEST_F(LargeArguments, AreNotLookedForInTheLaneWhereThereIsNothing) {
  Both({"XADD", "x", "1-1", "f", std::string(kLarge, 'L')});
  Both({"XGROUP", "CREATE", "x", "g", "$"});
  for (const Args& row : {Args{"XREAD", "STREAMS", "x", "$"}, Args{"XREAD", "STREAMS", "x", "1-1"},
                          Args{"XREADGROUP", "GROUP", "g", "c", "STREAMS", "x", ">"}}) {
    EXPECT_EQ(Both(row), "*-1\r\n") << row[0];
    EXPECT_FALSE(client_.was_deferred()) << row[0];
  }
  Both({"XREAD", "STREAMS", "x", "0"});
  EXPECT_TRUE(client_.was_deferred());
}

// Nor do many entries count that lie before what is wanted.
TEST_F(LargeArguments, OfAStreamCountFromWhereItIsRead) {
  const std::string text(1000, 'x');
  for (int i = 1; i <= 5000; ++i) Both({"XADD", "x", std::to_string(i) + "-1", "f", text});
  Both({"XREAD", "STREAMS", "x", "4999-1"});
  EXPECT_FALSE(client_.was_deferred());
  Both({"XREAD", "STREAMS", "x", "0"});
  EXPECT_TRUE(client_.was_deferred());
}

// Where the elements are large together, whatever changes them may have to copy or to free one.
TEST_F(LargeArguments, InCollectionsAreTakenOutInTheLane) {
  const std::string large(kLarge, 'L');
  const Args rows[] = {{"LPOP", "l"},
                       {"RPOP", "l", "1"},
                       {"LTRIM", "l", "1", "0"},
                       {"LMOVE", "l", "m", "LEFT", "LEFT"},
                       {"HDEL", "h", "f"},
                       {"SPOP", "s"},
                       {"SMOVE", "s", "t", "small"},
                       {"ZPOPMIN", "z"},
                       {"BLPOP", "l", "0"},
                       {"ZREM", "z", "small"},
                       {"HGETDEL", "h", "FIELDS", "1", "f"}};
  for (const Args& row : rows) {
    Both({"FLUSHALL"});
    Both({"RPUSH", "l", large});
    Both({"HSET", "h", "f", large});
    Both({"SADD", "s", large});
    Both({"ZADD", "z", "1", large});
    Both(row);
    EXPECT_TRUE(client_.was_deferred()) << row[0];
    while (!engine_.keyspace().trash().Drain(1)) continue;
    Both({"DEL", "l", "h", "s", "z"});
    EXPECT_FALSE(client_.was_deferred());
    EXPECT_FALSE(engine_.keyspace().trash().Drain(0)) << "what is large is freed by the keeper";
  }
}

}  // namespace
}  // namespace cairn::engine
