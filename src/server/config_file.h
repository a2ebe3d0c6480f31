// SPDX-License-Identifier: BSD-3-Clause
// The configuration from outside: the command line, files, standard input.
//
//   cairn-server [FILE] [--directive value ...] [-]
//
//     arguments --ParseLaunchArguments--> file name, options as lines
//     file, then standard input, then options --LoadConfig--> Config
//
// Later lines win. All three are read as one text, so line numbers run on from the file into the
// options, as they do in Redis's messages. A line is words; quotes as in base/text.h; # begins a
// comment line. `include` reads other files in place and may hold wildcards.
//
// What is not a value but an order to other parts (rename-command, user) is handed back. What Cairn
// refuses (loadmodule, sentinel) is an error with its line.
#ifndef CAIRN_SERVER_CONFIG_FILE_H_
#define CAIRN_SERVER_CONFIG_FILE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "server/config.h"

namespace cairn::server {

inline constexpr int kIncludeDepthMax = 16;
inline constexpr int kIncludedFilesMax = 1024;

struct LaunchArguments {
  enum class Action : std::uint8_t { kServe, kVersion, kHelp, kTestMemory, kCheckSystem };
  Action action = Action::kServe;
  std::string file;          // as given; empty for none
  bool reads_input = false;  // "-"
  std::string options;       // the lines that the other arguments stand for
};

// `arguments` without the program's name. Never fails: what is wrong with an option is found, with
// Redis's message, when its line is read.
LaunchArguments ParseLaunchArguments(std::span<const std::string> arguments);

// A line that concerns somebody else, with its place for their error messages.
struct ConfigLine {
  std::string place;  // "Reading the configuration file, at line 7"
  std::string text;   // the line itself
  std::vector<std::string> words;
};

struct LoadedConfig {
  std::vector<ConfigLine> renames;  // rename-command OLD NEW
  std::vector<ConfigLine> users;    // user NAME RULE...
};

// Reads texts into a Config.
class ConfigReader {
 public:
  struct File {
    std::string path;
    std::string text;
  };
  // Finds the files of an include. Fails if one cannot be read.
  using FileSource = std::function<Result<std::vector<File>>(const std::string& pattern)>;

  // REQUIRES: `config` outlives the reader.
  ConfigReader(Config& config, FileSource files) : config_(config), files_(std::move(files)) {}

  // The error names the line and says why (FatalConfigError prints it).
  Status Read(std::string_view text);
  // Checks what concerns several directives; after the last Read.
  Status Finish() const;
  LoadedConfig&& TakeLoaded() { return std::move(loaded_); }

 private:
  Status ReadFrom(std::string_view text, std::string_view path);
  Status ReadLine(ConfigLine line);
  Status Include(const ConfigLine& line);
  Status AssignLine(const ConfigRow& row, const ConfigLine& line);
  std::vector<std::string> ValueWords(const ConfigRow& row, const ConfigLine& line);

  Config& config_;
  FileSource files_;
  LoadedConfig loaded_;
  bool has_save_lines_ = false;  // the first one replaces the default, the next ones add to it
  int depth_ = 0;
  int files_read_ = 0;
};

// Reads file, standard input (`input_descriptor`) and options into `config`, which learns the
// file's absolute path for REWRITE. The error is all that should be printed before exit status 1;
// `product` ("Cairn 0.1.0") stands in its title.
Result<LoadedConfig> LoadConfig(const LaunchArguments& arguments, int input_descriptor,
                                std::string_view product, Config& config);

// What an error says before its reason: the place, and the line itself.
std::string QuoteLine(const ConfigLine& line);
// The block that Redis prints on standard error for a wrong configuration. `detail` is the error of
// a ConfigReader or the words of a later check ("Can't open the log file: ...").
std::string FatalConfigError(std::string_view product, std::string_view detail);

// Whether a line of these words may stand in a file though its directive has no row and no value:
// include, rename-command, user.
bool IsOrderLine(std::span<const std::string> words);
// Spaces, tabs and line ends taken off both ends.
std::string_view TrimConfigLine(std::string_view line);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CONFIG_FILE_H_
