// RocksDB's files on io::FileSystem, so that they meet the same disks and the same faults as ours.
#pragma once
#include <rocksdb/env.h>

#include <memory>

#include "io/file_system.hpp"

namespace stratos::io {

// Threads and clock are those of rocksdb::Env::Default(). `fs` must outlive the environment.
// Files are never mapped into memory; a rename first makes earlier changes of its folder durable,
// since RocksDB renames CURRENT to name a file whose own entry it has not synced.
// Errc::disk_full arrives as subcode kNoSpace, sync_failed as kIOFenced (which stops the database
// until it is reopened), folder_locked as kBusy and a missing file as kPathNotFound.
std::unique_ptr<rocksdb::Env> make_rocks_env(FileSystem& fs);

// RocksDB's warnings and errors as log events "rocksdb".
std::shared_ptr<rocksdb::Logger> make_rocks_logger();

}  // namespace stratos::io
