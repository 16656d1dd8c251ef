//! Keccak-256 with the original padding.

use crate::ffi;
use sha3::{Digest, Keccak256};

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_keccak256(data: *const u8, length: usize, out: *mut u8) {
    // SAFETY: the contract of the header.
    let (data, out) = unsafe { (ffi::bytes(data, length), ffi::bytes_mut(out, 32)) };
    out.copy_from_slice(&Keccak256::digest(data));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_as_ethereum_does() {
        let mut out = [0u8; 32];
        unsafe { stratos_keccak256(std::ptr::null(), 0, out.as_mut_ptr()) };
        // keccak256("") = c5d24601…a470; SHA3-256("") would begin with a7ffc6f8.
        assert_eq!(out[..4], [0xc5, 0xd2, 0x46, 0x01]);
        assert_eq!(out[30..], [0xa4, 0x70]);
    }
}
