// SPDX-License-Identifier: BSD-3-Clause
// A change goes through five steps, each of which may refuse before the next begins:
//
//   names known and allowed -> values parsed -> all stored -> hooks -> done
//                                                  ^             |
//                                                  +-- old back <+ a hook refused
#include "server/config.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/glob.h"
#include "base/text.h"

namespace cairn::server {
namespace {

// A directive as a client named it: the row, by its name or by its alias.
struct NamedRow {
  std::size_t position;
  bool is_alias;
  bool operator==(const NamedRow&) const = default;
  std::string_view name() const {
    return is_alias ? kConfigRows[position].alias : kConfigRows[position].name;
  }
};

std::optional<NamedRow> FindNamedRow(std::string_view name) {
  for (std::size_t i = 0; i < kConfigRowCount; ++i) {
    if (EqualsIgnoreCase(kConfigRows[i].name, name)) return NamedRow{i, false};
    const std::string_view alias = kConfigRows[i].alias;
    if (!alias.empty() && EqualsIgnoreCase(alias, name)) return NamedRow{i, true};
  }
  return std::nullopt;
}

// CONFIG GET's question whether a pattern may stand for several names. (A backslash alone does not
// make one.)
bool IsPattern(std::string_view text) { return text.find_first_of("[*?") != text.npos; }

Status Refuse(std::string_view name, std::string_view why) {
  return {StatusCode::kInvalid, "ERR CONFIG SET failed (possibly related to argument '" +
                                    std::string(name) + "') - " + std::string(why)};
}

Status RefuseUnknown(std::string_view name) {
  return {StatusCode::kNotFound,
          "ERR Unknown option or number of arguments for CONFIG SET - '" + std::string(name) + "'"};
}

// The words of a value given in one string.
std::vector<std::string> WordsOf(const ConfigRow& row, std::string_view value) {
  if (row.TakesManyWords()) return SplitAtSpaces(value);
  return {std::string(value)};
}

constexpr std::size_t kOutputLimitsPosition = ConfigId("client-output-buffer-limit").position();

}  // namespace

Config::Config(ConfigHost host) : host_(std::move(host)) {
  for (std::size_t i = 0; i < kConfigRowCount; ++i) {
    const ConfigRow& row = kConfigRows[i];
    if (row.rule == TextRule::kDirectory) {
      defaults_[i].text = host_.directory;
    } else {
      // Without a primary there is nothing to parse.
      if (row.kind == ConfigKind::kReplicaOf) continue;
      auto value = ParseConfigValue(row, WordsOf(row, row.default_text), {});
      CHECK(value.has_value());
      defaults_[i] = *std::move(value);
    }
  }
  defaults_[ConfigId("io-threads").position()].number = std::clamp(host_.cores, 1, 128);
  for (std::size_t i = 0; i < kConfigRowCount; ++i) Store(i, defaults_[i]);
}

std::string Config::Text(TextConfigId id) const { return ValueAt(id.position()).text; }

OutputLimit Config::OutputLimitOf(OutputClass output_class) const {
  const std::size_t first = static_cast<std::size_t>(output_class) * 3;
  return {output_limits_[first].load(std::memory_order_relaxed),
          output_limits_[first + 1].load(std::memory_order_relaxed),
          output_limits_[first + 2].load(std::memory_order_relaxed)};
}

OutputLimits Config::DefaultOutputLimits() const {
  return ReadOutputLimits(defaults_[kOutputLimitsPosition].text);
}

std::int64_t Config::ClientsMemoryMax() const {
  const std::int64_t limit = Int("maxmemory-clients");
  // Divided first: the product may not fit.
  return limit >= 0 ? limit : Int("maxmemory") / 100 * -limit;
}

std::vector<std::string> Config::BindAddresses() const {
  const std::string text = Text("bind");
  return text.empty() ? std::vector<std::string>() : SplitAtSpaces(text);
}

std::vector<SavePoint> Config::SavePoints() const { return ReadSavePoints(Text("save")); }

std::vector<double> Config::LatencyPercentiles() const {
  return ReadPercentiles(Text("latency-tracking-info-percentiles"));
}

ConfigValue Config::ValueAt(std::size_t position) const {
  MutexLock hold(values_mu_);
  return {Number(position), texts_[position]};
}

void Config::Store(std::size_t position, const ConfigValue& value) {
  {
    MutexLock hold(values_mu_);
    numbers_[position].store(value.number, std::memory_order_relaxed);
    texts_[position] = value.text;
  }
  if (position != kOutputLimitsPosition) return;
  const OutputLimits limits = ReadOutputLimits(value.text);
  for (std::size_t i = 0; i < kOutputClassCount; ++i) {
    output_limits_[i * 3].store(limits[i].hard_bytes, std::memory_order_relaxed);
    output_limits_[i * 3 + 1].store(limits[i].soft_bytes, std::memory_order_relaxed);
    output_limits_[i * 3 + 2].store(limits[i].soft_seconds, std::memory_order_relaxed);
  }
}

// --- CONFIG GET ---

std::vector<ConfigEntry> Config::Get(std::span<const std::string_view> patterns) const {
  std::vector<ConfigEntry> entries;
  std::array<bool, kConfigRowCount * 2> is_taken{};
  const auto take = [&](NamedRow named, std::string_view spelling) {
    bool& taken = is_taken[named.position * 2 + (named.is_alias ? 1 : 0)];
    if (std::exchange(taken, true)) return;
    entries.push_back({std::string(spelling),
                       FormatConfigValue(kConfigRows[named.position], ValueAt(named.position))});
  };
  const auto take_if = [&](std::string_view pattern, NamedRow named) {
    if (named.name().empty()) return;
    if (GlobMatch(pattern, named.name(), GlobCase::kIgnore)) take(named, named.name());
  };
  for (const std::string_view pattern : patterns) {
    if (!IsPattern(pattern)) {
      if (const auto named = FindNamedRow(pattern)) take(*named, pattern);
      continue;
    }
    for (std::size_t i = 0; i < kConfigRowCount; ++i) {
      if (kConfigRows[i].hidden) continue;
      take_if(pattern, {i, false});
      take_if(pattern, {i, true});
    }
  }
  return entries;
}

// --- CONFIG SET ---

Status Config::Set(std::span<const ConfigAssignment> assignments, ConfigCaller caller) {
  MutexLock hold(set_mu_);
  std::vector<Change> changes;
  if (Status status = CheckAllowed(assignments, caller, changes); !status.ok()) return status;
  if (Status status = ParseAll(assignments, changes); !status.ok()) return status;
  for (const Change& change : changes) NoteIgnored(change.position);
  return Apply(changes);
}

Status Config::CheckAllowed(std::span<const ConfigAssignment> assignments, ConfigCaller caller,
                            std::vector<Change>& changes) const {
  const auto permission = Choice<ProtectedAction>("enable-protected-configs");
  const bool is_guard_open =
      permission == ProtectedAction::kYes ||
      (permission == ProtectedAction::kLocal && caller == ConfigCaller::kLocal);
  std::vector<NamedRow> seen;
  for (const ConfigAssignment& assignment : assignments) {
    const auto named = FindNamedRow(assignment.name);
    if (!named) return RefuseUnknown(assignment.name);
    const ConfigRow& row = kConfigRows[named->position];
    const std::string_view name = assignment.name;
    if (row.immutable) return Refuse(name, "can't set immutable config");
    if (row.guarded && !is_guard_open) return Refuse(name, "can't set protected config");
    if (std::ranges::find(seen, *named) != seen.end()) return Refuse(name, "duplicate parameter");
    seen.push_back(*named);
    changes.push_back({named->position, named->name(), {}, {}});
  }
  return {};
}

Status Config::ParseAll(std::span<const ConfigAssignment> assignments,
                        std::vector<Change>& changes) const {
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Change& change = changes[i];
    const ConfigRow& row = kConfigRows[change.position];
    change.old = ValueAt(change.position);
    auto value = ParseFor(row, WordsOf(row, assignments[i].value));
    if (!value) return Refuse(change.name, value.error().message());
    change.value = *std::move(value);
  }
  return {};
}

