// SPDX-License-Identifier: BSD-3-Clause
// A free port is asked from the kernel, given back and handed to the server: another process may
// take it in between, so starting is tried a few times.
#include "support/server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "support/channel.h"
#include "support/files.h"

namespace cairn::testing {
namespace {

constexpr int kStartTriesMax = 5;
constexpr int kReadyTimeoutMs = 20'000;
constexpr int kStopTimeoutMs = 10'000;
constexpr int kPollIntervalMs = 5;
constexpr std::size_t kLogTailBytes = 2000;
constexpr std::size_t kReportLeadBytes = 200;  // shown before the first word of a report
constexpr std::size_t kReportBytes = 4000;
constexpr std::string_view kReports[] = {"ThreadSanitizer", "AddressSanitizer", "LeakSanitizer",
                                         "runtime error:",  "CHECK failed",     "BUG REPORT"};

using std::chrono::steady_clock;

void PauseBriefly() { ::poll(nullptr, 0, kPollIntervalMs); }

Result<int> FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Fail(StatusCode::kIo, "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  const bool bound = ::bind(fd, raw, size) == 0 && ::getsockname(fd, raw, &size) == 0;
  ::close(fd);
  if (!bound) return Fail(StatusCode::kIo, "no free port");
  return ntohs(address.sin_port);
}

Result<std::string> MakeDirectory() {
  std::string path = std::filesystem::temp_directory_path() / "cairn-test-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return Fail(StatusCode::kIo, "mkdtemp");
  return path;
}

// In the child: only async-signal-safe calls.
[[noreturn]] void RunChild(char* const* argv, const char* log_path) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int log = ::open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv(argv[0], argv);
  ::_exit(127);
}

std::vector<std::string> CommandLine(const ServerProcess::Options& options, int port, int tls_port,
                                     const std::string& directory) {
  std::vector<std::string> line = {options.binary};
  if (!options.config_path.empty()) line.push_back(options.config_path);
  line.insert(line.end(),
              {"--port", std::to_string(port), "--bind", "127.0.0.1", "--dir", directory});
  line.insert(line.end(), options.arguments.begin(), options.arguments.end());
  if (tls_port != 0) line.insert(line.end(), {"--tls-port", std::to_string(tls_port)});
  return line;
}

bool AnswersPing(int port) {
  Result<std::unique_ptr<Channel>> channel = ConnectTcp(port);
  if (!channel) return false;
  // A server that loads answers -LOADING: not ready yet.
  const Result<Reply> reply = Call(**channel, {"PING"}, 1000);
  return reply && reply->type == ReplyType::kSimple;
}

}  // namespace

ServerProcess::ServerProcess(pid_t pid, Ports ports, std::string directory)
    : pid_(pid), port_(ports.plain), tls_port_(ports.tls), directory_(std::move(directory)) {}

ServerProcess::~ServerProcess() {
  Stop();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

Result<std::unique_ptr<ServerProcess>> ServerProcess::Start(const Options& options) {
  std::string last_log;
  for (int attempt = 0; attempt < kStartTriesMax; ++attempt) {
    const Result<int> port = FreePort();
    const Result<int> tls_port = options.has_tls ? FreePort() : 0;
    if (!port) return std::unexpected(port.error());
    if (!tls_port) return std::unexpected(tls_port.error());
    const Result<std::string> directory = MakeDirectory();
    if (!directory) return std::unexpected(directory.error());
    const std::vector<std::string> line = CommandLine(options, *port, *tls_port, *directory);
    std::vector<char*> argv;
    for (const std::string& word : line) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const std::string log_path = *directory + "/log";
    const pid_t pid = ::fork();
    if (pid < 0) return Fail(StatusCode::kIo, "fork");
    if (pid == 0) RunChild(argv.data(), log_path.c_str());
    std::unique_ptr<ServerProcess> server(new ServerProcess(pid, {*port, *tls_port}, *directory));
    const auto deadline = steady_clock::now() + std::chrono::milliseconds(kReadyTimeoutMs);
    while (server->Alive() && steady_clock::now() < deadline) {
      if (AnswersPing(*port)) return server;
      PauseBriefly();
    }
    last_log = server->LogTail();
  }
  return Fail(StatusCode::kIo, options.binary + " does not come up; it logged:\n" + last_log);
}

bool ServerProcess::Alive() {
  if (pid_ <= 0) return false;
  if (::waitpid(pid_, &exit_status_, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

int ServerProcess::Stop() {
  if (!Alive()) return exit_status_;
  ::kill(pid_, SIGTERM);
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(kStopTimeoutMs);
  while (Alive() && steady_clock::now() < deadline) PauseBriefly();
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &exit_status_, 0);
    pid_ = -1;
  }
  return exit_status_;
}

std::string ServerProcess::StopAndExamine() {
  const bool was_alive = Alive();
  const int status = Stop();
  const std::string log = Log();
  for (const std::string_view report : kReports) {
    const std::size_t at = log.find(report);
    if (at == std::string::npos) continue;
    const std::size_t begin = at > kReportLeadBytes ? at - kReportLeadBytes : 0;
    return "the server reports:\n" + log.substr(begin, kReportBytes);
  }
  if (!was_alive) return "the server died; it logged:\n" + LogTail();
  if (status == 0) return {};
  return "the server ended with wait status " + std::to_string(status) + "; it logged:\n" +
         LogTail();
}

std::string ServerProcess::Log() const { return ReadFile(directory_ + "/log").value_or(""); }

std::string ServerProcess::LogTail() const {
  std::string text = Log();
  if (text.size() > kLogTailBytes) text.erase(0, text.size() - kLogTailBytes);
  return text;
}

}  // namespace cairn::testing
