// The ObjectClient over a mesh.
#pragma once
#include "client/mesh.hpp"
#include "client/object_client.hpp"

namespace stratos::client {

// `mesh` outlives the client.
std::unique_ptr<ObjectClient> make_object_client(Mesh& mesh);

}  // namespace stratos::client
