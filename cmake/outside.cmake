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

# bench/ without a CMakeLists.txt of its own: one Google Benchmark program per file.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.cc)
if(sources AND NOT EXISTS ${CMAKE_SOURCE_DIR}/bench/CMakeLists.txt)
  find_package(benchmark)
  if(benchmark_FOUND)
    add_custom_target(benchmarks)
    foreach(source IN LISTS sources)
      get_filename_component(name ${source} NAME_WE)
      add_executable(${name} EXCLUDE_FROM_ALL ${source})
      target_link_libraries(${name} PRIVATE ${CAIRN_LIBRARIES} cairn_options benchmark::benchmark)
      cairn_link_allocator(${name})
      add_dependencies(benchmarks ${name})
    endforeach()
  endif()
endif()
