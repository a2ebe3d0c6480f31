// SPDX-License-Identifier: BSD-3-Clause
// The driver of PostgreSQL: libpq without blocking, always in pipeline mode.
//
// One Run sends what it has to in one go, [Prepare] Execute [Prepare] Execute ... Sync, and reads
// the replies as they come; the socket is written and read in turns, so that neither side waits for
// the other with full buffers. When the deadline passes the connection is closed: the server
// notices within client_connection_check_interval and ends the statement, and a PQcancel, which
// connects anew and blocks, is not needed.
//
// Results are asked for as text, which is the same for all versions and exact (doubles with as many
// digits as bring the same number back). Text parameters have no declared type, so that one fits
// json, uuid or an enumeration.
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>

#include "sql/driver.h"

namespace cairn::cache::sql {
namespace {

constexpr std::size_t kPreparedMax = 256;
constexpr Duration kStopCheck = std::chrono::milliseconds(10);

// Of pg_type, fixed for ever.
constexpr Oid kBool = 16;
constexpr Oid kBytea = 17;
constexpr Oid kInt8 = 20;
constexpr Oid kInt2 = 21;
constexpr Oid kInt4 = 23;
constexpr Oid kOid = 26;
constexpr Oid kXid = 28;
constexpr Oid kFloat4 = 700;
constexpr Oid kFloat8 = 701;
constexpr Oid kInt8Array = 1016;
constexpr Oid kTimestamp = 1114;
constexpr Oid kTimestamptz = 1184;
constexpr Oid kXid8 = 5069;

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Handle = std::unique_ptr<PGconn, CloseConnection>;
using PgResult = std::unique_ptr<PGresult, ClearResult>;

std::string Trimmed(const char* text) {
  std::string trimmed = text == nullptr ? "" : text;
  while (!trimmed.empty() && trimmed.back() == '\n') trimmed.pop_back();
  return trimmed;
}

// What is left until the deadline, as poll wants it; short when a stop token wants to be asked.
int PollMs(const Limits& limits) {
  Duration left = limits.left();
  if (limits.stop.stop_possible()) left = std::min(left, kStopCheck);
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<std::int64_t>(ms, 0, 60'000));
}

// False if the limits ended it.
Result<void> WaitFor(int socket, short events, const Limits& limits) {
  while (true) {
    if (Result<void> in_time = limits.Check(); !in_time) return in_time;
    pollfd poll_for{.fd = socket, .events = events, .revents = 0};
    if (poll(&poll_for, 1, PollMs(limits)) > 0) return {};
  }
}

// One parameter in the protocol's terms.
struct Parameter {
  Oid type = 0;
  bool is_null = false;
  bool is_binary = false;
  std::string bytes = {};
};

void AppendQuoted(std::string& list, std::string_view element) {
  list += '"';
  for (const char byte : element) {
    if (byte == '"' || byte == '\\') list += '\\';
    list += byte;
  }
  list += '"';
}

struct Encoder {
  Parameter operator()(std::monostate) const { return {.is_null = true}; }
  Parameter operator()(bool value) const { return {.type = kBool, .bytes = value ? "t" : "f"}; }
  Parameter operator()(std::int64_t value) const {
    return {.type = kInt8, .bytes = std::to_string(value)};
  }
  Parameter operator()(double value) const {
    std::array<char, 32> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return {.type = kFloat8, .bytes = std::string(digits.data(), end)};
  }
  Parameter operator()(const std::string& text) const { return {.bytes = text}; }
  Parameter operator()(const Blob& blob) const {
    return {.type = kBytea, .is_binary = true, .bytes = blob.bytes};
  }
  Parameter operator()(Timestamp time) const {
    return {.type = kTimestamptz, .bytes = FormatTimestamp(time) + "+00"};
  }
  Parameter operator()(const std::vector<std::int64_t>& list) const {
    Parameter parameter{.type = kInt8Array, .bytes = "{"};
    for (const std::int64_t number : list) {
      if (parameter.bytes.size() > 1) parameter.bytes += ',';
      parameter.bytes += std::to_string(number);
    }
    parameter.bytes += '}';
    return parameter;
  }
  Parameter operator()(const std::vector<std::string>& list) const {
    Parameter parameter{.bytes = "{"};
    for (const std::string& text : list) {
      if (parameter.bytes.size() > 1) parameter.bytes += ',';
      AppendQuoted(parameter.bytes, text);
    }
    parameter.bytes += '}';
    return parameter;
  }
};

Result<std::vector<Parameter>> Encode(const Statement& statement) {
  std::vector<Parameter> encoded;
  encoded.reserve(statement.parameters.size());
  for (const Value& value : statement.parameters) {
    Parameter& parameter = encoded.emplace_back(std::visit(Encoder{}, value));
    // libpq reads text up to a NUL byte: a longer one would be cut off without a word.
    if (!parameter.is_binary && parameter.bytes.find('\0') != parameter.bytes.npos)
      return Fail(Errc::kInvalid, "text with a NUL byte: bind it as a Blob");
  }
  return encoded;
}

template <class T>
Value NumberOr(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::string(text);
  return Value(number);
}

Value BlobOf(const char* text) {
  std::size_t size = 0;
  unsigned char* bytes = PQunescapeBytea(reinterpret_cast<const unsigned char*>(text), &size);
  Blob blob{std::string(reinterpret_cast<const char*>(bytes), bytes == nullptr ? 0 : size)};
  PQfreemem(bytes);
  return blob;
}

Value ColumnOf(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0) return {};
  const char* bytes = PQgetvalue(result, row, column);
  const std::string_view text(bytes, static_cast<std::size_t>(PQgetlength(result, row, column)));
  switch (PQftype(result, column)) {
    case kBool:
      return text == "t";
    case kInt2:
    case kInt4:
    case kInt8:
    case kOid:
    case kXid:
    case kXid8:
      return NumberOr<std::int64_t>(text);
    case kFloat4:
    case kFloat8:
      return NumberOr<double>(text);
    case kBytea:
      return BlobOf(bytes);
    case kTimestamp:
    case kTimestamptz:
      // "infinity" and years before Christ stay text.
      if (const Result<Timestamp> time = ParseTimestamp(text)) return *time;
      return std::string(text);
    default:
      return std::string(text);
  }
}

Error ErrorOf(const PGresult* result) {
  const char* field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string state = field == nullptr ? "XX000" : field;
  std::string text = state + " " + Trimmed(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  if (const char* detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL); detail != nullptr)
    text += std::string(": ") + detail;
  // Serialization failure, deadlock, lock timeout; a plan or a statement that a change of the
  // schema made void: another try prepares it anew.
  constexpr std::array<std::string_view, 5> kTryAgain = {"40001", "40P01", "55P03", "26000",
                                                         "0A000"};
  const bool is_plan = state != "0A000" || text.find("cached plan") != text.npos;
  if (is_plan && std::find(kTryAgain.begin(), kTryAgain.end(), state) != kTryAgain.end())
    return Error{.code = Errc::kConflict, .detail = std::move(text)};
  return Error{.code = Errc::kServer, .detail = std::move(text)};
}

class PostgresDriver final : public Driver {
 public:
  PostgresDriver(Handle handle, std::size_t rows_max)
      : rows_max_(rows_max), connection_(std::move(handle)) {}

