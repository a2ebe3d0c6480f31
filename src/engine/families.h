// SPDX-License-Identifier: BSD-3-Clause
// The one list of command families that the engine knows. A family is a file in commands/ with its
// rows at the foot.
#ifndef CAIRN_ENGINE_FAMILIES_H_
#define CAIRN_ENGINE_FAMILIES_H_

#include <span>
#include <vector>

#include "command/spec.h"

namespace cairn::engine {

std::vector<std::span<const command::Spec>> EngineFamilies();

}  // namespace cairn::engine

#endif  // CAIRN_ENGINE_FAMILIES_H_
