// Until when objects are paid, and how their owner goes on paying.
#include "meta/payment.hpp"

#include "client/mesh_object_client_impl.hpp"

namespace stratos::client::detail {

Task<Result<PaymentInfo>> MeshObjectClient::payment(std::string bucket, std::string key,
                                                    VersionChoice version) {
  meta::GetPayment query;
  query.bucket = std::move(bucket);
  query.key = std::move(key);
  query.version = version;
  STRATOS_CO_TRY(const meta::GetPayment::Reply reply, co_await mesh_.meta.query(query));
  PaymentInfo info;
  info.version = reply.version;
  info.versioned = reply.versioned;
  info.payment = reply.payment;
  info.term_ms = reply.term_ms;
  info.term_noz = reply.term_noz;
  info.renews = reply.renews;
  co_return info;
}

Task<Result<ExtendedPayment>> MeshObjectClient::extend_payment(std::string bucket, std::string key,
                                                               VersionChoice version,
                                                               PaymentExtension extension) {
  meta::ExtendPayment command;
  command.bucket = std::move(bucket);
  command.key = std::move(key);
  command.version = version;
  command.through = extension.through;
  command.days = extension.days;
  STRATOS_CO_TRY(const meta::ExtendPayment::Reply reply, co_await mesh_.meta.execute(command));
  ExtendedPayment extended;
  extended.version = reply.version;
  extended.versioned = reply.versioned;
  extended.payment = reply.payment;
  extended.noz = reply.noz;
  co_return extended;
}

Task<Result<void>> MeshObjectClient::set_renewal(std::string bucket, bool renews) {
  meta::SetRenewal command;
  command.bucket = std::move(bucket);
  command.renews = renews;
  STRATOS_CO_CHECK(co_await mesh_.meta.execute(command));
  co_return Result<void>{};
}

}  // namespace stratos::client::detail
