# SPDX-License-Identifier: BSD-3-Clause
# Test programs: GoogleTest, one per folder.

find_package(GTest)
add_custom_target(unit_tests)    # all test programs
add_custom_target(test_programs) # what scripts under tests/ call besides the apps
set_property(GLOBAL PROPERTY CAIRN_UNIT_TESTS "")

# cairn_add_test(<name> SOURCES <files> LIBRARIES <libraries>): bin/<name>, built by
# `ninja unit_tests` and run by tools/runtests, which learns of it from unit_tests.txt.
function(cairn_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 test "" "" "SOURCES;LIBRARIES")
  if(NOT GTest_FOUND)
    return()
  endif()
  add_executable(${name} ${test_SOURCES})
  target_link_libraries(${name} PRIVATE
    ${test_LIBRARIES} cairn_options GTest::gtest_main GTest::gtest)
  # `if (x) EXPECT_EQ(...)` is a custom of GoogleTest, whose macros end in an else.
  target_compile_options(${name} PRIVATE -Wno-dangling-else)
  target_compile_definitions(${name} PRIVATE CAIRN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  cairn_link_allocator(${name})
  add_dependencies(unit_tests ${name})
  set_property(GLOBAL APPEND_STRING PROPERTY CAIRN_UNIT_TESTS "${name}\n")
endfunction()

# cairn_add_test_program(<name> SOURCES <files> LIBRARIES <libraries>): bin/<name>, a helper that
# scripts under tests/ start from $CAIRN_BIN. `make test` builds it beside the release apps.
function(cairn_add_test_program name)
  cmake_parse_arguments(PARSE_ARGV 1 test "" "" "SOURCES;LIBRARIES")
  add_executable(${name} ${test_SOURCES})
  target_link_libraries(${name} PRIVATE ${test_LIBRARIES} cairn_options)
  cairn_link_allocator(${name})
  add_dependencies(test_programs ${name})
endfunction()

# Writes the names of all test programs, one a line, for tools/runtests.
function(cairn_list_unit_tests)
  get_property(names GLOBAL PROPERTY CAIRN_UNIT_TESTS)
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/unit_tests.txt CONTENT "${names}")
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