  Dialect dialect() const override { return Dialect::kPostgres; }
  void set_limits(Limits limits) override { limits_ = std::move(limits); }

  bool is_in_transaction() const override {
    return PQtransactionStatus(connection_.get()) != PQTRANS_IDLE;
  }
  bool IsUsable() override {
    if (is_broken_ || PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) return false;
    // An idle server says nothing but farewell; a notice is not worth telling apart.
    pollfd poll_for{.fd = PQsocket(connection_.get()), .events = POLLIN, .revents = 0};
    return poll(&poll_for, 1, 0) == 0;
  }

  std::vector<Result<Rows>> Run(std::span<const Statement> statements) override {
    std::vector<Result<Rows>> results;
    if (Result<void> ready = Enqueue(statements); !ready) {
      results.emplace_back(Pass(std::move(ready)));
      return results;
    }
    for (std::size_t i = 0; i < statements.size(); ++i) {
      results.push_back(ReadOne(statements[i]));
      if (!results.back()) break;
    }
    // The transaction of a batch without BEGIN commits at the Sync.
    Result<void> synced = ReadSync();
    if (results.back() && !synced) results.back() = Pass(std::move(synced));
    return results;
  }

  Result<void> RunScript(std::string_view script) override {
    const std::string text(script);
    if (Result<void> in_time = Writable(); !in_time) return in_time;
    PQexitPipelineMode(connection_.get());
    if (PQsendQuery(connection_.get(), text.c_str()) == 0) return Lost();
    Result<void> done;
    while (true) {
      Result<PgResult> result = Next();
      if (!result) return Pass(std::move(result));
      if (!*result) break;
      const ExecStatusType status = PQresultStatus(result->get());
      if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && done)
        done = std::unexpected(ErrorOf(result->get()));
    }
    PQenterPipelineMode(connection_.get());
    return done;
  }

