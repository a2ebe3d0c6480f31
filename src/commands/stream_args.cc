// SPDX-License-Identifier: BSD-3-Clause
// One reader for the options that XADD and XTRIM share.
#include "commands/stream_args.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "command/errors.h"

namespace cairn::commands {
namespace {

namespace errors = stream_errors;
using value::StreamIdForm;
using value::StreamLimits;
using value::StreamReferences;
using value::StreamTrim;

std::optional<StreamReferences> ParseReferences(std::string_view token) {
  struct Row {
    std::string_view token;
    StreamReferences references;
  };
  constexpr std::array<Row, 3> kRows = {{{"KEEPREF", StreamReferences::kKeep},
                                         {"DELREF", StreamReferences::kDrop},
                                         {"ACKED", StreamReferences::kAcknowledged}}};
  for (const Row& row : kRows) {
    if (EqualsIgnoreCase(token, row.token)) return row.references;
  }
  return std::nullopt;
}

// Reads options one by one; `at` is the next argument.
class OptionReader {
 public:
  enum class Step : std::uint8_t { kTaken, kNotAnOption, kFailed };

  OptionReader(Args args, std::size_t first) : args_(args), at_(first) {}

  std::size_t at() const { return at_; }
  bool at_end() const { return at_ >= args_.size(); }
  std::string_view current() const { return args_[at_]; }
  std::string_view error() const { return error_; }
  void Skip() { ++at_; }

  Step Next() {
    const std::string_view token = current();
    const bool more = at_ + 1 < args_.size();
    if (more && EqualsIgnoreCase(token, "MAXLEN")) return Strategy(StreamTrim::Kind::kMaxLength);
    if (more && EqualsIgnoreCase(token, "MINID")) return Strategy(StreamTrim::Kind::kMinId);
    if (more && EqualsIgnoreCase(token, "LIMIT")) return Limit();
    if (const auto references = ParseReferences(token)) {
      if (references_) return Fail(command::errors::kSyntax);
      references_ = references;
      ++at_;
      return Step::kTaken;
    }
    return Step::kNotAnOption;
  }

  enum class Need : std::uint8_t { kMay, kMust };
  // The trim that was asked for, if one was; its limit set as Redis sets it.
  std::expected<std::optional<StreamTrim>, std::string_view> Trim(Need need,
                                                                  const StreamLimits& limits) {
    if (!trim_) {
      // LIMIT 0 passes here, as it does in Redis, to be refused for another reason.
      if (limit_ != 0) return std::unexpected(errors::kLimitWithoutStrategy);
      if (need == Need::kMust) return std::unexpected(errors::kNoStrategy);
      if (limit_given_) return std::unexpected(errors::kLimitWithoutTilde);
      return std::nullopt;
    }
    const bool exact = trim_->precision == StreamTrim::Precision::kExact;
    if (limit_given_ && exact) return std::unexpected(errors::kLimitWithoutTilde);
    trim_->references = references_.value_or(StreamReferences::kKeep);
    if (limit_given_) {
      trim_->limit = limit_;
    } else if (!exact) {
      trim_->limit = limits.node_entries == 0
                         ? kTrimLimitDefault
                         : std::min(limits.node_entries, kTrimLimitMax) * kTrimLimitNodes;
      trim_->limit = std::min(trim_->limit, kTrimLimitMax);
    }
    return trim_;
  }

 private:
  Step Fail(std::string_view error) {
    error_ = error;
    return Step::kFailed;
  }

  Step Strategy(StreamTrim::Kind kind) {
    if (trim_) return Fail(errors::kTwoStrategies);
    StreamTrim trim{.kind = kind};
    ++at_;
    // A lone "~" or "=" at the end is the threshold itself, and wrong as such.
    if (at_ + 1 < args_.size() && (current() == "~" || current() == "=")) {
      if (current() == "~") trim.precision = StreamTrim::Precision::kWholeNodes;
      ++at_;
    }
    if (kind == StreamTrim::Kind::kMinId) {
      const auto id = value::ParseStreamId(current(), 0, StreamIdForm::kStrict);
      if (!id) return Fail(errors::kInvalidId);
      trim.min_id = *id;
    } else {
      const auto length = ParseInt64(current());
      if (!length) return Fail(command::errors::kNotAnInteger);
      if (*length < 0) return Fail(errors::kMaxLenNegative);
      trim.max_length = static_cast<std::uint64_t>(*length);
    }
    ++at_;
    trim_ = trim;
    return Step::kTaken;
  }

