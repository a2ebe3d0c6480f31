// SPDX-License-Identifier: BSD-3-Clause
// Config: the values of all directives, read by any thread, changed together or not at all.
//
//   Config config(ConfigHost::Ask());
//   if (config.Bool("lazyfree-lazy-expire")) ...
//   config.OnChange("port", [&](const Config& c) { return listener.Move(c.Int("port")); });
//   config.Set({{"hz", "20"}, {"port", "6380"}}, ConfigCaller::kRemote);
//
// What a directive is stands in its row (config_rows_*.h); files and the command line are
// config_file.h, CONFIG REWRITE is config_rewrite.h.
//
// Invariants
//   (1) Every value satisfies its row: it was parsed, or is the parsed default.
//   (2) Set changes everything it was given, or nothing: when a value does not parse, none is
//   stored; when a hook fails, the old values return and the hooks that had run are run again, so a
//   hook must bring the server to what the configuration says, from whatever it was.
//   (3) While hooks run, other threads already see the new values. No reader may rely on two
//   directives changing in the same instant.
//
// Thread safety: reading from any thread, Bool, Int, Choice and OutputLimit without a lock
// (relaxed: a value says nothing about other memory), the rest under a mutex. Set from any thread,
// one at a time; hooks run on the caller's thread and must not call Set. OnChange, Assign and the
// other parts of loading belong to start-up, before other threads exist.
#ifndef CAIRN_SERVER_CONFIG_H_
#define CAIRN_SERVER_CONFIG_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "server/config_host.h"
#include "server/config_id.h"
#include "server/config_lists.h"
#include "server/config_value.h"

namespace cairn::server {

// Where a CONFIG SET comes from; "local" in enable-protected-configs means this machine.
enum class ConfigCaller : std::uint8_t { kLocal, kRemote };

struct ConfigAssignment {
  std::string_view name;
  std::string_view value;
};

struct ConfigEntry {
  std::string name;
  std::string value;
  bool operator==(const ConfigEntry&) const = default;
};

class Config {
 public:
  using ApplyHook = std::function<Status(const Config&)>;
  // Told about directives that are accepted but cannot matter, once each: name and reason.
  using IgnoredSink = std::function<void(std::string_view name, std::string_view why)>;

  explicit Config(ConfigHost host);
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  // Cores that this process may use.
  int cores() const { return host_.cores; }

  bool Bool(BoolConfigId id) const { return Number(id.position()) != 0; }
  // Integers, sizes in bytes, permissions, sets of bits (notify-keyspace-events, shutdown-on-*).
  std::int64_t Int(IntConfigId id) const { return Number(id.position()); }
  // The enum of config_enums.h that belongs to the directive.
  template <class Enum>
  Enum Choice(ChoiceConfigId id) const {
    return static_cast<Enum>(Number(id.position()));
  }
  // Texts as they are, lists as CONFIG GET shows them.
  std::string Text(TextConfigId id) const EXCLUDES(values_mu_);

  OutputLimit OutputLimitOf(OutputClass output_class) const;
  // maxmemory-clients in bytes: a percentage is of maxmemory, and no limit without one. 0: none.
  std::int64_t ClientsMemoryMax() const;
  std::vector<std::string> BindAddresses() const;
  std::vector<SavePoint> SavePoints() const;
  std::vector<double> LatencyPercentiles() const;

  // CONFIG GET: names and values that any of the patterns matches, each name once, in the order of
  // the rows; a pattern without wildcards comes first, spelt as given, and finds hidden ones.
  std::vector<ConfigEntry> Get(std::span<const std::string_view> patterns) const
      EXCLUDES(values_mu_);

  // CONFIG SET. The error is the whole text of Redis's reply, "ERR " included.
  Status Set(std::span<const ConfigAssignment> assignments, ConfigCaller caller)
      EXCLUDES(set_mu_, values_mu_);

  // `hook` runs after a change of `id`. Several hooks of one directive run in order.
  void OnChange(ConfigId id, ApplyHook hook) { hooks_.emplace_back(id, std::move(hook)); }
  // Reports what was ignored so far, and from now on.
  void ReportIgnored(IgnoredSink sink);

  // At start: one directive as a file or the command line gives it. No hooks; immutable ones too.
  Status Assign(std::size_t position, std::span<const std::string> words);
  // The file that REWRITE writes; empty when the server was started without one.
  void set_file(std::string path) { file_ = std::move(path); }
  const std::string& file() const { return file_; }

  ConfigValue ValueAt(std::size_t position) const EXCLUDES(values_mu_);
  OutputLimits DefaultOutputLimits() const;
  bool IsDefault(std::size_t position) const { return ValueAt(position) == defaults_[position]; }

 private:
  struct Change {
    std::size_t position;
    std::string_view name;  // the row's own, or its alias
    ConfigValue value;
    ConfigValue old;
  };

  std::int64_t Number(std::size_t position) const {
    return numbers_[position].load(std::memory_order_relaxed);
  }
  void Store(std::size_t position, const ConfigValue& value) EXCLUDES(values_mu_);
  // `changes` receives one entry for each assignment, without values yet.
  Status CheckAllowed(std::span<const ConfigAssignment> assignments, ConfigCaller caller,
                      std::vector<Change>& changes) const;
  Status ParseAll(std::span<const ConfigAssignment> assignments,
                  std::vector<Change>& changes) const;
  Result<ConfigValue> ParseFor(const ConfigRow& row, std::span<const std::string> words) const;
  Status Apply(std::span<const Change> changes) REQUIRES(set_mu_);
  Status RunHooks(std::size_t position) REQUIRES(set_mu_);
  void NoteIgnored(std::size_t position) REQUIRES(set_mu_);
  void TellIgnored(std::size_t position) REQUIRES(set_mu_);

  // Constant after loading.
  const ConfigHost host_;
  std::array<ConfigValue, kConfigRowCount> defaults_;
  std::vector<std::pair<ConfigId, ApplyHook>> hooks_;
  std::string file_;

  // Atomic: each by itself.
  std::array<std::atomic<std::int64_t>, kConfigRowCount> numbers_{};
  std::array<std::atomic<std::int64_t>, kOutputClassCount * 3> output_limits_{};

  Mutex set_mu_;  // one Set at a time, hooks included; taken before values_mu_
  IgnoredSink ignored_sink_ GUARDED_BY(set_mu_);
  std::array<bool, kConfigRowCount> ignored_seen_ GUARDED_BY(set_mu_){};
  std::array<bool, kConfigRowCount> ignored_told_ GUARDED_BY(set_mu_){};

  mutable Mutex values_mu_;
  std::array<std::string, kConfigRowCount> texts_ GUARDED_BY(values_mu_);
};

// The row that a name or an older alias stands for, in any case; nullptr if none.
const ConfigRow* FindConfigRow(std::string_view name);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CONFIG_H_