  Result<void> Begin(const TransactOptions& options) override {
    constexpr std::array<std::string_view, 3> kLevels = {"read committed", "repeatable read",
                                                         "serializable"};
    std::string text = "begin isolation level ";
    text += kLevels[static_cast<std::size_t>(options.isolation)];
    if (options.read_only) text += " read only";
    return RunOne(text);
  }
  Result<void> Commit() override {
    last_status_.clear();
    Result<void> done = RunOne("commit");
    // What had failed is rolled back by a COMMIT, which succeeds.
    if (done && last_status_ == "ROLLBACK")
      return Fail(Errc::kServer, "25P02 the transaction had failed and was rolled back");
    return done;
  }
  void Rollback() override {
    if (is_broken_ || PQtransactionStatus(connection_.get()) == PQTRANS_IDLE) return;
    // The deadline may be why we roll back; a server that does not answer at all is hung up on.
    limits_.deadline = std::max(limits_.deadline, limits_.clock->Now() + std::chrono::seconds(1));
    limits_.stop = {};
    if (!RunOne("rollback")) is_broken_ = true;
  }

  // The session's settings, so that values look the same everywhere.
  Result<void> SetUp() {
    PQsetnonblocking(connection_.get(), 1);
    PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
    PQenterPipelineMode(connection_.get());
    return RunScript(
        "set timezone to 'UTC'; set datestyle to 'ISO'; set bytea_output to 'hex';"
        "set extra_float_digits to 1; set client_encoding to 'UTF8';"
        "set client_connection_check_interval to '500ms'");
  }

 private:
  struct Sent {
    enum Kind : std::uint8_t { kForget, kPrepare, kExecute };
    Kind kind = kExecute;
    std::string identity = {};
  };

  // A statement without parameters whose plan is not worth keeping.
  Result<void> RunOne(const std::string& text) {
    Result<void> sent = Writable();
    if (!sent) return sent;
    if (PQsendQueryParams(connection_.get(), text.c_str(), 0, nullptr, nullptr, nullptr, nullptr,
                          0) == 0 ||
        PQpipelineSync(connection_.get()) == 0)
      return Lost();
    const Result<Rows> rows = ReadRows();
    Result<void> synced = ReadSync();
    if (!rows) return std::unexpected(rows.error());
    return synced;
  }

  // REQUIRES of everything that sends: nothing has been, and it is not too late.
  Result<void> Writable() {
    if (is_broken_) return Fail(Errc::kClosed, "the connection was lost");
    return limits_.Check();
  }

