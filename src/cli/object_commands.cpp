// mb rb ls cp cat stat rm
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/s3_session.hpp"

namespace stratos::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Arguments {
  std::string first;
  std::string second;
  bool recursive = false;
  bool dry_run = false;
};

Result<S3Path> require_bucket_path(const std::string& text) {
  auto path = parse_s3_path(text);
  if (!path || path->bucket.empty()) {
    return fail(Errc::invalid_argument, text + ": s3://bucket expected");
  }
  return *path;
}

Result<S3Path> require_object_path(const std::string& text) {
  STRATOS_TRY(S3Path path, require_bucket_path(text));
  if (path.key.empty()) return fail(Errc::invalid_argument, text + ": s3://bucket/key expected");
  return path;
}

Result<std::unique_ptr<S3Session>> connect(const Session& session) {
  return S3Session::open(session.folder(), session.account);
}

Result<void> make_bucket(const Session& session, const Arguments& arguments) {
  STRATOS_TRY(const S3Path path, require_bucket_path(arguments.first));
  STRATOS_TRY(const auto s3, connect(session));
  STRATOS_CHECK(s3->create_bucket(path.bucket));
  if (session.output.json) print_json({{"bucket", path.bucket}});
  return {};
}

Result<void> remove_bucket(const Session& session, const Arguments& arguments) {
  STRATOS_TRY(const S3Path path, require_bucket_path(arguments.first));
  STRATOS_TRY(const auto s3, connect(session));
  return s3->delete_bucket(path.bucket);
}

// Calls visit for every page of a listing.
Result<void> for_each_page(S3Session& s3, const S3Path& path, bool recursive,
                           const std::function<Result<void>(const S3Listing&)>& visit) {
  std::string token;
  do {
    STRATOS_TRY(const S3Listing page, s3.list(path, recursive, token));
    STRATOS_CHECK(visit(page));
    token = page.next;
  } while (!token.empty());
  return {};
}

void print_object(const Session& session, const S3Object& object) {
  if (session.output.json) {
    print_json({{"key", object.key},
                {"size", object.size},
                {"modified", object.modified},
                {"etag", object.etag}});
    return;
  }
  std::array<char, 32> size{};
  std::snprintf(size.data(), size.size(), "%12llu", static_cast<unsigned long long>(object.size));
  print_line(object.modified + " " + size.data() + " " + object.key);
}

Result<void> list(const Session& session, const Arguments& arguments) {
  STRATOS_TRY(const auto s3, connect(session));
  if (arguments.first.empty() || arguments.first == "s3://") {
    STRATOS_TRY(const std::vector<std::string> names, s3->list_buckets());
    for (const std::string& name : names) {
      if (session.output.json)
        print_json({{"bucket", name}});
      else
        print_line("s3://" + name);
    }
    return {};
  }
  STRATOS_TRY(const S3Path path, require_bucket_path(arguments.first));
  return for_each_page(*s3, path, arguments.recursive, [&](const S3Listing& page) -> Result<void> {
    for (const std::string& prefix : page.prefixes) {
      if (session.output.json)
        print_json({{"prefix", prefix}});
      else
        print_line("                                      " + prefix);
    }
    for (const S3Object& object : page.objects) print_object(session, object);
    return {};
  });
}

Result<void> upload(const Session& session, S3Session& s3, const fs::path& file,
                    const S3Path& target) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(file, error);
  if (error) return fail(Errc::file_not_found, file.string() + ": " + error.message());
  auto input = std::make_shared<std::ifstream>(file, std::ios::binary);
  if (!*input) return fail(Errc::file_not_found, file.string());
  auto progress = std::make_shared<Progress>(session.output, file.filename().string(), size);
  Runtime& runtime = s3.runtime();
  const auto source = [input, progress, &runtime](std::size_t max) -> Result<Buffer> {
    Buffer buffer = Buffer::allocate(max);
    input->read(reinterpret_cast<char*>(buffer.mutable_view().data()),
                static_cast<std::streamsize>(max));
    if (input->bad()) return fail(Errc::io_error, "read");
    const auto got = static_cast<std::size_t>(input->gcount());
    progress->advance(got, runtime.now());
    return buffer.slice(0, got);
  };
  return s3.put(target, source, size);
}

