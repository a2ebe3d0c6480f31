// SPDX-License-Identifier: BSD-3-Clause
// The server of a test: made by initdb, run without a port, killed with all its processes.
#include "sql/database_place.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

extern char** environ;

namespace cairn::cache::sql {
namespace {

constexpr int kStartPauseMs = 10;
constexpr Duration kStartMax = std::chrono::seconds(30);

std::string MakeFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "cairn-sql-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
  return name;
}

// Debian keeps the server's programs out of the path.
std::string BinFolder() {
  for (const char* version : {"15", "16", "17", "14"}) {
    const std::string folder = std::string("/usr/lib/postgresql/") + version + "/bin/";
    if (std::filesystem::exists(folder + "initdb")) return folder;
  }
  return "";
}

// As an unprivileged user if we are root, which the server refuses to be. The server is quit by the
// kernel when we die.
pid_t Spawn(std::vector<std::string> words, const std::string& output) {
  std::vector<std::string> line = {"/usr/bin/setpriv", "--pdeathsig=QUIT"};
  if (getuid() == 0)
    line.insert(line.end(), {"--reuid=postgres", "--regid=postgres", "--init-groups"});
  line.insert(line.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (std::string& word : line) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? pid : -1;
}

std::vector<pid_t> ChildrenOf(pid_t parent) {
  std::vector<pid_t> children;
  const std::string id = std::to_string(parent);
  FILE* file = std::fopen(("/proc/" + id + "/task/" + id + "/children").c_str(), "r");
  if (file == nullptr) return children;
  for (int child = 0; std::fscanf(file, "%d", &child) == 1;) children.push_back(child);
  std::fclose(file);
  return children;
}

}  // namespace

class PostgresServer {
 public:
  PostgresServer() : folder_(MakeFolder()) {
    if (const passwd* user = getpwnam("postgres"); getuid() == 0 && user != nullptr) {
      if (chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0) ADD_FAILURE() << "chown";
    }
    const pid_t made = Spawn({BinFolder() + "initdb", "-D", data(), "-U", "cairn", "-A", "trust",
                              "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"},
                             log());
    int status = -1;
    if (made < 0 || waitpid(made, &status, 0) != made || status != 0)
      ADD_FAILURE() << "initdb failed: see " << log();
    Start();
  }
  ~PostgresServer() {
    Kill();
    std::error_code ignored;
    // What the server's children still write while they go would keep the folder.
    for (int i = 0; i < 200 && std::filesystem::exists(folder_); ++i) {
      std::filesystem::remove_all(folder_, ignored);
      if (ignored) poll(nullptr, 0, kStartPauseMs);
    }
  }

  // Until it lets us in; the children of one that was killed keep the next from starting for a bit.
  void Start() {
    const TimePoint deadline = SystemClock().Now() + kStartMax;
    while (SystemClock().Now() < deadline) {
      if (pid_ < 0 || waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = Spawn({BinFolder() + "postgres", "-D", data(), "-k", folder_, "-c",
                      "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=64", "-c",
                      "shared_buffers=16MB", "-c", "autovacuum=off"},
                     log());
      }
      if (Database::Open(uri("postgres"), {.timeout = std::chrono::seconds(1)})) return;
      poll(nullptr, 0, kStartPauseMs);
    }
    ADD_FAILURE() << "the server does not start: see " << log();
  }

  // With all its processes, as a machine's crash does: those that serve clients would otherwise go
  // on until they notice.
  void Kill() {
    if (pid_ < 0) return;
    kill(pid_, SIGSTOP);  // it makes no more of them
    for (const pid_t child : ChildrenOf(pid_)) kill(child, SIGKILL);
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  bool is_up() const { return pid_ >= 0; }

  std::string uri(const std::string& database) const {
    return "postgresql:///" + database + "?user=cairn&host=" + folder_;
  }

 private:
  std::string data() const { return folder_ + "/data"; }
  std::string log() const { return folder_ + "/log"; }

  std::string folder_;
  pid_t pid_ = -1;
};

DatabasePlace::DatabasePlace() = default;

DatabasePlace::~DatabasePlace() {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

void DatabasePlace::Start(Dialect dialect) {
  if (dialect == Dialect::kSqlite) {
    folder_ = MakeFolder();
    uri_ = "sqlite:" + folder_ + "/test.db";
    return;
  }
  static PostgresServer shared;  // one start of a second for all tests
  static std::atomic<int> made = 0;
  const std::string name = "test" + std::to_string(made++);
  const Database maker = Database::Open(shared.uri("postgres")).value();
  // Cannot be in a transaction, nor in a script, which is one.
  ASSERT_TRUE(maker.Execute(Statement("create database " + name), {.timeout = kStartMax}));
  uri_ = shared.uri(name);
}

void DatabasePlace::StartPostgresOfItsOwn() {
  own_ = std::make_unique<PostgresServer>();
  uri_ = own_->uri("postgres");
}

void DatabasePlace::Kill() { own_->Kill(); }
void DatabasePlace::StartAgain() { own_->Start(); }
bool DatabasePlace::is_up() const { return own_->is_up(); }

}  // namespace cairn::cache::sql
