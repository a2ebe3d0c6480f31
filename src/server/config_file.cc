// SPDX-License-Identifier: BSD-3-Clause
// The options of the command line are turned into lines first and read like a file. The rules of
// that step are Redis 7's, learnt from its behaviour:
//
//   --name a b     name "a" "b"      values are quoted, so they may hold spaces
//   "--name a"     name a            name and value in one argument end the option
//   --name --x     name "--x"        the argument after a bare name is a value, whatever it is...
//   --save --x     save "", then x   ...except for save, whose missing value is the empty one
//   --save         save ""           also at the end
//   -              standard input, as the first argument, right after the file, or the last
#include "server/config_file.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "server/config_disk.h"

namespace cairn::server {
namespace {

constexpr std::string_view kBadDirective = "Bad directive or wrong number of arguments";

Status Refuse(std::string_view why) { return {StatusCode::kInvalid, std::string(why)}; }

// Directives of old versions that Redis still takes, with one value, and forgets.
bool IsForgottenDirective(std::string_view name) {
  return name == "list-max-ziplist-entries" || name == "list-max-ziplist-value" ||
         name == "lua-replicate-commands";
}

LaunchArguments::Action ActionOf(std::string_view argument) {
  using enum LaunchArguments::Action;
  if (argument == "-v" || argument == "--version") return kVersion;
  if (argument == "-h" || argument == "--help") return kHelp;
  if (argument == "--test-memory") return kTestMemory;
  if (argument == "--check-system") return kCheckSystem;
  return kServe;
}

bool IsOption(std::string_view argument) { return argument.starts_with("--"); }

// Builds the lines, argument by argument.
class OptionLines {
 public:
  void Add(std::string_view argument, bool is_last, std::string_view next) {
    if (IsOption(argument) && !wants_value_) {
      AddName(argument.substr(2), is_last, next);
    } else {
      lines_ += QuoteString(argument) + " ";
      wants_value_ = false;
    }
  }
  std::string Take() { return std::move(lines_); }

 private:
  void AddName(std::string_view name, bool is_last, std::string_view next) {
    if (!lines_.empty()) lines_ += '\n';
    lines_.append(name) += ' ';
    const auto words = SplitWords(name);
    const bool is_bare = words && words->size() <= 1;
    if (!is_bare) return;
    const bool is_empty_save = EqualsIgnoreCase(name, "save") && (is_last || IsOption(next));
    if (is_empty_save) lines_ += "\"\"";
    wants_value_ = !is_empty_save;
  }

  std::string lines_;
  bool wants_value_ = false;
};

Result<std::vector<ConfigReader::File>> ReadMatchingFiles(const Config& config,
                                                          const std::string& pattern) {
  std::vector<ConfigReader::File> files;
  for (const std::string& path : ExpandPathPattern(AbsolutePath(config.Text("dir"), pattern))) {
    if (files.size() >= kIncludedFilesMax) break;  // the reader refuses so many
    auto text = ReadConfigFile(path);
    if (!text) {
      return Fail(text.error().code(), "Fatal error, can't open config file '" + path +
                                           "': " + std::string(text.error().message()));
    }
    files.push_back({path, *std::move(text)});
  }
  return files;
}

// All texts in the order in which they are read, as one.
Result<std::string> GatherText(const LaunchArguments& arguments, int input_descriptor,
                               Config& config) {
  std::string text;
  if (!arguments.file.empty()) {
    const std::string path = AbsolutePath(config.Text("dir"), arguments.file);
    auto content = ReadConfigFile(path);
    if (!content) {
      return Fail(content.error().code(), "Fatal error, can't open config file '" + path +
                                              "': " + std::string(content.error().message()));
    }
    text = *std::move(content);
    config.set_file(path);
  }
  if (arguments.reads_input) {
    auto content = ReadDescriptor(input_descriptor);
    if (!content) return std::unexpected(content.error().Annotate("reading standard input"));
    // A file without a line end shall not run into the next text.
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    text += *content;
  }
  if (!arguments.options.empty()) text += "\n" + arguments.options;
  return text;
}

}  // namespace

LaunchArguments ParseLaunchArguments(std::span<const std::string> arguments) {
  LaunchArguments launch;
  if (arguments.empty()) return launch;
  launch.action = ActionOf(arguments[0]);
  if (launch.action != LaunchArguments::Action::kServe) return launch;
  std::size_t next = 0;
  if (!arguments[0].starts_with('-')) launch.file = arguments[next++];
  if (next < arguments.size() && arguments[next] == "-") {
    launch.reads_input = true;
    ++next;
  }
  OptionLines lines;
  for (; next < arguments.size(); ++next) {
    const bool is_last = next + 1 == arguments.size();
    if (is_last && arguments[next] == "-") {
      launch.reads_input = true;
    } else {
      lines.Add(arguments[next], is_last, is_last ? std::string_view() : arguments[next + 1]);
    }
  }
  launch.options = lines.Take();
  return launch;
}

std::string_view TrimConfigLine(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
}

bool IsOrderLine(std::span<const std::string> words) {
  if (words.empty()) return false;
  if (EqualsIgnoreCase(words[0], "include")) return words.size() == 2;
  if (EqualsIgnoreCase(words[0], "rename-command")) return words.size() == 3;
  if (EqualsIgnoreCase(words[0], "user")) return words.size() >= 2;
  return false;
}

Status ConfigReader::Read(std::string_view text) { return ReadFrom(text, {}); }

Status ConfigReader::ReadFrom(std::string_view text, std::string_view path) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    ConfigLine line;
    line.text = TrimConfigLine(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.text.empty() || line.text.starts_with('#')) continue;
    line.place = "Reading the configuration file, at line " +
                 Int64ToString(static_cast<std::int64_t>(number));
    if (!path.empty()) line.place.append(" of ").append(path);
    const std::string at = QuoteLine(line);
    Status status = ReadLine(std::move(line));
    if (status.ok()) continue;
    // Only what ReadLine itself refuses still lacks its place.
    if (status.code() != StatusCode::kInvalid) return status;
    return {StatusCode::kCorrupt, at + std::string(status.message())};
  }
  return {};
}