Result<void> download(const Session& session, S3Session& s3, const S3Path& source,
                      const fs::path& file) {
  // Written beside the target first: an interrupted copy never looks like a whole one.
  const fs::path part = file.string() + ".stratos-part";
  std::ofstream output(part, std::ios::binary | std::ios::trunc);
  if (!output) return fail(Errc::io_error, part.string());
  std::unique_ptr<Progress> progress;
  const auto total = [&](std::uint64_t size) {
    progress = std::make_unique<Progress>(session.output, source.key, size);
  };
  const auto sink = [&](ByteView data) -> Result<void> {
    output.write(reinterpret_cast<const char*>(data.data()),
                 static_cast<std::streamsize>(data.size()));
    if (!output) return fail(Errc::io_error, part.string());
    progress->advance(data.size(), s3.runtime().now());
    return {};
  };
  const Result<void> got = s3.get(source, sink, total);
  output.close();
  std::error_code error;
  if (!got || !output) {
    fs::remove(part, error);
    return got ? fail(Errc::io_error, part.string()) : got;
  }
  fs::rename(part, file, error);
  if (error) return fail(Errc::io_error, file.string() + ": " + error.message());
  return {};
}

void report_copy(const Session& session, const Arguments& arguments, const std::string& from,
                 const std::string& to) {
  if (session.output.json) {
    print_json({{"from", from}, {"to", to}, {"dry_run", arguments.dry_run}});
  } else {
    print_message(session.output,
                  (arguments.dry_run ? "would copy " : "copied ") + from + " to " + to);
  }
}

std::string name_of_path(const S3Path& path) { return "s3://" + path.bucket + "/" + path.key; }

Result<void> upload_tree(const Session& session, const Arguments& arguments, S3Session& s3,
                         const S3Path& target) {
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(arguments.first, error)) {
    if (!entry.is_regular_file()) continue;
    S3Path to = target;
    if (!to.key.empty() && !to.key.ends_with('/')) to.key += '/';
    to.key += fs::relative(entry.path(), arguments.first).generic_string();
    if (!arguments.dry_run) STRATOS_CHECK(upload(session, s3, entry.path(), to));
    report_copy(session, arguments, entry.path().string(), name_of_path(to));
  }
  if (error) return fail(Errc::file_not_found, arguments.first + ": " + error.message());
  return {};
}

// A key may not lead out of the folder it is copied to.
Result<fs::path> path_below(const fs::path& root, const std::string& relative) {
  const fs::path clean = fs::path(relative).lexically_normal();
  const bool escapes = clean.is_absolute() || (!clean.empty() && *clean.begin() == "..");
  if (escapes) return fail(Errc::invalid_argument, "key leads out of the folder: " + relative);
  return root / clean;
}

Result<void> download_tree(const Session& session, const Arguments& arguments, S3Session& s3,
                           const S3Path& source) {
  return for_each_page(s3, source, true, [&](const S3Listing& page) -> Result<void> {
    for (const S3Object& object : page.objects) {
      std::string relative = object.key.substr(std::min(source.key.size(), object.key.size()));
      if (relative.starts_with('/')) relative.erase(0, 1);
      if (relative.empty() || relative.ends_with('/')) continue;
      STRATOS_TRY(const fs::path file, path_below(arguments.second, relative));
      S3Path from = source;
      from.key = object.key;
      std::error_code error;
      if (!arguments.dry_run) {
        fs::create_directories(file.parent_path(), error);
        STRATOS_CHECK(download(session, s3, from, file));
      }
      report_copy(session, arguments, name_of_path(from), file.string());
    }
    return {};
  });
}

Result<void> copy_one(const Session& session, const Arguments& arguments, S3Session& s3) {
  const auto from = parse_s3_path(arguments.first);
  auto to = parse_s3_path(arguments.second);
  if (to && (to->key.empty() || to->key.ends_with('/'))) {
    to->key += fs::path(from ? from->key : arguments.first).filename().string();
  }
  std::string target = arguments.second;
  if (!to && fs::is_directory(target)) target += "/" + fs::path(from->key).filename().string();
  if (!arguments.dry_run) {
    STRATOS_CHECK(from && to ? s3.copy(*from, *to)
                  : to       ? upload(session, s3, arguments.first, *to)
                             : download(session, s3, *from, target));
  }
  report_copy(session, arguments, arguments.first, to ? name_of_path(*to) : target);
  return {};
}

