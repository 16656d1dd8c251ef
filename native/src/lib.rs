//! What Stratos takes from Rust, behind the C ABI that `stratos_native.h` documents.
//! One module per subject; each holds its own `extern "C"` functions. A panic in one of them is a
//! bug and aborts the process, because it cannot leave an `extern "C"` function.

mod aes_gcm;
mod blake3_leaf;
mod blake3_tree;
mod crc;
mod ed25519;
mod ffi;
mod keccak;
