// SPDX-License-Identifier: BSD-3-Clause
// The errors that hold a name. They are put together here, at the moment of failure; those without
// one are constants.
#include "command/errors.h"

#include "base/check.h"
#include "base/text.h"

namespace cairn::command::errors {
namespace {

// What Redis echoes of a client's word: up to `limit` bytes and no further than a NUL, since there
// it passes through a C string.
std::string_view Echo(std::string_view word, std::size_t limit) {
  word = word.substr(0, limit);
  return word.substr(0, word.find('\0'));
}

std::string Quoted(std::string_view before, std::string_view word, std::string_view after) {
  std::string text;
  text.reserve(before.size() + word.size() + after.size());
  return text.append(before).append(word).append(after);
}

}  // namespace

std::string WrongArity(std::string_view full_name) {
  return Quoted("ERR wrong number of arguments for '", full_name, "' command");
}

std::string UnknownArgument(std::string_view argument) {
  return "ERR unknown argument: " + std::string(argument.substr(0, argument.find('\0')));
}

std::string UnsupportedOption(std::string_view option) {
  // Redis prints it as a C string, so a zero byte ends it.
  return "ERR Unsupported option " + std::string(option.substr(0, option.find('\0')));
}

std::string BitopNeedsTwo(std::string_view operation) {
  return "ERR BITOP " + std::string(operation) + " must be called with at least two source keys.";
}

std::string UnknownPfDebug(std::string_view subcommand) {
  return "ERR Unknown PFDEBUG subcommand '" + std::string(subcommand) + "'";
}

std::string NotAnInteger(std::string_view what) {
  return Quoted("ERR ", what, " is not an integer or out of range");
}

std::string NotAFloat(std::string_view what) {
  return Quoted("ERR ", what, " is not a valid float");
}

std::string InvalidExpireTime(std::string_view full_name) {
  return Quoted("ERR invalid expire time in '", full_name, "' command");
}

// The limit holds for the arguments' text as a whole; the word that crosses it is cut so that its
// own bytes, not the quotes around it, end there.
std::string UnknownCommand(std::span<const std::string_view> args) {
  CHECK(!args.empty());
  std::string words;
  for (const std::string_view arg : args.subspan(1)) {
    if (words.size() >= kEchoLimit) break;
    words += Quoted("'", Echo(arg, kEchoLimit - words.size()), "' ");
  }
  return Quoted("ERR unknown command '", Echo(args[0], kEchoLimit),
                "', with args beginning with: ") +
         words;
}

std::string UnknownSubcommand(std::string_view word, std::string_view container) {
  return Quoted("ERR unknown subcommand '", Echo(word, kEchoLimit), "'. Try ") +
         ToUpper(container) + " HELP.";
}

std::string SubcommandSyntax(std::string_view word, std::string_view container) {
  return Quoted("ERR unknown subcommand or wrong number of arguments for '", Echo(word, kEchoLimit),
                "'. Try ") +
         ToUpper(container) + " HELP.";
}

}  // namespace cairn::command::errors
