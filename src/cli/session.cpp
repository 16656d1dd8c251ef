#include "cli/commands.hpp"

namespace stratos::cli {

MeshFolder Session::folder() const { return {io::real_file_system(), dir}; }

void on_chosen(CLI::App& app, Session& session, std::function<Result<void>()> command) {
  app.fallthrough();
  app.callback([&session, command = std::move(command)] {
    session.run = [&session, command] {
      const Result<void> done = command();
      return done ? 0 : report_error(session.output, done.error());
    };
  });
}

}  // namespace stratos::cli