Result<ConfigValue> Config::ParseFor(const ConfigRow& row,
                                     std::span<const std::string> words) const {
  const std::string directory = Text("dir");
  const std::string limits = Text("client-output-buffer-limit");
  return ParseConfigValue(
      row, words,
      {.host_memory_bytes = host_.memory_bytes, .directory = directory, .old_limits = limits});
}

Status Config::Apply(std::span<const Change> changes) {
  for (const Change& change : changes) Store(change.position, change.value);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].value == changes[i].old) continue;
    Status status = RunHooks(changes[i].position);
    if (status.ok()) continue;
    for (const Change& change : changes) Store(change.position, change.old);
    // What these hooks did is undone by the same hooks. If one refuses now too there is nothing
    // better to do; the client learns why the first one did.
    for (std::size_t done = 0; done <= i; ++done) {
      if (changes[done].value == changes[done].old) continue;
      if (Status undone = RunHooks(changes[done].position); !undone.ok()) continue;
    }
    return Refuse(changes[i].name, status.message());
  }
  return {};
}

Status Config::RunHooks(std::size_t position) {
  for (const auto& [id, hook] : hooks_) {
    if (id.position() != position) continue;
    if (Status status = hook(*this); !status.ok()) return status;
  }
  return {};
}

// --- start-up ---

Status Config::Assign(std::size_t position, std::span<const std::string> words) {
  CHECK(position < kConfigRowCount);
  MutexLock hold(set_mu_);
  auto value = ParseFor(kConfigRows[position], words);
  if (!value) return std::move(value).error();
  Store(position, *value);
  NoteIgnored(position);
  return {};
}

void Config::ReportIgnored(IgnoredSink sink) {
  MutexLock hold(set_mu_);
  ignored_sink_ = std::move(sink);
  for (std::size_t i = 0; i < kConfigRowCount; ++i) {
    if (ignored_seen_[i]) TellIgnored(i);
  }
}

void Config::NoteIgnored(std::size_t position) {
  if (kConfigRows[position].effect != ConfigEffect::kIgnored) return;
  ignored_seen_[position] = true;
  TellIgnored(position);
}

void Config::TellIgnored(std::size_t position) {
  if (!ignored_sink_) return;
  if (std::exchange(ignored_told_[position], true)) return;
  ignored_sink_(kConfigRows[position].name, kConfigRows[position].summary);
}

const ConfigRow* FindConfigRow(std::string_view name) {
  const auto named = FindNamedRow(name);
  return named ? &kConfigRows[named->position] : nullptr;
}

}  // namespace cairn::server
