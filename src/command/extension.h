// SPDX-License-Identifier: BSD-3-Clause
// Extension: what a higher floor keeps with an engine, or with each Runner, and only it knows:
// scripting's cache of scripts, and its interpreters. Owned where it is kept.
#ifndef CAIRN_COMMAND_EXTENSION_H_
#define CAIRN_COMMAND_EXTENSION_H_

namespace cairn::command {

class Extension {
 public:
  virtual ~Extension() = default;
};

}  // namespace cairn::command

#endif  // CAIRN_COMMAND_EXTENSION_H_
