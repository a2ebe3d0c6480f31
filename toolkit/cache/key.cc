// SPDX-License-Identifier: BSD-3-Clause
// Parts as text. The digest is SHA-256 and no faster hash: ids come from outside, and whoever could
// make two ids of one digest could have another's value.
#include "cairn/key.h"

#include <openssl/sha.h>

#include <array>
#include <charconv>

namespace cairn::cache {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kDigestBytes = 20;

void AppendHex(unsigned char byte, std::string& text) {
  text += kHexDigits[byte >> 4];
  text += kHexDigits[byte & 15];
}

std::optional<char> ByteOfHex(std::string_view digits) {
  unsigned char byte = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
  if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2) return std::nullopt;
  return static_cast<char>(byte);
}

void AppendEscaped(std::string_view part, std::string& key) {
  for (const char byte : part) {
    if (internal::IsPlainKeyByte(byte)) {
      key += byte;
      continue;
    }
    key += '%';
    AppendHex(static_cast<unsigned char>(byte), key);
  }
}

// As AppendKeyNumber writes them.
bool ReadsAsNumber(std::string_view part) {
  if (part.starts_with('-')) part.remove_prefix(1);
  return !part.empty() && part.find_first_not_of("0123456789") == part.npos;
}

// Not within a character of UTF-8.
std::string_view ShownBytes(std::string_view part) {
  std::size_t end = std::min(part.size(), internal::kDigestShownBytes);
  while (end > 0 && end < part.size() && (static_cast<unsigned char>(part[end]) & 0xC0) == 0x80) {
    --end;
  }
  return part.substr(0, end);
}

void AppendDigest(std::string_view part, std::string& key) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(part.data()), part.size(), digest.data());
  AppendEscaped(ShownBytes(part), key);
  key += '~';
  for (std::size_t i = 0; i < kDigestBytes; ++i) AppendHex(digest[i], key);
}

template <class Number>
void AppendNumber(Number number, std::string& key) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  key.append(digits.data(), end);
}

}  // namespace

namespace internal {

void AppendKeyText(std::string_view part, std::string& key) {
  if (part.empty()) {
    key += '%';
    return;
  }
  const std::size_t begin = key.size();
  if (part.size() <= kPartBytesMax) {
    if (ReadsAsNumber(part)) {
      key += '%';
      AppendHex(static_cast<unsigned char>(part.front()), key);
      AppendEscaped(part.substr(1), key);
    } else {
      AppendEscaped(part, key);
    }
    if (key.size() - begin <= kPartBytesMax) return;
    key.resize(begin);
  }
  AppendDigest(part, key);
}

void AppendKeyNumber(std::int64_t part, std::string& key) { AppendNumber(part, key); }
void AppendKeyNumber(std::uint64_t part, std::string& key) { AppendNumber(part, key); }

std::optional<std::string> TextOfKeyPart(std::string_view text) {
  std::string part;
  if (text == "%") return part;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      part += text[i];
      continue;
    }
    const auto code = ByteOfHex(text.substr(i + 1, 2));
    if (!code) return std::nullopt;
    part += *code;
    i += 2;
  }
  return part;
}

std::string GlobOfPrefix(std::string_view prefix) {
  std::string glob;
  glob.reserve(prefix.size() + 4);
  for (const char byte : prefix) {
    if (byte == '*' || byte == '?' || byte == '[' || byte == ']' || byte == '\\') glob += '\\';
    glob += byte;
  }
  glob += '*';
  return glob;
}

}  // namespace internal

std::string_view HashTag(std::string_view key) {
  const std::size_t open = key.find('{');
  if (open == key.npos) return key;
  const std::size_t close = key.find('}', open + 1);
  if (close == key.npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

}  // namespace cairn::cache
