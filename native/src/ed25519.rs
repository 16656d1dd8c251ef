//! Verification of Ed25519 signatures (RFC 8032).

use crate::ffi;
use ed25519_dalek::{Signature, VerifyingKey};

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_ed25519_verify(
    key: *const u8,
    message: *const u8,
    length: usize,
    signature: *const u8,
) -> bool {
    // SAFETY: the contract of the header.
    let (key, message, signature) = unsafe {
        (ffi::bytes(key, 32), ffi::bytes(message, length), ffi::bytes(signature, 64))
    };
    let (Ok(key), Ok(signature)) = (key.try_into(), signature.try_into()) else {
        return false;
    };
    let Ok(key) = VerifyingKey::from_bytes(key) else {
        return false;
    };
    key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn takes_the_vector_of_the_standard_and_no_bit_less() {
        // RFC 8032, 7.1, TEST 2.
        let key = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let mut signature = hex(concat!(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ));
        let verify = |signature: &[u8]| unsafe {
            stratos_ed25519_verify(key.as_ptr(), [0x72u8].as_ptr(), 1, signature.as_ptr())
        };
        assert!(verify(&signature));
        for bit in 0..512 {
            signature[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify(&signature), "bit {bit}");
            signature[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
