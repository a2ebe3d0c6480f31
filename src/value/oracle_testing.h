// SPDX-License-Identifier: BSD-3-Clause
// A real redis-server for tests to compare with.
//
// It is started without persistence on a Unix socket in a directory of its own, and ends with this
// process. Replies are read as RESP2, as far as the tests look into them.
#ifndef CAIRN_VALUE_ORACLE_TESTING_H_
#define CAIRN_VALUE_ORACLE_TESTING_H_

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"

namespace cairn::value {

// A reply, as far as these tests look into it.
struct Reply {
  char type = '?';
  std::string text;         // + - $
  std::int64_t number = 0;  // :
  std::vector<Reply> items;
};

class Oracle {
 public:
  // nullptr where no server could be started.
  static std::unique_ptr<Oracle> Start(const std::string& program = "redis-server");
  ~Oracle();
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  Reply Call(const std::vector<std::string>& words) {
    Send(words);
    return Receive();
  }
  // Where it would read and write its files.
  const std::filesystem::path& directory() const { return directory_; }
  std::string Get(const std::string& key) { return Call({"GET", key}).text; }
  void Set(const std::string& key, std::string_view bytes) {
    Call({"SET", key, std::string(bytes)});
  }

 private:
  Oracle() = default;
  void Send(const std::vector<std::string>& words);
  Reply Receive();
  std::string Line();
  std::string Take(std::size_t size);
  bool Fill();

  std::filesystem::path directory_;
  pid_t server_ = -1;
  int socket_ = -1;
  int output_ = -1;  // what the server says; stays open, so that it never meets a closed pipe
  std::string input_;
  std::size_t taken_ = 0;
};

// The child's side of the fork: becomes the server, or ends.
[[noreturn]] inline void BecomeServer(const std::string& program, const std::string& directory,
                                      int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, STDOUT_FILENO);
  const std::string socket_path = directory + "/socket";
  execlp(program.c_str(), program.c_str(), "--port", "0", "--unixsocket", socket_path.c_str(),
         "--dir", directory.c_str(), "--save", "", "--appendonly", "no", "--enable-debug-command",
         "yes", "--rdbcompression", "no", static_cast<char*>(nullptr));
  _exit(127);
}

// True when the server says that it is ready, false when it ends or stays silent.
inline bool WaitUntilReady(int output) {
  constexpr int kSilenceMsMax = 20'000;
  std::string said;
  while (!said.contains("eady to accept connections")) {
    pollfd wait{output, POLLIN, 0};
    if (poll(&wait, 1, kSilenceMsMax) <= 0) return false;
    char buffer[4096];
    const ssize_t got = read(output, buffer, sizeof(buffer));
    if (got <= 0) return false;
    said.append(buffer, static_cast<std::size_t>(got));
  }
  return true;
}

inline std::unique_ptr<Oracle> Oracle::Start(const std::string& program) {
  std::string directory = (std::filesystem::temp_directory_path() / "cairn-oracle-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) return nullptr;
  std::unique_ptr<Oracle> oracle(new Oracle);
  oracle->directory_ = directory;
  int output[2];
  if (pipe(output) != 0) return nullptr;
  oracle->server_ = fork();
  if (oracle->server_ == 0) BecomeServer(program, directory, output[1]);
  close(output[1]);
  oracle->output_ = output[0];
  const bool ready = oracle->server_ > 0 && WaitUntilReady(output[0]);
  if (!ready) return nullptr;
  oracle->socket_ = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string path = directory + "/socket";
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (connect(oracle->socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return nullptr;
  }
  return oracle;
}

inline Oracle::~Oracle() {
  if (socket_ >= 0) close(socket_);
  if (output_ >= 0) close(output_);
  if (server_ > 0) {
    kill(server_, SIGKILL);
    waitpid(server_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

inline void Oracle::Send(const std::vector<std::string>& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  for (std::size_t sent = 0; sent < out.size();) {
    const ssize_t n = send(socket_, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<std::size_t>(n);
  }
}

inline bool Oracle::Fill() {
  if (taken_ > 0) input_.erase(0, std::exchange(taken_, 0));
  char buffer[65536];
  const ssize_t got = recv(socket_, buffer, sizeof(buffer), 0);
  if (got <= 0) return false;
  input_.append(buffer, static_cast<std::size_t>(got));
  return true;
}

inline std::string Oracle::Take(std::size_t size) {
  while (input_.size() - taken_ < size) {
    if (!Fill()) return {};
  }
  taken_ += size;
  return input_.substr(taken_ - size, size);
}

inline std::string Oracle::Line() {
  std::size_t end;
  while ((end = input_.find("\r\n", taken_)) == std::string::npos) {
    if (!Fill()) return "-ERR the oracle is gone";
  }
  std::string line = input_.substr(taken_, end - taken_);
  taken_ = end + 2;
  return line;
}

inline Reply Oracle::Receive() {
  const std::string line = Line();
  Reply reply{line[0], line.substr(1), 0, {}};
  if (reply.type == '+' || reply.type == '-') return reply;
  reply.number = ParseInt64(reply.text).value_or(-1);
  reply.text.clear();
  if (reply.type == '$' && reply.number >= 0) {
    reply.text = Take(static_cast<std::size_t>(reply.number) + 2);
    reply.text.resize(reply.text.size() - 2);
  }
  if (reply.type == '*') {
    for (std::int64_t i = 0; i < reply.number; ++i) reply.items.push_back(Receive());
  }
  return reply;
}

inline std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += "0123456789abcdef"[(static_cast<unsigned char>(byte) >> 4) & 0xf];
    text += "0123456789abcdef"[static_cast<unsigned char>(byte) & 0xf];
  }
  return text;
}

}  // namespace cairn::value

#endif  // CAIRN_VALUE_ORACLE_TESTING_H_
