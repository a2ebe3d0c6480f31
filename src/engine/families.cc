// SPDX-License-Identifier: BSD-3-Clause
// No registration macros and no global constructors: a family is listed here or it does not exist.
#include "engine/families.h"

#include "commands/families.h"
#include "scripting/families.h"

namespace cairn::engine {

std::vector<std::span<const command::Spec>> EngineFamilies() {
  // clang-format off: a line for each
  return {
      commands::CommandFamily(),
      commands::ConnectionFamily(),
      commands::StringFamily(),
      commands::StringSetFamily(),
      commands::StringCounterFamily(),
      commands::GenericFamily(),
      commands::GenericExpiryFamily(),
      commands::DumpFamily(),
      commands::MigrateFamily(),
      commands::KeyspaceFamily(),
      commands::BitmapFamily(),
      commands::TransactionFamily(),
      commands::HyperLogLogFamily(),
      commands::SetFamily(),
      commands::SetRandomFamily(),
      commands::SetCombineFamily(),
      commands::HashFamily(),
      commands::HashCounterFamily(),
      commands::HashWalkFamily(),
      commands::HashTimeFamily(),
      commands::HashFieldsFamily(),
      commands::ListFamily(),
      commands::ListPopFamily(),
      commands::ListMoveFamily(),
      commands::SortFamily(),
      commands::SortedSetFamily(),
      commands::SortedSetRangeFamily(),
      commands::SortedSetPopFamily(),
      commands::SortedSetWalkFamily(),
      commands::SortedSetAlgebraFamily(),
      commands::GeoFamily(),
      commands::GeoSearchFamily(),
      commands::StreamFamily(),
      commands::StreamReadFamily(),
      commands::StreamGroupFamily(),
      commands::StreamPendingFamily(),
      commands::StreamInfoFamily(),
      commands::CacheGetFamily(),
      commands::CacheSetFamily(),
      commands::WriteBehindFamily(),
      commands::TagFamily(),
      commands::LimitFamily(),
      commands::LockFamily(),
      commands::KeyStatisticsFamily(),
      commands::EvictionFamily(),
      commands::NamespaceFamily(),
      commands::PurgeFamily(),
      scripting::ScriptFamily(),
      scripting::FunctionFamily(),
  };
  // clang-format on
}

}  // namespace cairn::engine
