// One simulated connection: two ends, and a pipe from each to the other. Internal to the simulator.
#pragma once
#include <deque>
#include <memory>
#include <string>

#include "runtime/sync.hpp"
#include "runtime/timer_heap.hpp"
#include "sim/sim_net.hpp"

namespace stratos::sim {

constexpr std::size_t kWindow = 256 * 1024;  // bytes written and not yet read by the peer
constexpr std::size_t kLargestPiece = 64 * 1024;
constexpr std::size_t kBacklog = 128;

// What travels.
struct Piece {
  enum class Kind : std::uint8_t { data, end, reset, dial, accepted };
  Kind kind = Kind::data;
  MonotonicTime due;
  Bytes data;
};

// What one node knows of the connection.
struct End {
  std::string node;
  bool attached = false;  // the node has a Stream for it, or will
  bool dead = false;      // its incarnation crashed
  bool closed = false;    // by its own side
  bool established = false;
  bool write_ended = false;
  bool read_ended = false;  // the peer's end has arrived
  bool reset = false;
  std::deque<Bytes> inbox;
  std::size_t taken = 0;  // bytes of inbox.front() read already
  std::size_t inbox_bytes = 0;
  std::size_t unread_by_peer = 0;
  std::unique_ptr<WaitQueue> readable;  // and established
  std::unique_ptr<WaitQueue> writable;

  void attach(Runtime& runtime);
  void detach();
  void wake_all();
};

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  // Side 0 dials side 1.
  Connection(SimNetwork& network, std::uint64_t id, std::string from, std::string to,
             std::uint16_t port);

  End& end(int side) { return ends_[side]; }
  std::uint16_t port() const { return port_; }
  SimNetwork& network() { return network_; }
  void send(int side, Piece::Kind kind, Bytes data = {});
  // The side reads no more and writes no more.
  void close(int side);
  // Takes up to out.size() bytes out of the inbox, which is not empty.
  std::size_t take(int side, MutableByteView out);
  void crash(int side, bool silent);
  // Both sides lose it now.
  void reset_now();
  // Goes on with what was stalled from one node to the other.
  void resume(const std::string& from, const std::string& to);
  // Forgets the connection when nothing can happen on it any more.
  void maybe_retire();

 private:
  class Pipe final : public Timer {
   public:
    Pipe(Connection& connection, int from) : connection_(connection), from_(from) {}
    ~Pipe();
    void push(Piece piece);
    void expired() override;
    bool empty() const { return pieces_.empty(); }
    bool stalled() const { return stalled_; }
    void resume();
    void clear();

   private:
    void arm_for_front();
    Connection& connection_;
    int from_;
    bool stalled_ = false;
    std::deque<Piece> pieces_;
  };

  void arrive(int side, Piece piece);
  void arrive_dial(Piece piece);
  void arrive_data(int side, Piece piece);
  void lose(int side);

  SimNetwork& network_;
  std::uint64_t id_;
  std::uint16_t port_;
  End ends_[2];
  Pipe pipes_[2];
};

// A listening port.
struct PortState {
  PortState(Runtime& runtime, std::string node_name, std::uint16_t number)
      : node(std::move(node_name)), port(number), arrived(runtime) {}
  std::string node;
  std::uint16_t port;
  bool closed = false;
  std::deque<std::unique_ptr<Stream>> pending;
  WaitQueue arrived;
  Runtime& runtime() const { return arrived.runtime(); }
};

std::unique_ptr<Stream> make_sim_stream(std::shared_ptr<Connection> connection, int side,
                                        Runtime& runtime);

}  // namespace stratos::sim