  Result<void> Enqueue(std::span<const Statement> statements) {
    if (Result<void> in_time = Writable(); !in_time) return in_time;
    std::vector<std::vector<Parameter>> encoded;
    for (const Statement& statement : statements) {
      Result<std::vector<Parameter>> parameters = Encode(statement);
      if (!parameters) return Pass(std::move(parameters));
      encoded.push_back(std::move(*parameters));
    }
    queue_.clear();
    if (prepared_.size() + statements.size() > kPreparedMax && !ForgetAll()) return Lost();
    for (std::size_t i = 0; i < statements.size(); ++i) {
      if (!Send(statements[i].text, encoded[i])) return Lost();
    }
    if (PQpipelineSync(connection_.get()) == 0) return Lost();
    return {};
  }

  // The names are never used again, so that nothing is lost if this one fails in its turn.
  bool ForgetAll() {
    prepared_.clear();
    queue_.push_back({.kind = Sent::kForget});
    return PQsendQueryParams(connection_.get(), "deallocate all", 0, nullptr, nullptr, nullptr,
                             nullptr, 0) != 0;
  }

  bool Send(const std::string& text, const std::vector<Parameter>& parameters) {
    std::vector<Oid> types;
    std::vector<const char*> values;
    std::vector<int> sizes;
    std::vector<int> formats;
    std::string identity = text;
    identity += '\0';
    for (const Parameter& parameter : parameters) {
      types.push_back(parameter.type);
      values.push_back(parameter.is_null ? nullptr : parameter.bytes.c_str());
      sizes.push_back(static_cast<int>(parameter.bytes.size()));
      formats.push_back(parameter.is_binary ? 1 : 0);
      identity += std::to_string(parameter.type) + ",";
    }
    const int count = static_cast<int>(parameters.size());
    auto found = prepared_.find(identity);
    if (found == prepared_.end()) {
      const std::string name = "s" + std::to_string(++last_name_);
      if (PQsendPrepare(connection_.get(), name.c_str(), text.c_str(), count, types.data()) == 0)
        return false;
      queue_.push_back({.kind = Sent::kPrepare, .identity = identity});
      found = prepared_.emplace(identity, name).first;
    }
    queue_.push_back({.kind = Sent::kExecute, .identity = identity});
    return PQsendQueryPrepared(connection_.get(), found->second.c_str(), count, values.data(),
                               sizes.data(), formats.data(), 0) != 0;
  }

  // The next result, once it is there; null between those of two statements.
  Result<PgResult> Next() {
    while (true) {
      const int flushed = PQflush(connection_.get());
      if (flushed < 0) return Pass(Lost());
      // Also while all was sent: PQisBusy reads what has come.
      if (PQisBusy(connection_.get()) == 0) return PgResult(PQgetResult(connection_.get()));
      const short events = static_cast<short>(flushed == 1 ? POLLIN | POLLOUT : POLLIN);
      if (Result<void> in_time = WaitFor(PQsocket(connection_.get()), events, limits_); !in_time) {
        is_broken_ = true;
        Error error = in_time.error();
        error.may_have_applied = true;
        return std::unexpected(std::move(error));
      }
      if (PQconsumeInput(connection_.get()) == 0) return Pass(Lost());
    }
  }

  Result<void> Lost() {
    is_broken_ = true;
    return std::unexpected(Error{.code = Errc::kClosed,
                                 .detail = Trimmed(PQerrorMessage(connection_.get())),
                                 .may_have_applied = true});
  }

