#include <unistd.h>

#include <array>

#include "cli/command_line.hpp"
#include "cli/file_limit.hpp"

namespace {

std::string own_path(const char* argv0) {
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : argv0;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace stratos::cli;
  raise_file_limit();
  Session session;
  session.program = own_path(argv[0]);
  const auto app = make_command_line(session);
  if (const auto code = parse_command_line(*app, session, argc, argv)) return *code;
  return session.run();
}
