// SPDX-License-Identifier: BSD-3-Clause
// The rows of scripting's command families.
#ifndef CAIRN_SCRIPTING_FAMILIES_H_
#define CAIRN_SCRIPTING_FAMILIES_H_

#include <span>

#include "command/spec.h"

namespace cairn::scripting {

// EVAL, EVALSHA, SCRIPT.
std::span<const command::Spec> ScriptFamily();
// FCALL, FUNCTION.
std::span<const command::Spec> FunctionFamily();

}  // namespace cairn::scripting

#endif  // CAIRN_SCRIPTING_FAMILIES_H_
