# SPDX-License-Identifier: BSD-3-Clause
# What lies outside src/: the toolkit, tools, tests/<name>, bench and examples build themselves with
# what is above.

add_subdirectory(${CMAKE_SOURCE_DIR}/toolkit)
file(GLOB folders CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/tools/CMakeLists.txt
  ${CMAKE_SOURCE_DIR}/tests/*/CMakeLists.txt
  ${CMAKE_SOURCE_DIR}/bench/CMakeLists.txt
  ${CMAKE_SOURCE_DIR}/examples/CMakeLists.txt)
foreach(file IN LISTS folders)
  get_filename_component(folder ${file} DIRECTORY)
  add_subdirectory(${folder})
endforeach()
