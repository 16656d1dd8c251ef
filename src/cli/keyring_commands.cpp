// keyring export|import|rotate|verify
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/key_ring_files.hpp"

namespace stratos::cli {
namespace {

constexpr std::uint64_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMinPassphrase = 8;

struct Arguments {
  std::string file;
  std::string passphrase_file;
};

KeyRingFiles files_of(const Session& session) {
  return {io::real_file_system(), session.dir + "/gateway"};
}

// From a file, never from a flag: command lines are seen by others. Without one, the export is
// sealed under the secret that stands beside the ring, which must then be kept as well.
Result<Bytes> passphrase(const Arguments& arguments) {
  if (arguments.passphrase_file.empty()) {
    return fail(Errc::invalid_argument, "--passphrase-file FILE is needed");
  }
  STRATOS_TRY(Bytes text,
              io::read_file(io::real_file_system(), arguments.passphrase_file, kMaxFileBytes));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.size() < kMinPassphrase) {
    return fail(Errc::invalid_argument, "a passphrase has at least 8 characters");
  }
  return text;
}

void report(const Session& session, const client::KeyRing& ring, const std::string& done) {
  if (session.output.json) {
    print_json({{"ring", ring.name()},
                {"versions", ring.newest_version()},
                {"fingerprint", ring.fingerprint()}});
  } else {
    print_line(done + " " + ring.name() + " (version " + std::to_string(ring.newest_version()) +
               ", fingerprint " + ring.fingerprint() + ")");
  }
}

Result<client::KeyRing> read_export(const Arguments& arguments) {
  STRATOS_TRY(const Bytes words, passphrase(arguments));
  STRATOS_TRY(const Bytes sealed,
              io::read_file(io::real_file_system(), arguments.file, kMaxFileBytes));
  return client::KeyRing::open(sealed, words);
}

Result<void> export_ring(const Session& session, const Arguments& arguments) {
  KeyRingFiles files = files_of(session);
  STRATOS_TRY(const client::KeyRing ring, files.open());
  STRATOS_TRY(const Bytes words, passphrase(arguments));
  SystemRandom random;
  STRATOS_TRY(const Bytes sealed, ring.seal(words, random));
  STRATOS_CHECK(io::write_secret_file(io::real_file_system(), arguments.file, sealed));
  // Only a copy that was read back counts.
  STRATOS_TRY(const client::KeyRing copy, read_export(arguments));
  if (copy.fingerprint() != ring.fingerprint())
    return fail(Errc::hash_mismatch, "the copy differs");
  STRATOS_CHECK(files.note_export(ring));
  report(session, ring, "exported and verified");
  return {};
}

Result<void> import_ring(const Session& session, const Arguments& arguments) {
  STRATOS_TRY(const client::KeyRing ring, read_export(arguments));
  KeyRingFiles files = files_of(session);
  if (const auto present = files.open(); present && present->name() != ring.name()) {
    return fail(Errc::already_exists, "this gateway has another ring: " + present->name());
  } else if (present && present->newest_version() > ring.newest_version()) {
    return fail(Errc::already_exists, "this gateway's ring is newer than the file");
  }
  SystemRandom random;
  STRATOS_CHECK(files.store(ring, random));
  STRATOS_CHECK(files.note_export(ring));
  report(session, ring, "imported");
  return {};
}

Result<void> rotate_ring(const Session& session, const Arguments&) {
  KeyRingFiles files = files_of(session);
  STRATOS_TRY(client::KeyRing ring, files.open());
  SystemRandom random;
  ring.rotate(random);
  STRATOS_CHECK(files.store(ring, random));
  report(session, ring, "rotated");
  print_message(session.output, "restart the gateway to use it, and export the ring again");
  return {};
}

Result<void> verify_export(const Session& session, const Arguments& arguments) {
  KeyRingFiles files = files_of(session);
  STRATOS_TRY(const client::KeyRing ring, files.open());
  STRATOS_TRY(const client::KeyRing copy, read_export(arguments));
  if (copy.fingerprint() != ring.fingerprint()) {
    return fail(Errc::hash_mismatch, "the file holds " + copy.name() + " version " +
                                         std::to_string(copy.newest_version()) + ", the gateway " +
                                         ring.name() + " version " +
                                         std::to_string(ring.newest_version()));
  }
  STRATOS_CHECK(files.note_export(ring));
  report(session, ring, "verified");
  return {};
}

}  // namespace

void add_keyring_commands(CLI::App& app, Session& session) {
  CLI::App& ring = *app.add_subcommand("keyring", "The gateway's keys")->require_subcommand(1);
  ring.fallthrough();
  struct Command {
    const char* name;
    const char* help;
    bool takes_file;
    Result<void> (*run)(const Session&, const Arguments&);
  };
  const Command commands[] = {
      {"export", "Write an encrypted copy and read it back", true, &export_ring},
      {"import", "Take a copy over, for a new gateway", true, &import_ring},
      {"rotate", "Add a key version; older ones still open", false, &rotate_ring},
      {"verify", "Check that a copy is complete", true, &verify_export}};
  for (const Command& command : commands) {
    CLI::App& sub = *ring.add_subcommand(command.name, command.help);
    auto arguments = std::make_shared<Arguments>();
    if (command.takes_file) {
      sub.add_option("file", arguments->file, "The copy")->required();
      sub.add_option("--passphrase-file", arguments->passphrase_file,
                     "File with the passphrase of the copy")
          ->envname("STRATOS_PASSPHRASE_FILE");
    }
    on_chosen(sub, session,
              [&session, arguments, run = command.run] { return run(session, *arguments); });
  }
}

}  // namespace stratos::cli
