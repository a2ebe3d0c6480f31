// SPDX-License-Identifier: BSD-3-Clause
// A load generator that is lighter than the server it loads.
//
//   load --port 7000 --command get --pipeline 16 --seconds 2 --pid 4711
//
//   --command NAME   get, set, mset, mget (10 keys a command), or fill: every key once, in order;
//                    text: what --text says, fill-text: the same with @ counted up from 0 to --keys
//   --text "ZADD z % m:@"   the words of a command. @ is twelve digits below --keys, the same
//                    throughout a command; each % is twelve digits of its own, always random
//   --clients N      connections (50)            --keys N         random keys among so many (1 M)
//   --pipeline N     commands a batch (1)        --value-bytes N  (64)
//   --seconds S      measured, after --warm-up S (0.2)
//   --ttl-seconds N  fill: SET with EX of N to 2 N seconds; 100000 to 499999
//   --pid N          the server's process: its processor time is measured over the same window
//
// A connection's batch is text made once, in which only the digits of the keys change. Replies have
// a known length, so they are counted, and dropped by the kernel (MSG_TRUNC) without a copy; each
// kCheckEvery-th batch is read and compared with what must come. Those of a text are read and
// counted; an error among them ends the program. The last line is `name=value` pairs. Sockets block
// when sending: a batch is sent when all replies of the one before are in, so both fit the buffers.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "bench/measure.h"
#include "bench/reply_counter.h"

namespace cairn::bench {
namespace {

constexpr std::size_t kKeyDigits = 12;  // after "key:": 16 bytes a key
constexpr std::size_t kTtlDigits = 6;   // none of them a leading zero
constexpr std::int64_t kTtlMin = 100'000;
constexpr std::int64_t kTtlMax = 499'999;
constexpr std::size_t kKeysPerCommand = 10;  // of MSET and MGET
constexpr std::uint64_t kCheckEvery = 64;
constexpr int kSilenceMs = 10'000;  // a server that says nothing for so long is given up

enum class Kind { kGet, kSet, kMset, kMget, kFill, kText, kFillText };

bool IsFill(Kind kind) { return kind == Kind::kFill || kind == Kind::kFillText; }
bool IsText(Kind kind) { return kind == Kind::kText || kind == Kind::kFillText; }

struct Options {
  std::uint16_t port;
  Kind kind;
  std::string_view text;
  std::size_t clients;
  std::size_t pipeline;
  std::uint64_t keys;
  std::size_t value_bytes;
  std::int64_t ttl_seconds;
  double seconds;
  double warm_up_seconds;
  pid_t pid;
};

// The text of one batch, where its digits stand, and what the server must answer.
struct Batch {
  std::string request;
  std::string reply;
  std::vector<std::size_t> key_places;
  std::vector<std::size_t> ttl_places;
  // Of a text: where the digits of each command's @ stand, one command after the other.
  std::vector<std::vector<std::size_t>> number_places;
  std::vector<std::size_t> random_places;  // of its %
};

std::string Bulk(std::string_view text) { return fmt::format("${}\r\n{}\r\n", text.size(), text); }

void AddKey(Batch& batch) {
  batch.request += "$16\r\nkey:";
  batch.key_places.push_back(batch.request.size());
  batch.request += std::string(kKeyDigits, '0') + "\r\n";
}

void AddSet(const Options& options, Batch& batch, const std::string& value) {
  const bool with_ttl = options.kind == Kind::kFill && options.ttl_seconds > 0;
  batch.request += with_ttl ? "*5\r\n$3\r\nSET\r\n" : "*3\r\n$3\r\nSET\r\n";
  AddKey(batch);
  batch.request += value;
  if (with_ttl) {
    batch.request += fmt::format("$2\r\nEX\r\n${}\r\n", kTtlDigits);
    batch.ttl_places.push_back(batch.request.size());
    batch.request += std::string(kTtlDigits, '0') + "\r\n";
  }
  batch.reply += "+OK\r\n";
}

void AddText(std::string_view text, Batch& batch) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  batch.request += fmt::format("*{}\r\n", words.size());
  batch.number_places.emplace_back();
  for (const std::string_view word : words) {
    const auto signs = static_cast<std::size_t>(
        std::ranges::count_if(word, [](char c) { return c == '@' || c == '%'; }));
    batch.request += fmt::format("${}\r\n", word.size() + signs * (kKeyDigits - 1));
    for (const char c : word) {
      if (c == '@') batch.number_places.back().push_back(batch.request.size());
      if (c == '%') batch.random_places.push_back(batch.request.size());
      batch.request += c == '@' || c == '%' ? std::string(kKeyDigits, '0') : std::string(1, c);
    }
    batch.request += "\r\n";
  }
}

Batch MakeBatch(const Options& options) {
  Batch batch;
  const std::string value = Bulk(std::string(options.value_bytes, 'v'));
  for (std::size_t i = 0; i < options.pipeline; ++i) {
    switch (options.kind) {
      case Kind::kGet:
        batch.request += "*2\r\n$3\r\nGET\r\n";
        AddKey(batch);
        batch.reply += value;
        break;
      case Kind::kSet:
      case Kind::kFill:
        AddSet(options, batch, value);
        break;
      case Kind::kMset:
        batch.request += fmt::format("*{}\r\n$4\r\nMSET\r\n", 1 + 2 * kKeysPerCommand);
        for (std::size_t key = 0; key < kKeysPerCommand; ++key) {
          AddKey(batch);
          batch.request += value;
        }
        batch.reply += "+OK\r\n";
        break;
      case Kind::kMget:
        batch.request += fmt::format("*{}\r\n$4\r\nMGET\r\n", 1 + kKeysPerCommand);
        batch.reply += fmt::format("*{}\r\n", kKeysPerCommand);
        for (std::size_t key = 0; key < kKeysPerCommand; ++key) {
          AddKey(batch);
          batch.reply += value;
        }
        break;
      case Kind::kText:
      case Kind::kFillText:
        AddText(options.text, batch);
        break;
    }
  }
  return batch;
}

// With leading zeros.
void PutDigits(char* to, std::size_t digits, std::uint64_t number) {
  for (std::size_t i = digits; i-- > 0; number /= 10) to[i] = static_cast<char>('0' + number % 10);
}

struct Client {
  int fd = -1;
  std::string request;        // its own copy of the batch
  std::size_t awaited = 0;    // bytes of replies still to come
  std::uint64_t batches = 0;  // sent
  std::string checked;        // replies of a batch that is compared
  bool checking = false;
  ReplyCounter counter;     // of a text's replies
  std::size_t replies = 0;  // come for this batch
};

class Load {
 public:
  explicit Load(const Options& options) : options_(options), batch_(MakeBatch(options)) {}
  int Run();

