# SPDX-License-Identifier: BSD-3-Clause
# Self-contained headers: each one is compiled alone, as the only include of a source made for it.

file(GLOB_RECURSE headers CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/src/*.h ${CMAKE_SOURCE_DIR}/include/*.h ${CMAKE_SOURCE_DIR}/toolkit/*.h)
set(sources "")
foreach(header IN LISTS headers)
  file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR} ${header})
  string(REGEX REPLACE "^(src|include|toolkit)/" "" path ${path})
  string(REPLACE "/" "_" name ${path})
  set(source ${CMAKE_BINARY_DIR}/headers/${name}.cc)
  # Twice, so that the guard is tried as well.
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${path}\"\n#include \"${path}\"\n")
  list(APPEND sources ${source})
endforeach()
if(sources)
  add_library(header_check OBJECT ${sources})
  target_include_directories(header_check PRIVATE ${CMAKE_SOURCE_DIR}/toolkit)
  target_link_libraries(header_check PRIVATE cairn_options cairn_scripting_packages)
endif()