  // All of one statement's results: there is one, and the null behind it.
  Result<Rows> ReadRows() {
    Result<PgResult> result = Next();
    if (!result) return Pass(std::move(result));
    if (!*result) return Pass(Lost());
    Result<PgResult> end = Next();
    if (!end) return Pass(std::move(end));
    switch (PQresultStatus(result->get())) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        return RowsOf(result->get());
      case PGRES_PIPELINE_ABORTED:
        return Fail(Errc::kServer, "25P02 an earlier statement of the batch failed");
      default:
        if (IsFarewell(result->get())) return Pass(Lost());
        return std::unexpected(ErrorOf(result->get()));
    }
  }

  Result<Rows> RowsOf(const PGresult* result) {
    Rows rows;
    last_status_ = PQcmdStatus(const_cast<PGresult*>(result));
    if (const Value affected = NumberOr<std::int64_t>(PQcmdTuples(const_cast<PGresult*>(result)));
        PQresultStatus(result) == PGRES_COMMAND_OK || !last_status_.starts_with("SELECT")) {
      if (const auto* count = std::get_if<std::int64_t>(&affected)) rows.affected = *count;
    }
    const int columns = PQnfields(result);
    const int count = PQntuples(result);
    if (static_cast<std::size_t>(count) > rows_max_)
      return Fail(Errc::kLimit, "more than " + std::to_string(rows_max_) + " rows");
    for (int i = 0; i < columns; ++i) rows.columns.emplace_back(PQfname(result, i));
    rows.rows.resize(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      std::vector<Value>& row = rows.rows[static_cast<std::size_t>(i)];
      row.reserve(static_cast<std::size_t>(columns));
      for (int j = 0; j < columns; ++j) row.push_back(ColumnOf(result, i, j));
    }
    return rows;
  }

  // An error that libpq made of a hang-up has no SQLSTATE; a server that goes down says 57P01..03.
  bool IsFarewell(const PGresult* result) const {
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state == nullptr || std::string_view(state).starts_with("57P0") ||
           PQstatus(connection_.get()) == CONNECTION_BAD;
  }

  // What was sent for one statement: maybe what prepares it, and itself.
  Result<Rows> ReadOne(const Statement& statement) {
    while (!queue_.empty()) {
      const Sent sent = std::move(queue_.front());
      queue_.erase(queue_.begin());
      Result<Rows> rows = ReadRows();
      if (!rows) {
        Forget(sent, rows.error());
        return rows;
      }
      if (sent.kind == Sent::kExecute) return rows;
    }
    return Fail(Errc::kProtocol, "nothing was sent for " + statement.text.substr(0, 80));
  }

  // What did not get prepared, or is void, is to be prepared anew: it and all that stood behind it.
  void Forget(const Sent& failed, const Error& error) {
    if (failed.kind == Sent::kPrepare || error.code == Errc::kConflict)
      prepared_.erase(failed.identity);
    for (const Sent& behind : queue_) {
      if (behind.kind == Sent::kPrepare) prepared_.erase(behind.identity);
    }
  }

  // Reads up to the Sync, over what was aborted.
  Result<void> ReadSync() {
    queue_.clear();
    if (is_broken_) return Fail(Errc::kClosed, "the connection was lost");
    Result<void> failed;
    while (true) {
      Result<PgResult> result = Next();
      if (!result) return Pass(std::move(result));
      if (!*result) {
        if (PQstatus(connection_.get()) == CONNECTION_BAD) return Lost();
        continue;
      }
      switch (PQresultStatus(result->get())) {
        case PGRES_PIPELINE_SYNC:
          return failed;
        case PGRES_FATAL_ERROR:
          // A deferred constraint, or a serialization failure, of the commit at the Sync.
          if (IsFarewell(result->get())) return Lost();
          failed = std::unexpected(ErrorOf(result->get()));
          break;
        default:
          break;
      }
    }
  }

  const std::size_t rows_max_;
  Handle connection_;
  Limits limits_;
  bool is_broken_ = false;
  std::string last_status_;  // "COMMIT", "INSERT 0 1"
  std::vector<Sent> queue_;
  std::map<std::string, std::string> prepared_;  // text and types to the name
  std::uint64_t last_name_ = 0;
};