  Step Limit() {
    const auto limit = ParseInt64(args_[at_ + 1]);
    if (!limit) return Fail(command::errors::kNotAnInteger);
    if (*limit < 0) return Fail(errors::kLimitNegative);
    limit_ = static_cast<std::uint64_t>(*limit);
    limit_given_ = true;
    at_ += 2;
    return Step::kTaken;
  }

  const Args args_;
  std::size_t at_;
  std::optional<StreamTrim> trim_;
  std::uint64_t limit_ = 0;
  bool limit_given_ = false;
  std::optional<StreamReferences> references_;
  std::string_view error_;
};

// Everything before the fields.
std::expected<void, std::string_view> ReadXaddHead(OptionReader& reader, XaddArgs* parsed) {
  using Step = OptionReader::Step;
  while (!reader.at_end()) {
    // The common id first: "*" is no option.
    const Step step = reader.current() == "*" ? Step::kNotAnOption : reader.Next();
    if (step == Step::kFailed) return std::unexpected(reader.error());
    if (step == Step::kTaken) continue;
    if (EqualsIgnoreCase(reader.current(), "NOMKSTREAM")) {
      parsed->make_stream = false;
      reader.Skip();
      continue;
    }
    const auto id = value::ParseNewStreamId(reader.current());
    if (!id) return std::unexpected(errors::kInvalidId);
    parsed->id = *id;
    break;
  }
  parsed->fields_at = reader.at() + 1;
  return {};
}

}  // namespace

std::expected<XaddArgs, std::string_view> ParseXadd(Args args, const StreamLimits& limits) {
  XaddArgs parsed;
  OptionReader reader(args, 2);
  if (const auto head = ReadXaddHead(reader, &parsed); !head) {
    return std::unexpected(head.error());
  }
  const auto trim = reader.Trim(OptionReader::Need::kMay, limits);
  if (!trim) return std::unexpected(trim.error());
  parsed.trim = *trim;
  const std::size_t fields = args.size() > parsed.fields_at ? args.size() - parsed.fields_at : 0;
  if (fields < 2 || fields % 2 != 0) return std::unexpected(errors::kXaddArity);
  if (parsed.id.kind == value::NewStreamId::Kind::kGiven && parsed.id.id.is_zero()) {
    return std::unexpected(errors::kIdZero);
  }
  return parsed;
}

std::expected<StreamTrim, std::string_view> ParseXtrim(Args args, const StreamLimits& limits) {
  OptionReader reader(args, 2);
  while (!reader.at_end()) {
    const OptionReader::Step step = reader.Next();
    if (step == OptionReader::Step::kFailed) return std::unexpected(reader.error());
    if (step == OptionReader::Step::kNotAnOption) return std::unexpected(command::errors::kSyntax);
  }
  const auto trim = reader.Trim(OptionReader::Need::kMust, limits);
  if (!trim) return std::unexpected(trim.error());
  return **trim;
}

std::expected<StreamIdsArgs, std::string_view> ParseStreamIds(Args args, std::size_t first) {
  StreamIdsArgs parsed;
  bool references_given = false;
  for (std::size_t at = first; at < args.size(); ++at) {
    if (const auto references = ParseReferences(args[at])) {
      if (references_given) return std::unexpected(command::errors::kSyntax);
      references_given = true;
      parsed.references = *references;
      continue;
    }
    const bool ids = EqualsIgnoreCase(args[at], "IDS") && at + 1 < args.size();
    if (!ids || parsed.ids != 0) return std::unexpected(command::errors::kSyntax);
    const auto count = ParseInt64(args[at + 1]);
    if (!count || *count <= 0) return std::unexpected(errors::kNumIdsNotPositive);
    parsed.ids_at = at + 2;
    parsed.ids = static_cast<std::size_t>(*count);
    if (parsed.ids > args.size() - parsed.ids_at) {
      return std::unexpected(errors::kNumIdsMismatch);
    }
    at = parsed.ids_at + parsed.ids - 1;
  }
  if (parsed.ids == 0) return std::unexpected(command::errors::kSyntax);
  return parsed;
}

}  // namespace cairn::commands
