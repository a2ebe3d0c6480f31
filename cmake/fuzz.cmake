# SPDX-License-Identifier: BSD-3-Clause
# fuzz/<name>_fuzz.cc -> bin/<name>_fuzz, each with libFuzzer's main. `make fuzz` runs them.

add_custom_target(fuzzers)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/*_fuzz.cc)
foreach(source IN LISTS sources)
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  # The toolkit's folders are made later; of their libraries a fuzzer takes what it calls.
  target_link_libraries(${name} PRIVATE cairn_toolkit_http cairn_toolkit_cache ${CAIRN_LIBRARIES}
    cairn_options)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers ${name})
endforeach()
# The libraries carry the coverage counters too: without them the fuzzer is blind.
target_compile_options(cairn_options INTERFACE -fsanitize=fuzzer-no-link)