Result<void> copy(const Session& session, const Arguments& arguments) {
  const auto from = parse_s3_path(arguments.first);
  const auto to = parse_s3_path(arguments.second);
  if (!from && !to) return fail(Errc::invalid_argument, "one side must be s3://bucket/key");
  STRATOS_TRY(const auto s3, connect(session));
  if (!arguments.recursive) return copy_one(session, arguments, *s3);
  if (from && to) return fail(Errc::not_implemented, "recursive copy from bucket to bucket");
  return to ? upload_tree(session, arguments, *s3, *to)
            : download_tree(session, arguments, *s3, *from);
}

Result<void> concatenate(const Session& session, const Arguments& arguments) {
  STRATOS_TRY(const S3Path path, require_object_path(arguments.first));
  STRATOS_TRY(const auto s3, connect(session));
  const auto sink = [](ByteView data) -> Result<void> {
    const std::size_t written = std::fwrite(data.data(), 1, data.size(), stdout);
    if (written != data.size()) return fail(Errc::io_error, "standard output");
    return {};
  };
  STRATOS_CHECK(s3->get(path, sink, {}));
  if (std::fflush(stdout) != 0) return fail(Errc::io_error, "standard output");
  return {};
}

Result<void> stat(const Session& session, const Arguments& arguments) {
  STRATOS_TRY(const S3Path path, require_object_path(arguments.first));
  STRATOS_TRY(const auto s3, connect(session));
  STRATOS_TRY(const http::Headers headers, s3->head(path));
  json value = json::object();
  for (const auto& [name, text] : headers.items()) value[name] = text;
  if (session.output.json) {
    print_json(value);
  } else {
    for (const auto& [name, text] : headers.items()) print_line(name + ": " + text);
  }
  return {};
}

Result<void> remove(const Session& session, const Arguments& arguments) {
  STRATOS_TRY(const auto s3, connect(session));
  const auto remove_one = [&](const S3Path& path) -> Result<void> {
    if (!arguments.dry_run) STRATOS_CHECK(s3->remove(path));
    if (session.output.json)
      print_json({{"removed", name_of_path(path)}, {"dry_run", arguments.dry_run}});
    return {};
  };
  if (!arguments.recursive) {
    STRATOS_TRY(const S3Path path, require_object_path(arguments.first));
    return remove_one(path);
  }
  STRATOS_TRY(const S3Path path, require_bucket_path(arguments.first));
  return for_each_page(*s3, path, true, [&](const S3Listing& page) -> Result<void> {
    for (const S3Object& object : page.objects) {
      STRATOS_CHECK(remove_one({path.bucket, object.key}));
    }
    return {};
  });
}

struct Command {
  const char* name;
  const char* help;
  int paths;
  bool path_required;
  bool takes_recursive;
  bool takes_dry_run;
  Result<void> (*run)(const Session&, const Arguments&);
};

constexpr std::array kCommands = {
    Command{"mb", "Make a bucket: mb s3://bucket", 1, true, false, false, &make_bucket},
    Command{"rb", "Remove an empty bucket", 1, true, false, false, &remove_bucket},
    Command{"ls", "List buckets, or what is below s3://bucket/prefix", 1, false, true, false,
            &list},
    Command{"cp", "Copy to, from or between s3://bucket/key", 2, true, true, true, &copy},
    Command{"cat", "Write an object to standard output", 1, true, false, false, &concatenate},
    Command{"stat", "Show an object's attributes", 1, true, false, false, &stat},
    Command{"rm", "Remove an object, or all below a prefix with -r", 1, true, true, true, &remove},
};

}  // namespace

void add_object_commands(CLI::App& app, Session& session) {
  for (const Command& command : kCommands) {
    CLI::App& sub = *app.add_subcommand(command.name, command.help);
    auto arguments = std::make_shared<Arguments>();
    auto* first = sub.add_option("path", arguments->first, "s3://bucket/key or a local path");
    if (command.path_required) first->required();
    if (command.paths == 2) sub.add_option("target", arguments->second, "Where to")->required();
    if (command.takes_recursive) {
      sub.add_flag("-r,--recursive", arguments->recursive, "Everything below");
    }
    if (command.takes_dry_run) {
      sub.add_flag("--dry-run", arguments->dry_run, "Only say what would be done");
    }
    on_chosen(sub, session,
              [&session, arguments, run = command.run] { return run(session, *arguments); });
  }
}

}  // namespace stratos::cli
