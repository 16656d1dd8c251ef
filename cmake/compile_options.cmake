# Flags of our own code; third-party headers are SYSTEM and exempt.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(STRATOS_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(STRATOS_FUZZ "Build the fuzz targets" OFF)

add_library(stratos_options INTERFACE)
target_compile_options(stratos_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wconversion -Wshadow -Wnon-virtual-dtor
  -Wmissing-declarations -Wno-missing-field-initializers -Wno-missing-designated-field-initializers
  -g1 -march=x86-64-v3 -fno-omit-frame-pointer)
target_include_directories(stratos_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(stratos_options INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_HAS_CO_AWAIT STRATOS_VERSION="${PROJECT_VERSION}")

find_program(CCACHE ccache)
if(CCACHE)
  # clang's precompiled headers need these relaxations to be cacheable.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  target_compile_options(stratos_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

if(STRATOS_SANITIZE OR STRATOS_FUZZ)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
  # Frame recycling hides use-after-free from the sanitizer.
  add_compile_definitions(BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING
                          BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING)
endif()
if(STRATOS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
