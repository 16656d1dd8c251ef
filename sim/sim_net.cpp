#include "sim/sim_net.hpp"

#include "runtime/host_port.hpp"
#include "sim/sim_connection.hpp"
#include "sim/sim_world.hpp"

namespace stratos::sim {
namespace {

constexpr std::uint16_t kFirstFreePort = 20'000;
constexpr Link kLoopback{5us, 20us, 0};

bool is_cancelled(boost::asio::cancellation_state state) {
  return state.cancelled() != boost::asio::cancellation_type::none;
}

// The rest of a timeout that began at `start`.
Duration rest_of(Duration timeout, Runtime& runtime, MonotonicTime start) {
  return timeout - (runtime.now() - start);
}

class SimStream final : public Stream {
 public:
  SimStream(std::shared_ptr<Connection> connection, int side, Runtime& runtime)
      : connection_(std::move(connection)), side_(side), runtime_(runtime) {}
  ~SimStream() override { connection_->close(side_); }

  Task<Result<std::size_t>> read_some(MutableByteView out, Duration timeout) override;
  Task<Result<void>> write(ByteView data, Duration timeout) override;
  void shutdown() override;
  void close() override { connection_->close(side_); }
  std::string peer_name() const override {
    return connection_->end(1 - side_).node + ":" + std::to_string(connection_->port());
  }

 private:
  End& end() { return connection_->end(side_); }

  std::shared_ptr<Connection> connection_;
  int side_;
  Runtime& runtime_;
};

Task<Result<std::size_t>> SimStream::read_some(MutableByteView out, Duration timeout) {
  if (out.empty()) co_return fail(Errc::invalid_argument, "a read into nothing");
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  const MonotonicTime start = runtime_.now();
  for (;;) {
    if (end().closed) co_return fail(Errc::cancelled, "the stream was closed");
    if (end().reset) co_return fail(Errc::connection_lost, "reset by " + peer_name());
    if (!end().inbox.empty() && !is_cancelled(state)) {
      co_return connection_->take(side_, out);
    }
    if (end().read_ended && !is_cancelled(state)) co_return std::size_t{0};
    const Duration rest = rest_of(timeout, runtime_, start);
    STRATOS_CO_CHECK(co_await end().readable->wait(rest));
  }
}

Task<Result<void>> SimStream::write(ByteView data, Duration timeout) {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  const MonotonicTime start = runtime_.now();
  while (!data.empty()) {
    if (is_cancelled(state)) close();
    if (end().closed) co_return fail(Errc::cancelled, "the stream was closed");
    if (end().reset || end().write_ended) {
      co_return fail(Errc::connection_lost, "write to " + peer_name());
    }
    const std::size_t room = kWindow - end().unread_by_peer;
    if (room == 0) {
      const auto woken = co_await end().writable->wait(rest_of(timeout, runtime_, start));
      if (woken) continue;
      close();
      co_return fail(woken.error());
    }
    const std::size_t count = std::min({data.size(), room, kLargestPiece});
    end().unread_by_peer += count;
    connection_->send(side_, Piece::Kind::data, to_bytes(data.first(count)));
    data = data.subspan(count);
  }
  co_return Result<void>();
}

void SimStream::shutdown() {
  if (end().closed || end().dead || end().reset || end().write_ended) return;
  end().write_ended = true;
  connection_->send(side_, Piece::Kind::end);
}

class SimListener final : public Listener {
 public:
  SimListener(SimNetwork& network, std::shared_ptr<PortState> port)
      : network_(network), port_(std::move(port)) {}
  ~SimListener() override { close(); }

  Task<Result<std::unique_ptr<Stream>>> accept() override {
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    while (port_->pending.empty() || is_cancelled(state)) {
      STRATOS_CO_CHECK(co_await port_->arrived.wait(std::nullopt));
    }
    std::unique_ptr<Stream> stream = std::move(port_->pending.front());
    port_->pending.pop_front();
    co_return stream;
  }
  void close() override {
    if (port_->closed) return;
    port_->closed = true;
    port_->arrived.close();
    port_->pending.clear();
    network_.close_port(port_->node, port_->port);
  }
  std::string address() const override { return port_->node + ":" + std::to_string(port_->port); }

 private:
  SimNetwork& network_;
  std::shared_ptr<PortState> port_;
};

class SimNet final : public Net {
 public:
  SimNet(SimNetwork& network, SimRuntime& runtime) : network_(network), runtime_(runtime) {}

  Result<std::unique_ptr<Listener>> listen(const std::string& address) override {
    STRATOS_TRY(HostPort parsed, parse_host_port(address));
    if (resolve(parsed.host) != runtime_.name()) {
      return fail(Errc::invalid_argument, "not an address of this node: " + address);
    }
    STRATOS_TRY(auto port, network_.open_port(runtime_, parsed.port));
    return std::make_unique<SimListener>(network_, std::move(port));
  }
  Task<Result<std::unique_ptr<Stream>>> connect(std::string address, Duration timeout) override;

 private:
  std::string resolve(const std::string& host) const {
    const bool self = host.empty() || host == "localhost" || host == "127.0.0.1" ||
                      host == "0.0.0.0" || host == "::1";
    return self ? runtime_.name() : host;
  }

