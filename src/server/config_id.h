// SPDX-License-Identifier: BSD-3-Clause
// ConfigId: a directive, named in the source as in redis.conf and found at compile time.
//
//   config.Int("maxmemory-samples")      one load from an array
//   config.Int("maxmemory-sample")       does not compile: no such directive
//   config.Bool("maxmemory-samples")     does not compile: not a yes or no
//
// So a directive has one name everywhere, grep finds its uses, and there is no enum to keep in step
// with the rows. The conversions from string literals are implicit on purpose, as those of
// std::format_string are.
#ifndef CAIRN_SERVER_CONFIG_ID_H_
#define CAIRN_SERVER_CONFIG_ID_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/config_rows.h"

namespace cairn::server {

namespace config_id {
// Not constexpr, so that reaching one of these while compiling is an error that shows its name.
void NoSuchDirective();
void DirectiveHasAnotherType();
}  // namespace config_id

class ConfigId {
 public:
  template <std::size_t kSize>
  consteval ConfigId(const char (&name)[kSize])  // NOLINT(google-explicit-constructor)
      : position_(static_cast<std::uint16_t>(ConfigRowPosition({name, kSize - 1}))) {
    if (position_ == kConfigRowCount) config_id::NoSuchDirective();
  }
  constexpr explicit ConfigId(std::size_t position)
      : position_(static_cast<std::uint16_t>(position)) {}

  constexpr std::size_t position() const { return position_; }
  constexpr const ConfigRow& row() const { return kConfigRows[position_]; }

 private:
  std::uint16_t position_;
};

template <ConfigShape kShape>
class TypedConfigId {
 public:
  template <std::size_t kSize>
  consteval TypedConfigId(const char (&name)[kSize])  // NOLINT(google-explicit-constructor)
      : id_(name) {
    if (id_.row().shape() != kShape) config_id::DirectiveHasAnotherType();
  }
  constexpr std::size_t position() const { return id_.position(); }

 private:
  ConfigId id_;
};

using BoolConfigId = TypedConfigId<ConfigShape::kBool>;
using IntConfigId = TypedConfigId<ConfigShape::kInt>;
using ChoiceConfigId = TypedConfigId<ConfigShape::kChoice>;
using TextConfigId = TypedConfigId<ConfigShape::kText>;

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CONFIG_ID_H_
