// SPDX-License-Identifier: BSD-3-Clause
// The room a record can take is computed first, then it is filled without further checks: the AOF
// thread's time is part of what a SET costs.
#include "codec/aof.h"

#include <cstring>

#include "base/check.h"
#include "base/text.h"

namespace cairn::codec {
namespace {

// "*" or "$", a number, CRLF.
constexpr std::size_t kHeaderMax = 1 + kInt64TextMax + 2;
constexpr std::string_view kMulti = "*1\r\n$5\r\nMULTI\r\n";
constexpr std::string_view kExec = "*1\r\n$4\r\nEXEC\r\n";
constexpr std::size_t kSelectMax = 64;
constexpr std::size_t kTimeMax = 32;

std::size_t BytesMax(std::span<const log::EffectView> effects) {
  std::size_t bytes = kTimeMax + kMulti.size() + kExec.size();
  for (const log::EffectView& effect : effects) {
    bytes += kSelectMax + kHeaderMax;
    for (const std::string_view arg : effect.args) bytes += kHeaderMax + arg.size() + 2;
  }
  return bytes;
}

char* Put(char* at, std::string_view bytes) {
  std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

char* PutHeader(char* at, char kind, std::size_t number) {
  *at++ = kind;
  // Most sizes and counts have one digit or two.
  if (number < 10) {
    *at++ = static_cast<char>('0' + number);
  } else if (number < 100) {
    *at++ = static_cast<char>('0' + number / 10);
    *at++ = static_cast<char>('0' + number % 10);
  } else {
    at = FormatUint64(at, number);
  }
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

char* PutBulk(char* at, std::string_view bytes) {
  at = Put(PutHeader(at, '$', bytes.size()), bytes);
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

char* PutCommand(char* at, std::span<const std::string_view> args) {
  at = PutHeader(at, '*', args.size());
  for (const std::string_view arg : args) at = PutBulk(at, arg);
  return at;
}

}  // namespace

char* AofEncoder::PutSelect(char* at, DbId db) {
  if (db_ == db) return at;
  db_ = db;
  char number[kInt64TextMax];
  const char* const end = FormatUint64(number, db.value);
  at = Put(at, "*2\r\n$6\r\nSELECT\r\n");
  return PutBulk(at, {number, static_cast<std::size_t>(end - number)});
}

void AofEncoder::Append(std::span<const log::EffectView> effects, std::int64_t now_s,
                        std::string* out) {
  if (effects.empty()) return;
  const std::size_t before = out->size();
  const std::size_t most = before + BytesMax(effects);
  out->resize_and_overwrite(most, [&](char* data, std::size_t) {
    char* at = data + before;
    if (timestamps_ && time_s_ != now_s) {
      time_s_ = now_s;
      at = Put(FormatInt64(Put(at, "#TS:"), now_s), "\r\n");
    }
    // Before the MULTI, so that a group in one database is nothing but its commands.
    at = PutSelect(at, effects.front().db);
    if (effects.size() > 1) at = Put(at, kMulti);
    for (const log::EffectView& effect : effects)
      at = PutCommand(PutSelect(at, effect.db), effect.args);
    if (effects.size() > 1) at = Put(at, kExec);
    DCHECK(at <= data + most);
    return static_cast<std::size_t>(at - data);
  });
}

void AofEncoder::AppendOpen(const log::EffectView& effect, std::string* out) {
  const std::size_t before = out->size();
  const std::size_t most = before + BytesMax({&effect, 1}) + kHeaderMax;
  out->resize_and_overwrite(most, [&](char* data, std::size_t) {
    char* at = PutHeader(PutSelect(data + before, effect.db), '*', effect.args.size() + 1);
    for (const std::string_view arg : effect.args) at = PutBulk(at, arg);
    *at++ = '$';
    at = Put(at, OpenSize(0));
    DCHECK(at <= data + most);
    return static_cast<std::size_t>(at - data);
  });
}

std::string AofEncoder::OpenSize(std::uint64_t bytes) {
  const std::string digits = Int64ToString(static_cast<std::int64_t>(bytes));
  CHECK(digits.size() + 2 <= kOpenSizeBytes);
  return std::string(kOpenSizeBytes - 2 - digits.size(), '0') + digits + "\r\n";
}

}  // namespace cairn::codec