Result<Handle> Connect(std::string_view uri, const Limits& limits) {
  const std::string text(uri);
  Handle handle(PQconnectStart(text.c_str()));
  if (!handle) return Fail(Errc::kUnreachable, "no memory for a connection");
  const auto failed = [&] {
    return Fail(Errc::kUnreachable, Trimmed(PQerrorMessage(handle.get())));
  };
  if (PQstatus(handle.get()) == CONNECTION_BAD) return failed();
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  while (status != PGRES_POLLING_OK) {
    if (status == PGRES_POLLING_FAILED) return failed();
    const short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (Result<void> in_time = WaitFor(PQsocket(handle.get()), events, limits); !in_time)
      return Pass(std::move(in_time));
    status = PQconnectPoll(handle.get());
  }
  return handle;
}

// LISTEN on a connection of its own, outside of pipeline mode.
class PostgresListener final : public Listener {
 public:
  PostgresListener(std::string uri, std::string channel)
      : uri_(std::move(uri)), channel_(std::move(channel)) {}

  Result<void> Connect(const Limits& limits) {
    Result<Handle> handle = sql::Connect(uri_, limits);
    if (!handle) return Pass(std::move(handle));
    char* quoted = PQescapeIdentifier(handle->get(), channel_.data(), channel_.size());
    const std::string text = std::string("listen ") + (quoted == nullptr ? "" : quoted);
    PQfreemem(quoted);
    const PgResult result(PQexec(handle->get(), text.c_str()));
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK)
      return std::unexpected(ErrorOf(result.get()));
    connection_ = std::move(*handle);
    return {};
  }

  bool Wait(Duration timeout, std::stop_token stop) override {
    const Limits limits{.clock = &SystemClock(),
                        .deadline = DeadlineOf(SystemClock(), timeout),
                        .stop = std::move(stop)};
    if (!std::exchange(has_looked_, true)) return true;
    if (!connection_) return Mend(limits);
    while (true) {
      if (TakeNews()) return true;
      if (!WaitFor(PQsocket(connection_.get()), POLLIN, limits)) return false;
      if (PQconsumeInput(connection_.get()) == 0) {
        connection_.reset();
        return Mend(limits);
      }
    }
  }

 private:
  bool TakeNews() {
    bool is_news = false;
    while (PGnotify* notify = PQnotifies(connection_.get())) {
      PQfreemem(notify);
      is_news = true;
    }
    return is_news;
  }
  // Whatever was told meanwhile is lost: so it is news. While the server is away, the whole timeout
  // is waited, as if nothing was.
  bool Mend(const Limits& limits) {
    if (Connect(limits)) return true;
    pollfd nothing{.fd = -1, .events = 0, .revents = 0};
    while (limits.Check()) poll(&nothing, 1, PollMs(limits));
    return false;
  }

  const std::string uri_;
  const std::string channel_;
  Handle connection_;
  bool has_looked_ = false;
};

}  // namespace

Result<std::unique_ptr<Driver>> OpenPostgres(std::string_view uri, const DatabaseOptions& options,
                                             const Limits& limits) {
  Result<Handle> handle = Connect(uri, limits);
  if (!handle) return Pass(std::move(handle));
  auto driver = std::make_unique<PostgresDriver>(std::move(*handle), options.rows_max);
  driver->set_limits(limits);
  if (Result<void> ready = driver->SetUp(); !ready) return Pass(std::move(ready));
  return driver;
}

Result<std::unique_ptr<Listener>> ListenPostgres(std::string_view uri, std::string_view channel,
                                                 const Limits& limits) {
  auto listener = std::make_unique<PostgresListener>(std::string(uri), std::string(channel));
  if (Result<void> ready = listener->Connect(limits); !ready) return Pass(std::move(ready));
  return listener;
}

}  // namespace cairn::cache::sql
