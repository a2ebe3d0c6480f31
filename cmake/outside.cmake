# SPDX-License-Identifier: BSD-3-Clause
# What lies outside src/: tools, tests/<name> and bench build themselves with what is above.

file(GLOB folders CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/tools/CMakeLists.txt
  ${CMAKE_SOURCE_DIR}/tests/*/CMakeLists.txt
  ${CMAKE_SOURCE_DIR}/bench/CMakeLists.txt)
foreach(file IN LISTS folders)
  get_filename_component(folder ${file} DIRECTORY)
  add_subdirectory(${folder})
endforeach()
