# The order of the modules. A module may depend only on modules named before it;
# stratos_module refuses the rest, and tools/lint holds real #includes against the same list.
set(STRATOS_LEVELS
  base crypto codec erasure runtime io kv net ordering value meta resource client gateway cli)

# stratos_module(NAME DEPS <modules...> [LIBS <third-party targets...>])
# Makes the library stratos_<NAME> from src/<NAME>/**.cpp and, from the *_test.cpp beside them, the
# test program <NAME>_test. The target all_verify_interface_header_sets compiles every header alone,
# without the precompiled one, which would hide a missing include.
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
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cpp$")
  if(sources)
    add_library(stratos_${NAME} STATIC ${sources})
    target_link_libraries(stratos_${NAME} PUBLIC stratos_options ${ARG_DEPS} ${ARG_LIBS} Threads::Threads)
    stratos_precompile(stratos_${NAME})
  else()
    add_library(stratos_${NAME} INTERFACE)
    target_link_libraries(stratos_${NAME} INTERFACE stratos_options ${ARG_DEPS} ${ARG_LIBS})
  endif()

  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${dir}/*.hpp)
  # The second half of a header is read through the first one only.
  list(FILTER headers EXCLUDE REGEX "_inl\\.hpp$")
  if(headers)
    target_sources(stratos_${NAME} INTERFACE
      FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/src FILES ${headers})
    set_target_properties(stratos_${NAME} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()

  if(tests)
    stratos_test(${NAME}_test SOURCES ${tests} DEPS stratos_${NAME})
  endif()
endfunction()

# Every test program hangs on this target, so that a sanitizer build need not build the product.
add_custom_target(stratos_tests)

set(STRATOS_TEST_TIMEOUT 120 CACHE STRING "Seconds that one test may take")

# stratos_test(TARGET [LABEL <unit>] SOURCES <files...> DEPS <targets...>)
# A GoogleTest program known to ctest under its label.
function(stratos_test TARGET)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  add_executable(${TARGET} ${ARG_SOURCES})
  target_link_libraries(${TARGET} PRIVATE ${ARG_DEPS} GTest::gtest_main GTest::gmock ${RAPIDCHECK_LIBRARY})
  set_target_properties(${TARGET} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  set_source_files_properties(${ARG_SOURCES} PROPERTIES COMPILE_DEFINITIONS
    STRATOS_GOLDEN_DIR="${CMAKE_SOURCE_DIR}/tests/golden")
  stratos_precompile(${TARGET})
  if(STRATOS_SANITIZE)
    stratos_test_shards(${TARGET} ${ARG_LABEL})
  else()
    include(GoogleTest)
    gtest_discover_tests(${TARGET} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      PROPERTIES TIMEOUT ${STRATOS_TEST_TIMEOUT} LABELS ${ARG_LABEL})
  endif()
  add_dependencies(stratos_tests ${TARGET})
endfunction()

# A program with sanitizers starts slowly: one process runs many tests, not one.
function(stratos_test_shards TARGET LABEL)
  set(shards 4)
  math(EXPR last "${shards} - 1")
  foreach(shard RANGE ${last})
    add_test(NAME ${TARGET}.${shard} COMMAND ${TARGET} --gtest_brief=1)
    set_tests_properties(${TARGET}.${shard} PROPERTIES LABELS ${LABEL} TIMEOUT 900
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${shard}")
  endforeach()
endfunction()

# One precompiled header (standard library and the coroutine type) shared by every target.
function(stratos_precompile TARGET)
  if(NOT TARGET stratos_pch)
    # Written once: a newer file would rebuild everything.
    if(NOT EXISTS ${CMAKE_BINARY_DIR}/pch.cpp)
      file(WRITE ${CMAKE_BINARY_DIR}/pch.cpp "")
    endif()
    add_library(stratos_pch STATIC ${CMAKE_BINARY_DIR}/pch.cpp)
    target_link_libraries(stratos_pch PUBLIC stratos_options)
    target_precompile_headers(stratos_pch PRIVATE
      <algorithm> <array> <chrono> <cstdint> <deque> <expected> <functional> <map> <memory> <optional>
      <span> <string> <string_view> <unordered_map> <utility> <vector>
      <boost/asio/any_io_executor.hpp> <boost/asio/awaitable.hpp>)
  endif()
  target_precompile_headers(${TARGET} REUSE_FROM stratos_pch)
endfunction()
