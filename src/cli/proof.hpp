// The proof that `stratos dev --prove` gives: a real file survives the loss of two nodes.
#pragma once
#include "cli/commands.hpp"
#include "cli/local_mesh.hpp"

namespace stratos::cli {

// Stores this program's own file over S3, cuts two nodes off that hold it, reads it back, compares,
// and joins the nodes again. What happened is said on stderr.
Result<void> prove(LocalMesh& mesh, const Session& session);

}  // namespace stratos::cli
