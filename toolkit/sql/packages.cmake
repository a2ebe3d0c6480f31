# SPDX-License-Identifier: BSD-3-Clause
# SQLite (libsqlite3-dev) and libpq (libpq-dev), the databases behind the cache. Their headers are
# included by the two drivers alone.
find_package(SQLite3 3.35 REQUIRED) # RETURNING
find_path(CAIRN_LIBPQ_INCLUDE libpq-fe.h PATH_SUFFIXES postgresql REQUIRED)
find_library(CAIRN_LIBPQ_LIBRARY pq REQUIRED)
add_library(cairn_toolkit_sql_packages INTERFACE)
target_include_directories(cairn_toolkit_sql_packages SYSTEM INTERFACE ${CAIRN_LIBPQ_INCLUDE})
target_link_libraries(cairn_toolkit_sql_packages INTERFACE SQLite::SQLite3 ${CAIRN_LIBPQ_LIBRARY})
