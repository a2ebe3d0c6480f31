// SPDX-License-Identifier: BSD-3-Clause
// The rows of each command family, one function per file of this folder, and the words that all of
// these files speak in.
#ifndef CAIRN_COMMANDS_FAMILIES_H_
#define CAIRN_COMMANDS_FAMILIES_H_

#include <span>

#include "command/call.h"
#include "command/spec.h"
#include "keyspace/access.h"
#include "keyspace/txn.h"

namespace cairn::commands {

using command::Call;
using command::Group;
using command::Spec;
using keyspace::Access;
using keyspace::Found;

std::span<const Spec> CommandFamily();
std::span<const Spec> ConnectionFamily();
std::span<const Spec> StringFamily();
std::span<const Spec> StringSetFamily();
std::span<const Spec> StringCounterFamily();
std::span<const Spec> GenericFamily();
std::span<const Spec> GenericExpiryFamily();
std::span<const Spec> DumpFamily();
std::span<const Spec> MigrateFamily();
std::span<const Spec> KeyspaceFamily();
std::span<const Spec> BitmapFamily();
std::span<const Spec> TransactionFamily();
std::span<const Spec> HyperLogLogFamily();
std::span<const Spec> SetFamily();
std::span<const Spec> SetRandomFamily();
std::span<const Spec> SetCombineFamily();
std::span<const Spec> HashFamily();
std::span<const Spec> HashCounterFamily();
std::span<const Spec> HashWalkFamily();
std::span<const Spec> HashTimeFamily();
std::span<const Spec> HashFieldsFamily();
std::span<const Spec> ListFamily();
std::span<const Spec> ListPopFamily();
std::span<const Spec> ListMoveFamily();
std::span<const Spec> SortFamily();
std::span<const Spec> SortedSetFamily();
std::span<const Spec> SortedSetRangeFamily();
std::span<const Spec> SortedSetPopFamily();
std::span<const Spec> SortedSetWalkFamily();
std::span<const Spec> SortedSetAlgebraFamily();
std::span<const Spec> GeoFamily();
std::span<const Spec> GeoSearchFamily();
std::span<const Spec> KeyStatisticsFamily();
std::span<const Spec> StreamFamily();
std::span<const Spec> StreamReadFamily();
std::span<const Spec> StreamGroupFamily();
std::span<const Spec> StreamPendingFamily();
std::span<const Spec> StreamInfoFamily();
std::span<const Spec> CacheGetFamily();
std::span<const Spec> CacheSetFamily();
std::span<const Spec> WriteBehindFamily();
std::span<const Spec> TagFamily();
std::span<const Spec> LimitFamily();
std::span<const Spec> LockFamily();
std::span<const Spec> EvictionFamily();
std::span<const Spec> NamespaceFamily();
std::span<const Spec> PurgeFamily();

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_FAMILIES_H_
