// SPDX-License-Identifier: BSD-3-Clause
// What the configuration needs of the disk: read a small file, replace one, find a folder.
//
// Used at start, by CONFIG REWRITE and by CONFIG SET dir only, so plain blocking calls. Errors
// carry the system's own words, as Redis's replies do.
#ifndef CAIRN_SERVER_CONFIG_DISK_H_
#define CAIRN_SERVER_CONFIG_DISK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace cairn::server {

// A configuration larger than this is a mistake (a data file given by name).
inline constexpr std::size_t kConfigFileBytesMax = 64 * 1024 * 1024;

// The whole file, or standard input until its end. kNotFound if there is no such file.
Result<std::string> ReadConfigFile(const std::string& path);
Result<std::string> ReadDescriptor(int descriptor);

// `path` holds either its old content or `content`, whole and on disk, even after a power cut.
// Keeps the permissions of the old file, and the file's place if `path` is a symbolic link.
Status ReplaceConfigFile(const std::string& path, std::string_view content);

// `path`, seen from `base`, without links and dots. Fails if it is no folder we may enter.
Result<std::string> ResolveDirectory(std::string_view base, std::string_view path);
// `path` seen from `base`, as text only.
std::string AbsolutePath(std::string_view base, std::string_view path);

// The files that match a shell pattern, sorted. A pattern without wildcards is itself; one with
// wildcards may match nothing.
std::vector<std::string> ExpandPathPattern(const std::string& pattern);

}  // namespace cairn::server

#endif  // CAIRN_SERVER_CONFIG_DISK_H_
