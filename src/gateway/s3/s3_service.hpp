// The S3 protocol as an HTTP handler over an ObjectClient.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "client/object_client.hpp"
#include "gateway/admission.hpp"
#include "net/http.hpp"

namespace stratos::gateway::s3 {

class Notifier;

struct ServiceOptions {
  std::string region = "us-east-1";
  std::vector<std::string> base_domains;     // buckets are their subdomains
  std::vector<std::string> website_domains;  // buckets' websites are their subdomains
  AdmissionOptions admission;                // who is not admitted is told SlowDown
  std::uint64_t max_body_bytes = 5ULL << 30;
  Duration lifecycle_day = 24h;  // what lifecycle rules call a day
  Notifier* notifier = nullptr;  // knows the webhooks; null: there are none
  Runtime* hashing = nullptr;    // digests large bodies on its executor; null: the service's own
};

// Belongs to one runtime. What it is given outlives it; destroy it when no request runs.
class Service final : public http::Handler {
 public:
  Service(Runtime& runtime, client::ObjectClient& objects, metrics::Registry& metrics,
          ServiceOptions options);
  ~Service() override;

  // Answers every request, also the failed ones.
  Task<void> handle(http::Request& request, http::ResponseWriter& response) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stratos::gateway::s3
