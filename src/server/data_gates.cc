// SPDX-License-Identifier: BSD-3-Clause
// What they answer, and to whom. PING is refused, too, when writes cannot be saved, as Redis does:
// whoever watches a server by PING hears of it.
#include "server/data_gates.h"

#include <string>
#include <string_view>

#include "command/errors.h"

namespace cairn::server {
namespace {

// "No space left on device" of "appendonlydir/x: write: No space left on device".
std::string_view Cause(std::string_view message) {
  const std::size_t colon = message.rfind(": ");
  return colon == std::string_view::npos ? message : message.substr(colon + 2);
}

}  // namespace

bool DiskGate::Admit(command::Call& call) {
  const bool is_concerned = call.MayWrite() || call.command().full_name == "ping";
  if (!is_concerned) return true;
  if (persistence_.refuses_writes()) {
    call.Refuse(command::errors::kMisconf);
    return false;
  }
  if (!aof_.watermark().failing()) return true;
  const Status why = aof_.failure();
  if (why.ok()) return true;  // it has just passed
  call.Refuse("MISCONF Errors writing to the AOF file: " + std::string(Cause(why.message())));
  return false;
}

// A script that has written goes on.
bool DiskGate::AdmitInScript(command::Call& call) {
  const bool is_write = (call.command().flags & command::kWrite) != 0;
  return !is_write || call.script_has_written() || Admit(call);
}

bool LoadingGate::Admit(command::Call& call) {
  if ((call.command().flags & command::kLoading) != 0 || !persistence_.is_loading()) return true;
  call.Refuse(command::errors::kLoading);
  return false;
}

}  // namespace cairn::server
