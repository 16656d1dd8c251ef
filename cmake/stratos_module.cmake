# The order of the modules. A module may depend only on modules named before it;
# stratos_module refuses the rest, and tools/lint holds real #includes against the same list.
set(STRATOS_LEVELS
  base crypto codec erasure runtime io kv net ordering value meta resource client gateway cli)

# stratos_module(NAME DEPS <modules...> [LIBS <third-party targets...>])
# Makes the library stratos_<NAME> from src/<NAME>/**.cpp and, from the *_test.cpp beside them, the
# test program <NAME>_test.
function(stratos_module NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  list(FIND STRATOS_LEVELS ${NAME} own_level)
  if(own_level EQUAL -1)
    message(FATAL_ERROR "module ${NAME} has no place in STRATOS_LEVELS")
  endif()
  foreach(dep ${ARG_DEPS})
    list(FIND STRATOS_LEVELS ${dep} dep_level)
    if(dep_level EQUAL -1 OR NOT dep_level LESS own_level)
      message(FATAL_ERROR "module ${NAME} may not depend on ${dep}: see STRATOS_LEVELS")
    endif()
  endforeach()
  list(TRANSFORM ARG_DEPS PREPEND stratos_)

  set(dir ${CMAKE_SOURCE_DIR}/src/${NAME})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${dir}/*_test.cpp)
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  if(sources)
    add_library(stratos_${NAME} STATIC ${sources})
    target_link_libraries(stratos_${NAME} PUBLIC stratos_options ${ARG_DEPS} ${ARG_LIBS} Threads::Threads)
    stratos_precompile(stratos_${NAME})
  else()
    add_library(stratos_${NAME} INTERFACE)
    target_link_libraries(stratos_${NAME} INTERFACE stratos_options ${ARG_DEPS} ${ARG_LIBS})
  endif()

  if(tests)
    stratos_test(${NAME}_test SOURCES ${tests} DEPS stratos_${NAME})
  endif()
endfunction()

# stratos_test(TARGET SOURCES <files...> DEPS <targets...>): a GoogleTest program known to ctest.
function(stratos_test TARGET)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${TARGET} ${ARG_SOURCES})
  target_link_libraries(${TARGET} PRIVATE ${ARG_DEPS} GTest::gtest_main GTest::gmock ${RAPIDCHECK_LIBRARY})
  set_target_properties(${TARGET} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  stratos_precompile(${TARGET})
  include(GoogleTest)
  gtest_discover_tests(${TARGET} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120 LABELS unit)
endfunction()

# One precompiled header (standard library and the coroutine type) shared by every target.
function(stratos_precompile TARGET)
  if(NOT TARGET stratos_pch)
    file(WRITE ${CMAKE_BINARY_DIR}/pch.cpp "")
    add_library(stratos_pch STATIC ${CMAKE_BINARY_DIR}/pch.cpp)
    target_link_libraries(stratos_pch PUBLIC stratos_options)
    target_precompile_headers(stratos_pch PRIVATE
      <algorithm> <array> <chrono> <cstdint> <deque> <expected> <functional> <map> <memory> <optional>
      <span> <string> <string_view> <unordered_map> <utility> <vector>
      <boost/asio/any_io_executor.hpp> <boost/asio/awaitable.hpp>)
  endif()
  target_precompile_headers(${TARGET} REUSE_FROM stratos_pch)
endfunction()