 private:
  bool Connect(Client& client);
  bool ConnectAll();
  std::uint64_t NextNumber();
  void PutNumbers(std::string& request);
  bool SendBatch(Client& client);
  bool Receive(Client& client);
  bool CountReplies(Client& client, std::string_view bytes);
  bool Serve(std::int64_t until_ns);
  int Fail(std::string_view what);
  void Report(std::int64_t wall_ns, std::int64_t server_ns, std::int64_t own_ns,
              std::uint64_t operations) const;

  const Options options_;
  const Batch batch_;
  Random random_{static_cast<std::uint64_t>(WallNs())};
  int epoll_ = -1;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<char> buffer_ = std::vector<char>(1 << 20);
  std::uint64_t operations_ = 0;  // answered
  std::uint64_t filled_ = 0;      // keys sent by fill
  std::size_t idle_clients_ = 0;  // of fill, at its end
  std::string problem_;
};

bool Load::Connect(Client& client) {
  client.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(client.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    return false;
  const int on = 1;
  ::setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  client.request = batch_.request;
  epoll_event event = {.events = EPOLLIN, .data = {.ptr = &client}};
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &event) == 0;
}

bool Load::ConnectAll() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  for (std::size_t i = 0; i < options_.clients; ++i) {
    clients_.push_back(std::make_unique<Client>());
    if (!Connect(*clients_.back())) return false;
  }
  return std::ranges::all_of(clients_, [this](const auto& client) { return SendBatch(*client); });
}

std::uint64_t Load::NextNumber() {
  return IsFill(options_.kind) ? std::min(filled_++, options_.keys - 1)
                               : random_.Below(options_.keys);
}

void Load::PutNumbers(std::string& request) {
  for (const std::size_t place : batch_.key_places)
    PutDigits(request.data() + place, kKeyDigits, NextNumber());
  for (const std::size_t place : batch_.ttl_places) {
    const auto ttl = static_cast<std::uint64_t>(options_.ttl_seconds);
    PutDigits(request.data() + place, kTtlDigits, ttl + random_.Below(ttl));
  }
  for (const std::vector<std::size_t>& places : batch_.number_places) {
    const std::uint64_t number = NextNumber();
    for (const std::size_t place : places) PutDigits(request.data() + place, kKeyDigits, number);
  }
  for (const std::size_t place : batch_.random_places)
    PutDigits(request.data() + place, kKeyDigits, random_.Below(options_.keys));
}

