# SPDX-License-Identifier: BSD-3-Clause
# Compression, each optional at build: without one, values that were stored with it are an error as
# a value, and none are stored so.

add_library(cairn_toolkit_cache_packages INTERFACE)
foreach(name zstd lz4)
  string(TOUPPER ${name} upper)
  find_library(CAIRN_${upper}_LIBRARY NAMES ${name})
  find_path(CAIRN_${upper}_INCLUDE NAMES ${name}.h)
  if(CAIRN_${upper}_LIBRARY AND CAIRN_${upper}_INCLUDE)
    target_link_libraries(cairn_toolkit_cache_packages INTERFACE ${CAIRN_${upper}_LIBRARY})
    target_compile_definitions(cairn_toolkit_cache_packages INTERFACE CAIRN_${upper}=1)
  endif()
endforeach()