  SimNetwork& network_;
  SimRuntime& runtime_;
};

Task<Result<std::unique_ptr<Stream>>> SimNet::connect(std::string address, Duration timeout) {
  STRATOS_CO_TRY(const HostPort parsed, parse_host_port(address));
  const MonotonicTime start = runtime_.now();
  auto connection = network_.dial(runtime_, resolve(parsed.host), parsed.port);
  // Closes the connection when this attempt is given up.
  auto stream = make_sim_stream(connection, 0, runtime_);
  End& end = connection->end(0);
  while (!end.established) {
    if (end.reset) co_return fail(Errc::connection_refused, "connect to " + address);
    STRATOS_CO_CHECK(co_await end.readable->wait(rest_of(timeout, runtime_, start)));
  }
  co_return stream;
}

}  // namespace

std::unique_ptr<Stream> make_sim_stream(std::shared_ptr<Connection> connection, int side,
                                        Runtime& runtime) {
  return std::make_unique<SimStream>(std::move(connection), side, runtime);
}

std::unique_ptr<Net> make_sim_net(SimNetwork& network, SimRuntime& runtime) {
  return std::make_unique<SimNet>(network, runtime);
}

SimNetwork::SimNetwork(SimWorld& world, std::uint64_t seed)
    : world_(world), random_(seed ^ 0x6e6574776f726b) {}

SimNetwork::~SimNetwork() = default;

void SimNetwork::set_link(const std::string& from, const std::string& to, Link link) {
  links_[{from, to}] = link;
}

void SimNetwork::cut(const std::string& from, const std::string& to) { cuts_.insert({from, to}); }

void SimNetwork::heal(const std::string& from, const std::string& to) {
  cuts_.erase({from, to});
  resume(from, to);
}

void SimNetwork::partition(const std::vector<std::string>& side,
                           const std::vector<std::string>& other) {
  for (const std::string& one : side) {
    for (const std::string& two : other) {
      cut(one, two);
      cut(two, one);
    }
  }
}

void SimNetwork::heal_all() {
  const std::set<Pair> healed = std::move(cuts_);
  cuts_.clear();
  for (const auto& [from, to] : healed) resume(from, to);
}

void SimNetwork::refuse(const std::string& from, const std::string& to, bool refused) {
  if (refused) {
    refused_.insert({from, to});
  } else {
    refused_.erase({from, to});
  }
}

void SimNetwork::resume(const std::string& from, const std::string& to) {
  if (!passes(from, to)) return;
  for (const auto& [id, connection] : connections_) connection->resume(from, to);
}

void SimNetwork::reset_connections(const std::string& one, const std::string& other) {
  // A copy: resetting retires.
  const auto all = connections_;
  for (const auto& [id, connection] : all) {
    const std::string& a = connection->end(0).node;
    const std::string& b = connection->end(1).node;
    if ((a == one && b == other) || (a == other && b == one)) connection->reset_now();
  }
}

Link SimNetwork::link(const std::string& from, const std::string& to) const {
  if (from == to) return kLoopback;
  if (links_.empty()) return default_link_;
  const auto found = links_.find({from, to});
  return found == links_.end() ? default_link_ : found->second;
}

Duration SimNetwork::draw_latency(const std::string& from, const std::string& to) {
  const Link found = link(from, to);
  const Duration spread = found.max_latency - found.min_latency;
  if (spread <= Duration::zero()) return found.min_latency;
  const auto drawn = random_.below(static_cast<std::uint64_t>(spread.count()) + 1);
  return found.min_latency + Duration(static_cast<std::int64_t>(drawn));
}

bool SimNetwork::passes(const std::string& from, const std::string& to) const {
  return !cuts_.contains({from, to}) && !silent_.contains(to);
}

bool SimNetwork::refuses(const std::string& from, const std::string& to) const {
  return refused_.contains({from, to});
}

std::size_t SimNetwork::read_size(std::size_t available) {
  if (short_reads_ == 0 || available < 2 || random_.below(short_reads_) != 0) return available;
  return 1 + random_.below(available - 1);
}

std::shared_ptr<Connection> SimNetwork::dial(SimRuntime& from, const std::string& to,
                                             std::uint16_t port) {
  const std::uint64_t id = next_connection_++;
  auto connection = std::make_shared<Connection>(*this, id, from.name(), to, port);
  connections_.emplace(id, connection);
  connection->end(0).attach(from);
  connection->send(0, Piece::Kind::dial);
  return connection;
}

std::shared_ptr<PortState> SimNetwork::port(const std::string& node, std::uint16_t port) const {
  const auto found = ports_.find({node, port});
  return found == ports_.end() ? nullptr : found->second;
}

Result<std::shared_ptr<PortState>> SimNetwork::open_port(SimRuntime& runtime, std::uint16_t port) {
  const std::string& node = runtime.name();
  if (port == 0) {
    std::uint16_t& next = next_port_.try_emplace(node, kFirstFreePort).first->second;
    while (ports_.contains({node, next})) ++next;
    port = next++;
  }
  auto state = std::make_shared<PortState>(runtime, node, port);
  if (!ports_.try_emplace({node, port}, state).second) {
    return fail(Errc::address_in_use, node + ":" + std::to_string(port));
  }
  return state;
}

void SimNetwork::close_port(const std::string& node, std::uint16_t port) {
  ports_.erase({node, port});
}

void SimNetwork::node_up(const std::string& name) {
  silent_.erase(name);
  for (const auto& [id, connection] : connections_) {
    const std::string& a = connection->end(0).node;
    const std::string& b = connection->end(1).node;
    if (b == name && passes(a, b)) connection->resume(a, b);
    if (a == name && passes(b, a)) connection->resume(b, a);
  }
}

void SimNetwork::node_down(const std::string& name, bool silent) {
  if (silent) silent_.insert(name);
  for (const auto& [id, connection] : connections_) {
    for (int side : {0, 1}) {
      const End& end = connection->end(side);
      if (end.node == name && end.attached && !end.dead) connection->crash(side, silent);
    }
  }
  std::erase_if(ports_, [&name](const auto& item) {
    if (item.first.first != name) return false;
    item.second->closed = true;
    return true;
  });
}

void SimNetwork::clear() {
  ports_.clear();
  connections_.clear();
}

}  // namespace stratos::sim
