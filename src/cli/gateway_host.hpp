// GatewayHost: one S3 gateway as this program runs it, inside `stratos dev` or as `stratos
// gateway`.
#pragma once
#include <memory>
#include <string>

#include "base/metrics.hpp"
#include "cli/dialer.hpp"
#include "client/key_ring.hpp"
#include "client/object_client.hpp"
#include "gateway/s3/webhook.hpp"
#include "net/http.hpp"

namespace stratos::cli {

struct GatewayHostOptions {
  std::string address = "127.0.0.1:9000";
  std::string region = "us-east-1";
  std::string virtual_host = "s3.localhost";          // buckets are its subdomains
  std::string website_host = "s3-website.localhost";  // buckets' websites are its subdomains
  AccountId payer;
  std::vector<gateway::s3::Webhook> webhooks;
  Runtime* hashing = nullptr;      // digests large bodies on its executor; null: the gateway's own
  std::chrono::seconds day = 24h;  // what lifecycle rules call a day; shorter to try them out
};

// Lives on one runtime; what it is given outlives it.
class GatewayHost {
 public:
  static Task<Result<std::unique_ptr<GatewayHost>>> start(
      Runtime& runtime, std::unique_ptr<net::Channel> meta, client::Dialer& dialer,
      client::KeyRing ring, metrics::Registry& metrics, GatewayHostOptions options);
  virtual ~GatewayHost() = default;
  virtual std::string address() const = 0;
  virtual client::ObjectClient& objects() = 0;
  virtual Task<void> stop() = 0;
};

}  // namespace stratos::cli
