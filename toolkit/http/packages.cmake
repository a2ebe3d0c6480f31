# SPDX-License-Identifier: BSD-3-Clause
# cpp-httplib (libcpp-httplib-dev), optional at build: only who includes cairn/http/httplib.h wants
# it, the library of this folder does not. The definitions are those that Debian's was built with,
# which change its classes.
find_path(CAIRN_HTTPLIB_INCLUDE NAMES httplib.h)
find_library(CAIRN_HTTPLIB_LIBRARY NAMES cpp-httplib)
add_library(cairn_toolkit_http_packages INTERFACE)
if(CAIRN_HTTPLIB_INCLUDE AND CAIRN_HTTPLIB_LIBRARY)
  target_compile_definitions(cairn_toolkit_http_packages INTERFACE CAIRN_HTTPLIB=1
    CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_ZLIB_SUPPORT CPPHTTPLIB_BROTLI_SUPPORT)
  # Who links the whole toolkit and has no server does not need it at run time.
  target_link_libraries(cairn_toolkit_http_packages INTERFACE
    -Wl,--push-state,--as-needed ${CAIRN_HTTPLIB_LIBRARY} -Wl,--pop-state)
endif()