// Its own errors are kInvalid; those of an included file come through as they are.
Status ConfigReader::ReadLine(ConfigLine line) {
  auto words = SplitWords(line.text);
  if (!words) return Refuse("Unbalanced quotes in configuration line");
  if (words->empty()) return {};
  line.words = *std::move(words);
  std::string& name = line.words[0];
  name = ToLower(name);
  if (const ConfigRow* row = FindConfigRow(name)) return AssignLine(*row, line);
  const std::size_t count = line.words.size();
  if (IsOrderLine(line.words)) {
    if (name == "include") return Include(line);
    std::vector<ConfigLine>& orders = name == "user" ? loaded_.users : loaded_.renames;
    orders.push_back(std::move(line));
    return {};
  }
  if (name == "loadmodule" && count >= 2) return Refuse("Cairn does not load modules");
  if (name == "sentinel") return Refuse("sentinel directive while not in sentinel mode");
  if (IsForgottenDirective(name) && count == 2) return {};
  return Refuse(kBadDirective);
}

Status ConfigReader::Include(const ConfigLine& line) {
  if (depth_ >= kIncludeDepthMax) return Refuse("include files are nested too deeply");
  const auto files = files_(line.words[1]);
  if (!files) return files.error();
  ++depth_;
  Status status;
  for (const File& file : *files) {
    if (++files_read_ > kIncludedFilesMax) status = Refuse("too many include files");
    if (status.ok()) status = ReadFrom(file.text, file.path);
    if (!status.ok()) break;
  }
  --depth_;
  return status;
}

Status ConfigReader::AssignLine(const ConfigRow& row, const ConfigLine& line) {
  const auto position = static_cast<std::size_t>(&row - kConfigRows.data());
  const Status status = config_.Assign(position, ValueWords(row, line));
  // Whatever kind of error it was for a folder or a number, here it is a wrong line.
  return status.ok() ? status : Refuse(status.message());
}

// A list may be given as words or as one word that holds them all; save lines add up.
std::vector<std::string> ConfigReader::ValueWords(const ConfigRow& row, const ConfigLine& line) {
  std::vector<std::string> words(line.words.begin() + 1, line.words.end());
  if (row.TakesManyWords() && words.size() == 1) {
    if (auto inner = SplitWords(words[0])) words = *std::move(inner);
  }
  if (row.kind != ConfigKind::kSavePoints) return words;
  const std::string before = config_.Text("save");
  const bool adds = std::exchange(has_save_lines_, true) && !before.empty() && !words.empty();
  if (!adds) return words;
  std::vector<std::string> all = SplitAtSpaces(before);
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

Status ConfigReader::Finish() const {
  if (config_.Bool("cluster-enabled") && !config_.Text("replicaof").empty()) {
    return Refuse("replicaof directive not allowed in cluster mode");
  }
  return {};
}

Result<LoadedConfig> LoadConfig(const LaunchArguments& arguments, int input_descriptor,
                                std::string_view product, Config& config) {
  const auto line_of = [](const Status& trouble) {
    return Fail(trouble.code(), std::string(trouble.message()) + "\n");
  };
  const auto text = GatherText(arguments, input_descriptor, config);
  if (!text) return line_of(text.error());
  ConfigReader reader(
      config, [&config](const std::string& pattern) { return ReadMatchingFiles(config, pattern); });
  Status status = reader.Read(*text);
  if (status.ok()) status = reader.Finish();
  if (status.ok()) return reader.TakeLoaded();
  const bool is_wrong_text =
      status.code() == StatusCode::kCorrupt || status.code() == StatusCode::kInvalid;
  if (!is_wrong_text) return line_of(status);
  return Fail(status.code(), FatalConfigError(product, status.message()));
}

std::string QuoteLine(const ConfigLine& line) { return line.place + "\n>>> '" + line.text + "'\n"; }

std::string FatalConfigError(std::string_view product, std::string_view detail) {
  return "\n*** FATAL CONFIG FILE ERROR (" + std::string(product) + ") ***\n" +
         std::string(detail) + "\n";
}

}  // namespace cairn::server
