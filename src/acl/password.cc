// SPDX-License-Identifier: BSD-3-Clause
// Hash and comparison are OpenSSL's libcrypto: nothing here is our own invention.
#include "acl/password.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/check.h"

namespace cairn::acl {

std::string HashPassword(std::string_view password) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  static_assert(sizeof(digest) * 2 == kHashDigits);
  const unsigned char* done =
      ::SHA256(reinterpret_cast<const unsigned char*>(password.data()), password.size(), digest);
  CHECK(done != nullptr);
  std::string hash;
  hash.reserve(kHashDigits);
  for (const unsigned char byte : digest) {
    hash += "0123456789abcdef"[byte >> 4];
    hash += "0123456789abcdef"[byte & 15];
  }
  return hash;
}

bool IsPasswordHash(std::string_view text) {
  return text.size() == kHashDigits && std::ranges::all_of(text, [](char digit) {
           return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
         });
}

bool IsAmong(std::string_view hash, const std::vector<std::string>& hashes) {
  DCHECK(hash.size() == kHashDigits);
  unsigned found = 0;
  for (const std::string& known : hashes)
    found |= ::CRYPTO_memcmp(known.data(), hash.data(), kHashDigits) == 0 ? 1U : 0U;
  return found != 0;
}

}  // namespace cairn::acl
