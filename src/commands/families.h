// SPDX-License-Identifier: BSD-3-Clause
// The rows of each command family; one function per file of this folder.
#ifndef CAIRN_COMMANDS_FAMILIES_H_
#define CAIRN_COMMANDS_FAMILIES_H_

#include <span>

#include "command/spec.h"

namespace cairn::commands {

std::span<const command::Spec> CommandFamily();
std::span<const command::Spec> ConnectionFamily();
std::span<const command::Spec> StringFamily();
std::span<const command::Spec> StringSetFamily();
std::span<const command::Spec> StringCounterFamily();
std::span<const command::Spec> GenericFamily();
std::span<const command::Spec> GenericExpiryFamily();
std::span<const command::Spec> DumpFamily();
std::span<const command::Spec> KeyspaceFamily();
std::span<const command::Spec> BitmapFamily();
std::span<const command::Spec> TransactionFamily();
std::span<const command::Spec> HyperLogLogFamily();
std::span<const command::Spec> SetFamily();
std::span<const command::Spec> SetRandomFamily();
std::span<const command::Spec> SetCombineFamily();
std::span<const command::Spec> HashFamily();
std::span<const command::Spec> HashCounterFamily();
std::span<const command::Spec> HashWalkFamily();
std::span<const command::Spec> HashTimeFamily();
std::span<const command::Spec> HashFieldsFamily();
std::span<const command::Spec> ListFamily();
std::span<const command::Spec> ListPopFamily();
std::span<const command::Spec> ListMoveFamily();
std::span<const command::Spec> SortFamily();
std::span<const command::Spec> SortedSetFamily();
std::span<const command::Spec> SortedSetRangeFamily();
std::span<const command::Spec> SortedSetPopFamily();
std::span<const command::Spec> SortedSetWalkFamily();
std::span<const command::Spec> SortedSetAlgebraFamily();
std::span<const command::Spec> GeoFamily();
std::span<const command::Spec> GeoSearchFamily();
std::span<const command::Spec> StreamFamily();
std::span<const command::Spec> StreamReadFamily();
std::span<const command::Spec> StreamGroupFamily();
std::span<const command::Spec> StreamPendingFamily();
std::span<const command::Spec> StreamInfoFamily();

}  // namespace cairn::commands

#endif  // CAIRN_COMMANDS_FAMILIES_H_
