# SPDX-License-Identifier: BSD-3-Clause
# One library per folder of src/, linked with all lower floors. The rows are in src/FLOORS.

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/FLOORS)
file(STRINGS ${CMAKE_SOURCE_DIR}/src/FLOORS CAIRN_FLOOR_ROWS REGEX "^[0-9]+ [a-z_]+$")

# Sets `out` to the sources of src/<folder>: all of them but the tests.
function(cairn_folder_sources folder out)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cc)
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  set(${out} ${sources} PARENT_SCOPE)
endfunction()

# Makes cairn_<folder> for every folder but apps. CAIRN_LIBRARIES becomes the list of them, highest
# first, which is the order in which a linker wants them.
function(cairn_add_floors)
  set(lower "")    # libraries of floors below the one at hand
  set(siblings "") # libraries of the floor at hand
  set(floor_now -1)
  foreach(row IN LISTS CAIRN_FLOOR_ROWS)
    string(REPLACE " " ";" row "${row}")
    list(GET row 0 floor)
    list(GET row 1 folder)
    if(NOT floor EQUAL floor_now)
      list(PREPEND lower ${siblings})
      set(siblings "")
      set(floor_now ${floor})
    endif()
    cairn_folder_sources(${folder} sources)
    if(folder STREQUAL "apps" OR NOT sources)
      continue()
    endif()
    add_library(cairn_${folder} STATIC ${sources})
    target_link_libraries(cairn_${folder} PUBLIC ${lower} cairn_options)
    if(TARGET cairn_${folder}_packages) # what only this folder may include
      target_link_libraries(cairn_${folder} PRIVATE cairn_${folder}_packages)
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      # Not for tests: GoogleTest registers its cases that way.
      target_compile_options(cairn_${folder} PRIVATE -Wglobal-constructors)
    endif()
    list(PREPEND siblings cairn_${folder})
  endforeach()
  set(CAIRN_LIBRARIES ${siblings} ${lower} PARENT_SCOPE)
endfunction()

# The programs. `ninja apps` builds them and nothing else.
function(cairn_add_apps)
  add_custom_target(apps)
  cairn_folder_sources(apps sources)
  foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    string(REPLACE "_" "-" name ${name})
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE ${CAIRN_LIBRARIES} cairn_options)
    cairn_link_allocator(${name})
    add_dependencies(apps ${name})
  endforeach()
endfunction()
