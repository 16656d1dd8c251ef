#include "sim/sim_connection.hpp"

#include "sim/sim_world.hpp"

namespace stratos::sim {

void End::attach(Runtime& runtime) {
  attached = true;
  readable = std::make_unique<WaitQueue>(runtime);
  writable = std::make_unique<WaitQueue>(runtime);
}

void End::wake_all() {
  if (readable) readable->wake_all();
  if (writable) writable->wake_all();
}

void End::detach() {
  inbox.clear();
  inbox_bytes = taken = 0;
  wake_all();
}

Connection::Pipe::~Pipe() { connection_.network_.world().timers().remove(*this); }

void Connection::Pipe::push(Piece piece) {
  SimNetwork& network = connection_.network_;
  const End& from = connection_.ends_[from_];
  const End& to = connection_.ends_[1 - from_];
  const MonotonicTime now = network.world().now();
  MonotonicTime start = now;
  Duration transfer{0};
  const std::uint64_t rate = network.link(from.node, to.node).bytes_per_second;
  if (rate > 0) {
    transfer = Duration(static_cast<std::int64_t>(piece.data.size() * 1'000'000'000ULL / rate));
    if (!pieces_.empty()) start = std::max(start, pieces_.back().due);
  }
  piece.due = start + transfer + network.draw_latency(from.node, to.node);
  if (!pieces_.empty()) piece.due = std::max(piece.due, pieces_.back().due);
  pieces_.push_back(std::move(piece));
  if (pieces_.size() == 1 && !stalled_) arm_for_front();
}

void Connection::Pipe::arm_for_front() {
  SimWorld& world = connection_.network_.world();
  world.timers().insert(*this, std::max(pieces_.front().due, world.now()));
}

void Connection::Pipe::expired() {
  const auto alive = connection_.shared_from_this();
  SimNetwork& network = connection_.network_;
  if (!network.passes(connection_.ends_[from_].node, connection_.ends_[1 - from_].node)) {
    stalled_ = true;
    return;
  }
  Piece piece = std::move(pieces_.front());
  pieces_.pop_front();
  connection_.arrive(1 - from_, std::move(piece));
  if (!pieces_.empty() && !armed() && !stalled_) arm_for_front();
  connection_.maybe_retire();
}

void Connection::Pipe::resume() {
  if (!stalled_) return;
  stalled_ = false;
  SimNetwork& network = connection_.network_;
  const Duration latency =
      network.draw_latency(connection_.ends_[from_].node, connection_.ends_[1 - from_].node);
  pieces_.front().due = network.world().now() + latency;
  arm_for_front();
}

void Connection::Pipe::clear() {
  connection_.network_.world().timers().remove(*this);
  pieces_.clear();
  stalled_ = false;
}

Connection::Connection(SimNetwork& network, std::uint64_t id, std::string from, std::string to,
                       std::uint16_t port)
    : network_(network), id_(id), port_(port), pipes_{Pipe(*this, 0), Pipe(*this, 1)} {
  ends_[0].node = std::move(from);
  ends_[1].node = std::move(to);
}

void Connection::send(int side, Piece::Kind kind, Bytes data) {
  Piece piece;
  piece.kind = kind;
  piece.data = std::move(data);
  pipes_[side].push(std::move(piece));
}

void Connection::close(int side) {
  End& end = ends_[side];
  if (end.closed) return;
  end.closed = true;
  if (side == 0 && !end.established && !ends_[1].attached) {
    // Nobody repeats an attempt that was given up.
    pipes_[0].clear();
    pipes_[1].clear();
  } else if (!end.dead && !end.reset) {
    // Unread bytes make it a reset, as TCP does.
    if (!end.inbox.empty()) {
      send(side, Piece::Kind::reset);
    } else if (!end.write_ended) {
      send(side, Piece::Kind::end);
    }
  }
  end.detach();
  maybe_retire();
}

std::size_t Connection::take(int side, MutableByteView out) {
  End& end = ends_[side];
  const std::size_t wanted = std::min(out.size(), network_.read_size(end.inbox_bytes));
  std::size_t count = 0;
  while (count < wanted) {
    const ByteView front = ByteView(end.inbox.front()).subspan(end.taken);
    const std::size_t part = std::min(front.size(), wanted - count);
    std::memcpy(out.data() + count, front.data(), part);
    count += part;
    end.taken += part;
    if (part == front.size()) {
      end.inbox.pop_front();
      end.taken = 0;
    }
  }
  end.inbox_bytes -= count;
  End& peer = ends_[1 - side];
  peer.unread_by_peer -= count;
  if (peer.writable) peer.writable->wake_all();
  return count;
}

void Connection::crash(int side, bool silent) {
  End& end = ends_[side];
  if (!silent && !end.closed && !end.reset) send(side, Piece::Kind::reset);
  end.dead = true;
  end.detach();
}

void Connection::lose(int side) {
  End& end = ends_[side];
  end.reset = true;
  end.detach();
}

void Connection::reset_now() {
  const auto alive = shared_from_this();
  for (int side : {0, 1}) {
    pipes_[side].clear();
    lose(side);
  }
  maybe_retire();
}

void Connection::resume(const std::string& from, const std::string& to) {
  for (int side : {0, 1}) {
    if (ends_[side].node == from && ends_[1 - side].node == to) pipes_[side].resume();
  }
}

void Connection::arrive(int side, Piece piece) {
  SimWorld& world = network_.world();
  world.note(id_ << 8 | static_cast<std::uint64_t>(piece.kind) << 1 |
             static_cast<std::uint64_t>(side));
  End& end = ends_[side];
  switch (piece.kind) {
    case Piece::Kind::dial:
      arrive_dial(std::move(piece));
      return;
    case Piece::Kind::data:
      arrive_data(side, std::move(piece));
      return;
    case Piece::Kind::reset:
      lose(side);
      return;
    case Piece::Kind::end:
      end.read_ended = true;
      break;
    case Piece::Kind::accepted:
      // Whoever dialled may have given up meanwhile, or crashed.
      if (end.closed || end.dead) {
        send(side, Piece::Kind::reset);
        lose(side);
      }
      end.established = true;
      break;
  }
  end.wake_all();
}

void Connection::arrive_dial(Piece) {
  End& end = ends_[1];
  const auto port = network_.port(end.node, port_);
  const bool refused = network_.refuses(ends_[0].node, end.node);
  if (refused || !port || port->closed || port->pending.size() >= kBacklog) {
    send(1, Piece::Kind::reset);
    end.reset = true;
    return;
  }
  end.attach(port->runtime());
  end.established = true;
  send(1, Piece::Kind::accepted);
  port->pending.push_back(make_sim_stream(shared_from_this(), 1, port->runtime()));
  port->arrived.wake_one();
}

void Connection::arrive_data(int side, Piece piece) {
  End& end = ends_[side];
  if (end.reset) return;
  if (end.closed || end.dead) {
    send(side, Piece::Kind::reset);
    lose(side);
    return;
  }
  network_.world().note(piece.data);
  end.inbox_bytes += piece.data.size();
  end.inbox.push_back(std::move(piece.data));
  end.readable->wake_all();
}

// May destroy the connection: a stream or the caller holds it.
void Connection::maybe_retire() {
  if (!pipes_[0].empty() || !pipes_[1].empty()) return;
  for (const End& end : ends_) {
    const bool over = end.closed || end.dead || end.reset || !end.attached;
    if (!over) return;
  }
  network_.retire(id_);
}

}  // namespace stratos::sim
