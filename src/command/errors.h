// SPDX-License-Identifier: BSD-3-Clause
// Client errors: every error text that a client can see, in one table.
//
// Clients compare these texts, so they are Redis's to the letter, odd spaces included. Each begins
// with its code ("ERR", "WRONGTYPE") and is passed to resp::Writer::Error, which adds the '-' and
// turns line breaks into spaces. A text that is used by one command only and holds nothing of
// interest to others may stand beside that command.
#ifndef CAIRN_COMMAND_ERRORS_H_
#define CAIRN_COMMAND_ERRORS_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace cairn::command::errors {

// Arguments.
inline constexpr std::string_view kSyntax = "ERR syntax error";
inline constexpr std::string_view kNotAnInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kNotAFloat = "ERR value is not a valid float";
inline constexpr std::string_view kOutOfRange = "ERR value is out of range";
inline constexpr std::string_view kNotAnInt32 =
    "ERR value is out of range, value must between -2147483648 and 2147483647";
inline constexpr std::string_view kMustBePositive = "ERR value is out of range, must be positive";
inline constexpr std::string_view kIndexOutOfRange = "ERR index out of range";
inline constexpr std::string_view kOffsetOutOfRange = "ERR offset is out of range";
inline constexpr std::string_view kMinOrMaxNotAFloat = "ERR min or max is not a float";
inline constexpr std::string_view kMinOrMaxNotAMember =
    "ERR min or max not valid string range item";
inline constexpr std::string_view kTimeoutNotAFloat = "ERR timeout is not a float or out of range";
inline constexpr std::string_view kTimeoutNotAnInteger =
    "ERR timeout is not an integer or out of range";
inline constexpr std::string_view kTimeoutNegative = "ERR timeout is negative";
inline constexpr std::string_view kTimeoutOutOfRange = "ERR timeout is out of range";
inline constexpr std::string_view kCountNotPositive = "ERR count should be greater than 0";
inline constexpr std::string_view kInvalidCursor = "ERR invalid cursor";
inline constexpr std::string_view kNotAMagnitude =
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
inline constexpr std::string_view kLimitNegative = "ERR LIMIT can't be negative";
inline constexpr std::string_view kNoValuesNotHash =
    "ERR NOVALUES option can only be used in HSCAN";
inline constexpr std::string_view kInvalidNumkeys =
    "ERR Number of keys can't be greater than number of args";
inline constexpr std::string_view kInvalidNumkeysValue = "ERR invalid numkeys value";
inline constexpr std::string_view kNumkeysNotPositive = "ERR numkeys should be greater than 0";
inline constexpr std::string_view kWrongNumberOfKeyValuePairs =
    "ERR wrong number of key-value pairs";

// Keys and values.
inline constexpr std::string_view kWrongType =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr std::string_view kNoSuchKey = "ERR no such key";
inline constexpr std::string_view kSameObject = "ERR source and destination objects are the same";
inline constexpr std::string_view kBusyKey = "BUSYKEY Target key name already exists.";
inline constexpr std::string_view kElementTooLarge = "ERR Element too large";
inline constexpr std::string_view kStringTooLong =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
inline constexpr std::string_view kDumpNotIntact = "ERR DUMP payload version or checksum are wrong";
inline constexpr std::string_view kBadDump = "ERR Bad data format";
inline constexpr std::string_view kInvalidTtl = "ERR Invalid TTL value, must be >= 0";
inline constexpr std::string_view kInvalidIdleTime = "ERR Invalid IDLETIME value, must be >= 0";
inline constexpr std::string_view kInvalidFrequency =
    "ERR Invalid FREQ value, must be >= 0 and <= 255";
inline constexpr std::string_view kIncrementOverflows = "ERR increment or decrement would overflow";
inline constexpr std::string_view kDecrementOverflows = "ERR decrement would overflow";
inline constexpr std::string_view kIncrementIsNan = "ERR increment would produce NaN or Infinity";
inline constexpr std::string_view kAppliedOverflows = "ERR applied increment would overflow";
inline constexpr std::string_view kEnxNeedsExpiry = "ERR ENX flag requires an expiration";
inline constexpr std::string_view kDigestLength =
    "ERR digest must be exactly 16 hexadecimal characters";
inline constexpr std::string_view kInvalidCondition =
    "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE";
inline constexpr std::string_view kBoundsReversed = "ERR LBOUND can't be greater than UBOUND";
inline constexpr std::string_view kLcsLenAndIdx =
    "ERR If you want both the length and indexes, please just use IDX.";
inline constexpr std::string_view kLcsNotStrings =
    "ERR The specified keys must contain string values";
inline constexpr std::string_view kLcsTooLarge =
    "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
inline constexpr std::string_view kLcsOutOfMemory =
    "ERR Insufficient memory, failed allocating transient memory for LCS";
inline constexpr std::string_view kExpireNxConflict =
    "ERR NX and XX, GT or LT options at the same time are not compatible";
inline constexpr std::string_view kExpireGtLtConflict =
    "ERR GT and LT options at the same time are not compatible";
inline constexpr std::string_view kLfuPolicySelected =
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
    "switching between policies at runtime LRU and LFU data will take some time to adjust.";
inline constexpr std::string_view kS3FifoPolicySelected =
    "ERR An S3-FIFO maxmemory policy is selected, idle time not tracked.";
inline constexpr std::string_view kLfuPolicyNotSelected =
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
    "when switching between policies at runtime LRU and LFU data will take some time to adjust.";
inline constexpr std::string_view kDbIndexOutOfRange = "ERR DB index is out of range";
inline constexpr std::string_view kInvalidFirstDbIndex = "ERR invalid first DB index";
inline constexpr std::string_view kInvalidSecondDbIndex = "ERR invalid second DB index";

