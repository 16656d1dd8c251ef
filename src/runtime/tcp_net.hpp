// TCP behind the Net seam. Part of the real back end.
#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>

#include "runtime/blocking_pool.hpp"
#include "runtime/parking.hpp"
#include "runtime/runtime.hpp"

namespace stratos {

// Sockets have TCP_NODELAY, listeners SO_REUSEADDR. Names are resolved on `pool`, numeric addresses
// at once. All three outlive the result.
std::unique_ptr<Net> make_tcp_net(boost::asio::io_context& context, Parking& parking,
                                  BlockingPool& pool);

}  // namespace stratos