bool Load::SendBatch(Client& client) {
  if (IsFill(options_.kind) && filled_ >= options_.keys) {
    ++idle_clients_;
    return true;
  }
  PutNumbers(client.request);
  client.replies = 0;
  client.awaited = batch_.reply.size();
  client.checking = client.batches++ % kCheckEvery == 0;
  client.checked.clear();
  std::string_view rest = client.request;
  while (!rest.empty()) {
    const ssize_t sent = ::send(client.fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool Load::Receive(Client& client) {
  const bool text = IsText(options_.kind);
  const int flags = MSG_DONTWAIT | (client.checking || text ? 0 : MSG_TRUNC);
  const ssize_t got = ::recv(client.fd, buffer_.data(), buffer_.size(), flags);
  if (got < 0 && errno == EAGAIN) return true;
  if (got <= 0) {
    problem_ = "the server closed a connection";
    return false;
  }
  const auto size = static_cast<std::size_t>(got);
  if (text) return CountReplies(client, {buffer_.data(), size});
  if (client.checking) client.checked.append(buffer_.data(), size);
  if (size > client.awaited || (client.checking && !batch_.reply.starts_with(client.checked))) {
    problem_ = fmt::format("not the reply that was due: {:.200}", client.checked);
    return false;
  }
  client.awaited -= size;
  if (client.awaited > 0) return true;
  operations_ += options_.pipeline;
  return SendBatch(client);
}

bool Load::CountReplies(Client& client, std::string_view bytes) {
  if (!client.counter.Count(bytes, &client.replies)) {
    problem_ = fmt::format("an error came: {:.200}", client.counter.problem());
    return false;
  }
  if (client.replies < options_.pipeline) return true;
  operations_ += options_.pipeline;
  return SendBatch(client);
}

// Serves all clients until the time has come; for fill, until all keys are in.
bool Load::Serve(std::int64_t until_ns) {
  std::array<epoll_event, 64> events;
  while (WallNs() < until_ns && idle_clients_ < clients_.size()) {
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), kSilenceMs);
    if (count <= 0) {
      problem_ = "no reply for ten seconds";
      return false;
    }
    for (int i = 0; i < count; ++i) {
      if (!Receive(*static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr)))
        return false;
    }
  }
  return true;
}

int Load::Fail(std::string_view what) {
  fmt::print(stderr, "load: {} (port {}): {}\n", what, options_.port,
             problem_.empty() ? std::strerror(errno) : problem_);
  return 1;
}

void Load::Report(std::int64_t wall_ns, std::int64_t server_ns, std::int64_t own_ns,
                  std::uint64_t operations) const {
  fmt::print("operations={} seconds={:.4f} server_cpu_us={:.1f} load_cpu_us={:.1f}\n", operations,
             static_cast<double>(wall_ns) / 1e9, static_cast<double>(server_ns) / 1e3,
             static_cast<double>(own_ns) / 1e3);
}

int Load::Run() {
  if (!ConnectAll()) return Fail("cannot connect and send");
  const bool fill = IsFill(options_.kind);
  const auto ns = [](double seconds) { return static_cast<std::int64_t>(seconds * 1e9); };
  if (!fill && !Serve(WallNs() + ns(options_.warm_up_seconds))) return Fail("warming up");
  const std::uint64_t operations_before = operations_;
  const std::int64_t server_before = ProcessCpuNs(options_.pid);
  const std::int64_t own_before = ThreadCpuNs();
  const std::int64_t begin = WallNs();
  if (!Serve(fill ? INT64_MAX : begin + ns(options_.seconds))) return Fail("measuring");
  const std::int64_t end = WallNs();
  Report(end - begin, ProcessCpuNs(options_.pid) - server_before, ThreadCpuNs() - own_before,
         operations_ - operations_before);
  return 0;
}

bool ParseKind(std::string_view name, Kind* kind) {
  constexpr std::array<std::string_view, 7> kNames = {"get",  "set",  "mset",     "mget",
                                                      "fill", "text", "fill-text"};
  const auto found = std::ranges::find(kNames, name);
  *kind = static_cast<Kind>(found - kNames.begin());
  return found != kNames.end();
}

}  // namespace
}  // namespace cairn::bench

int main(int argc, char** argv) {
  const cairn::bench::Arguments arguments(argc, argv);
  cairn::bench::Kind kind;
  if (!cairn::bench::ParseKind(arguments.Text("--command", ""), &kind)) {
    fmt::print(stderr, "load: --command get, set, mset, mget, fill, text or fill-text\n");
    return 2;
  }
  const std::int64_t ttl_seconds = arguments.Int("--ttl-seconds", 0);
  if (ttl_seconds != 0 &&
      (ttl_seconds < cairn::bench::kTtlMin || ttl_seconds > cairn::bench::kTtlMax)) {
    fmt::print(stderr, "load: --ttl-seconds is 0, or 100000 to 499999\n");
    return 2;
  }
  const cairn::bench::Options options = {
      .port = static_cast<std::uint16_t>(arguments.Int("--port", 6379)),
      .kind = kind,
      .text = arguments.Text("--text", ""),
      .clients =
          static_cast<std::size_t>(std::max<std::int64_t>(arguments.Int("--clients", 50), 1)),
      .pipeline =
          static_cast<std::size_t>(std::max<std::int64_t>(arguments.Int("--pipeline", 1), 1)),
      .keys =
          static_cast<std::uint64_t>(std::max<std::int64_t>(arguments.Int("--keys", 1'000'000), 1)),
      .value_bytes = static_cast<std::size_t>(arguments.Int("--value-bytes", 64)),
      .ttl_seconds = ttl_seconds,
      .seconds = arguments.Double("--seconds", 1),
      .warm_up_seconds = arguments.Double("--warm-up", 0.2),
      .pid = static_cast<pid_t>(arguments.Int("--pid", 0)),
  };
  return cairn::bench::Load(options).Run();
}
