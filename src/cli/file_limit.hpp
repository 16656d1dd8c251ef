// How many files and connections this process may have open.
#pragma once
#include <cstddef>

namespace stratos::cli {

// Raises the soft limit of open files to the hard one and gives what holds then.
std::size_t raise_file_limit();

// How many connections a server may have, so that files and other servers find descriptors too.
std::size_t connections_within(std::size_t file_limit, std::size_t wanted);

}  // namespace stratos::cli
