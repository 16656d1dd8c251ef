// Reads an object of FakeObjectClient.
#pragma once
#include "client/object_client.hpp"

namespace stratos::gateway::s3 {

class FakeObjectReader final : public client::ObjectReader {
 public:
  // Gives `step` bytes at once; fails after `fail_after` of them.
  FakeObjectReader(client::ObjectInfo info, std::string data, std::size_t step,
                   std::size_t fail_after)
      : info_(std::move(info)), data_(std::move(data)), step_(step), fail_after_(fail_after) {}
  const client::ObjectInfo& info() const override { return info_; }
  Result<void> select(client::ByteRange range) override {
    offset_ = range.first.value();
    data_ = data_.substr(offset_, range.last.value() - offset_ + 1);
    return {};
  }
  void unlock(const crypto::SecretKey&) override { locked_ = false; }
  std::uint64_t offset() const override { return offset_; }
  std::uint64_t length() const override { return data_.size(); }
  Task<Result<Buffer>> next() override {
    if (locked_) co_return fail(Errc::bad_key);
    if (at_ >= fail_after_) co_return fail(Errc::object_unreadable, "fragments of segment 12");
    const std::string_view part = std::string_view(data_).substr(at_, step_);
    at_ += part.size();
    co_return Buffer::copy_of(as_bytes(part));
  }

 private:
  client::ObjectInfo info_;
  bool locked_ = !info_.attributes.key_check.empty();
  std::string data_;
  std::size_t step_;
  std::size_t fail_after_;
  std::uint64_t offset_ = 0;
  std::size_t at_ = 0;
};

}  // namespace stratos::gateway::s3
