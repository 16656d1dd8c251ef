// Reads an object's bytes: inline, or slice after slice with the next batch under way.
#pragma once
#include "client/mesh.hpp"
#include "client/object_client.hpp"

namespace stratos::client {

// `mesh` outlives the reader. Checks the page MACs it can check at once.
Result<std::unique_ptr<ObjectReader>> make_object_reader(Mesh& mesh, ObjectInfo info,
                                                         meta::GetObject::Reply object);

}  // namespace stratos::client
