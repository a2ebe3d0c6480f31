// SPDX-License-Identifier: BSD-3-Clause
// The embedded transport: an engine within the process, called on the caller's thread.
#ifndef CAIRN_STORE_EMBEDDED_STORE_H_
#define CAIRN_STORE_EMBEDDED_STORE_H_

#include <memory>
#include <string_view>

#include "store/body.h"

namespace cairn::store {

// `path`: what follows "embedded:".
cache::Result<std::unique_ptr<cache::Store::Body>> OpenEmbedded(std::string_view path,
                                                                const cache::StoreOptions& options);

}  // namespace cairn::store

#endif  // CAIRN_STORE_EMBEDDED_STORE_H_