// Bits and sketches.
inline constexpr std::string_view kBitOffset = "ERR bit offset is not an integer or out of range";
inline constexpr std::string_view kBitValue = "ERR bit is not an integer or out of range";
inline constexpr std::string_view kBitArgument = "ERR The bit argument must be 1 or 0.";
inline constexpr std::string_view kBitfieldType =
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 "
    "is.";
inline constexpr std::string_view kBitfieldOverflow = "ERR Invalid OVERFLOW type specified";
inline constexpr std::string_view kBitfieldReadOnly =
    "ERR BITFIELD_RO only supports the GET subcommand";
inline constexpr std::string_view kBitopNotTakesOne =
    "ERR BITOP NOT must be called with a single source key.";
inline constexpr std::string_view kNotHyperLogLog =
    "WRONGTYPE Key is not a valid HyperLogLog string value.";
inline constexpr std::string_view kCorruptHyperLogLog = "INVALIDOBJ Corrupted HLL object detected";

// Hashes and the times of their fields.
inline constexpr std::string_view kFieldNotAnInteger = "ERR hash value is not an integer";
inline constexpr std::string_view kFieldNotAFloat = "ERR hash value is not a float";
inline constexpr std::string_view kIncrementNotFinite = "ERR value is NaN or Infinity";
inline constexpr std::string_view kFieldsMissing =
    "ERR Mandatory argument FIELDS is missing or not at the right position";
inline constexpr std::string_view kFieldCountNotPositive =
    "ERR Number of fields must be a positive integer";
inline constexpr std::string_view kNumFieldsNotPositive =
    "ERR Parameter `numFields` should be greater than 0";
inline constexpr std::string_view kFieldCountInvalid = "ERR invalid number of fields";
inline constexpr std::string_view kFieldCountDiffers =
    "ERR The `numfields` parameter must match the number of arguments";
inline constexpr std::string_view kFieldTimeNegative = "ERR invalid expire time, must be >= 0";
inline constexpr std::string_view kFieldTimeMissing = "ERR missing expire time";
inline constexpr std::string_view kFieldConditions =
    "ERR Only one of FXX or FNX arguments can be specified";
inline constexpr std::string_view kFieldTimes =
    "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";

// The server's state.
inline constexpr std::string_view kHllAbsent = "ERR The specified key does not exist";
inline constexpr std::string_view kHllNotSparse = "ERR HLL encoding is not sparse";
inline constexpr std::string_view kOutOfMemory =
    "OOM command not allowed when used memory > 'maxmemory'.";
inline constexpr std::string_view kNoAuth = "NOAUTH Authentication required.";
inline constexpr std::string_view kWrongPass =
    "WRONGPASS invalid username-password pair or user is disabled.";
inline constexpr std::string_view kNoPassword =
    "ERR AUTH <password> called without any password configured for the default user. Are you sure "
    "your configuration is correct?";
inline constexpr std::string_view kProtocolNotAnInteger =
    "ERR Protocol version is not an integer or out of range";
inline constexpr std::string_view kHelloNoAuth =
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
    "<proto> "
    "AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol "
    "version at the same time";
inline constexpr std::string_view kClientName =
    "ERR Client names cannot contain spaces, newlines or special characters.";
inline constexpr std::string_view kNoProto = "NOPROTO unsupported protocol version";
inline constexpr std::string_view kLoading = "LOADING Redis is loading the dataset in memory";
inline constexpr std::string_view kMisconf =
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to "
    "disk. Commands that may modify the data set are disabled, because this instance is configured "
    "to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error "
    "option). Please check the Redis logs for details about the RDB error.";
inline constexpr std::string_view kSaveInProgress = "ERR Background save already in progress";
inline constexpr std::string_view kBusyOtherwise =
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in "
    "order to schedule a BGSAVE whenever possible.";
inline constexpr std::string_view kExecAbort =
    "EXECABORT Transaction discarded because of previous errors.";

// COMMAND GETKEYS.
inline constexpr std::string_view kInvalidCommand = "ERR Invalid command specified";
inline constexpr std::string_view kNoKeyArguments = "ERR The command has no key arguments";
inline constexpr std::string_view kInvalidArgumentCount =
    "ERR Invalid number of arguments specified for command";
inline constexpr std::string_view kInvalidArguments = "ERR Invalid arguments specified for command";

// Of a client's own words no more than this comes back in an error.
inline constexpr std::size_t kEchoLimit = 128;

// `full_name` as CommandTable::Command has it: "get", "client|list".
std::string WrongArity(std::string_view full_name);
// "ERR unknown argument: FOO" (HSETEX).
std::string UnknownArgument(std::string_view argument);
// "ERR Unsupported option FOO" (EXPIRE).
std::string UnsupportedOption(std::string_view option);
// "ERR BITOP DIFF must be called with at least two source keys."
std::string BitopNeedsTwo(std::string_view operation);
// "ERR Unknown PFDEBUG subcommand 'foo'"
std::string UnknownPfDebug(std::string_view subcommand);
// "ERR UBOUND is not an integer or out of range", "ERR UBOUND is not a valid float" (INCREX).
std::string NotAnInteger(std::string_view what);
std::string NotAFloat(std::string_view what);
std::string InvalidExpireTime(std::string_view full_name);
// REQUIRES: args is not empty; args[0] is the name that is not known.
std::string UnknownCommand(std::span<const std::string_view> args);
// `container` in any case.
std::string UnknownSubcommand(std::string_view word, std::string_view container);
// A subcommand that is there, with words it cannot take.
std::string SubcommandSyntax(std::string_view word, std::string_view container);

}  // namespace cairn::command::errors

#endif  // CAIRN_COMMAND_ERRORS_H_
