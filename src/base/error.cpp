#include "base/error.hpp"

#include <array>

namespace stratos {
namespace {

struct CodeInfo {
  Errc code;
  std::string_view name;
  ErrorKind kind;
};

constexpr std::array kCodes = {
#define STRATOS_ERROR(number, name, kind) CodeInfo{Errc::name, #name, ErrorKind::kind},
#include "base/error_codes.def"
#undef STRATOS_ERROR
};

struct KindInfo {
  ErrorKind kind;
  int http_status;
  int exit_code;
};

constexpr std::array kKinds = {
    KindInfo{ErrorKind::internal, 500, 1},  KindInfo{ErrorKind::invalid, 400, 2},
    KindInfo{ErrorKind::not_found, 404, 3}, KindInfo{ErrorKind::conflict, 409, 6},
    KindInfo{ErrorKind::denied, 403, 4},    KindInfo{ErrorKind::unavailable, 503, 5},
    KindInfo{ErrorKind::exhausted, 507, 7}, KindInfo{ErrorKind::unsupported, 501, 1},
    KindInfo{ErrorKind::integrity, 500, 8},
};

const CodeInfo& info_of(Errc code) {
  for (const CodeInfo& info : kCodes) {
    if (info.code == code) return info;
  }
  return kCodes[0];
}

const KindInfo& info_of(ErrorKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

}  // namespace

std::string_view name_of(Errc code) { return info_of(code).name; }
ErrorKind kind_of(Errc code) { return info_of(code).kind; }

Errc errc_from_number(std::uint16_t number) { return info_of(static_cast<Errc>(number)).code; }

int http_status_of(ErrorKind kind) { return info_of(kind).http_status; }
int exit_code_of(ErrorKind kind) { return info_of(kind).exit_code; }

std::string Error::to_string() const {
  std::string text(name_of(code_));
  if (!message_.empty()) text += ": " + message_;
  if (cause_) text += "; because " + cause_->to_string();
  return text;
}

}  // namespace stratos
