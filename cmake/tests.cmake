# SPDX-License-Identifier: BSD-3-Clause
# Test programs: GoogleTest, one per folder.

find_package(GTest)
add_custom_target(unit_tests)

# cairn_add_test(<name> SOURCES <files> LIBRARIES <libraries>): bin/<name>. `ninja unit_tests` builds
# all of them; tools/runtests runs what ends in _test.
function(cairn_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 test "" "" "SOURCES;LIBRARIES")
  if(NOT GTest_FOUND)
    return()
  endif()
  add_executable(${name} ${test_SOURCES})
  target_link_libraries(${name} PRIVATE
    ${test_LIBRARIES} cairn_options GTest::gtest_main GTest::gtest)
  target_compile_definitions(${name} PRIVATE CAIRN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  cairn_link_allocator(${name})
  add_dependencies(unit_tests ${name})
endfunction()

# <folder>_test links the folder and all that lies below it, as the folder itself does. A folder
# without sources of its own (headers only) gets every library, which is right though generous.
function(cairn_add_unit_tests)
  foreach(row IN LISTS CAIRN_FLOOR_ROWS)
    string(REGEX REPLACE "^[0-9]+ " "" folder "${row}")
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*_test.cc)
    if(NOT sources)
      continue()
    endif()
    set(libraries ${CAIRN_LIBRARIES})
    if(TARGET cairn_${folder})
      set(libraries cairn_${folder})
    endif()
    cairn_add_test(${folder}_test SOURCES ${sources} LIBRARIES ${libraries})
  endforeach()
endfunction()
