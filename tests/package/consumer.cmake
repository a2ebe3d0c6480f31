# SPDX-License-Identifier: BSD-3-Clause
# A user's project, built by tests/package/run against what was installed.
cmake_minimum_required(VERSION 3.25)
project(consumer CXX)
find_package(cairn 0.1 REQUIRED COMPONENTS sql)
add_executable(consumer consumer.cc)
target_link_libraries(consumer PRIVATE cairn::cairn cairn::sql)
