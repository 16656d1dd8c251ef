//! AES-256-GCM with 96-bit nonces (NIST SP 800-38D).

use crate::ffi;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// The expanded key. AWS-LC wipes what it frees.
pub struct AesGcmKey(LessSafeKey);

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_aes_gcm_key_new(key: *const u8) -> *mut AesGcmKey {
    // SAFETY: the contract of the header.
    let key = unsafe { ffi::bytes(key, KEY_BYTES) };
    let key = UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are a key");
    Box::into_raw(Box::new(AesGcmKey(LessSafeKey::new(key))))
}

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_aes_gcm_key_free(key: *mut AesGcmKey) {
    if !key.is_null() {
        // SAFETY: from stratos_aes_gcm_key_new, and freed once.
        drop(unsafe { Box::from_raw(key) });
    }
}

/// # Safety
/// `nonce` points to 12 readable bytes.
unsafe fn nonce_at(nonce: *const u8) -> Nonce {
    // SAFETY: the caller's promise.
    let nonce = unsafe { ffi::bytes(nonce, NONCE_BYTES) };
    Nonce::try_assume_unique_for_key(nonce).expect("12 bytes are a nonce")
}

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_aes_gcm_seal(
    key: *const AesGcmKey,
    nonce: *const u8,
    associated: *const u8,
    associated_length: usize,
    plain: *const u8,
    length: usize,
    out: *mut u8,
) {
    // SAFETY: the contract of the header.
    let (key, nonce, associated, plain, out) = unsafe {
        (
            &*key,
            nonce_at(nonce),
            ffi::bytes(associated, associated_length),
            ffi::bytes(plain, length),
            ffi::bytes_mut(out, length + TAG_BYTES),
        )
    };
    let (out, tag) = out.split_at_mut(length);
    key.0
        .seal_out_of_place_scatter(nonce, Aad::from(associated), plain, out, &[], tag)
        .expect("shorter than what one nonce may seal");
}

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_aes_gcm_open(
    key: *const AesGcmKey,
    nonce: *const u8,
    associated: *const u8,
    associated_length: usize,
    sealed: *const u8,
    length: usize,
    out: *mut u8,
) -> bool {
    // SAFETY: the contract of the header.
    let (key, nonce, associated, sealed, out) = unsafe {
        (
            &*key,
            nonce_at(nonce),
            ffi::bytes(associated, associated_length),
            ffi::bytes(sealed, length + TAG_BYTES),
            ffi::bytes_mut(out, length),
        )
    };
    let (sealed, tag) = sealed.split_at(length);
    let opened = key.0.open_separate_gather(nonce, Aad::from(associated), sealed, tag, out);
    if opened.is_err() {
        out.fill(0);
    }
    opened.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seals_as_nist_does_and_opens_only_that() {
        // Test case 14 of the GCM submission to NIST.
        let expected: Vec<u8> = concat!(
            "cea7403d4d606b6e074ec5d3baf39d18",
            "d0d1c8a799996bf0265b98b5d48ab919"
        )
        .as_bytes()
        .chunks(2)
        .map(|hex| u8::from_str_radix(str::from_utf8(hex).unwrap(), 16).unwrap())
        .collect();
        let zeros = [0u8; 32];
        let mut sealed = [0u8; 32];
        let mut opened = [0xeeu8; 16];
        let none = std::ptr::null();
        unsafe {
            let key = stratos_aes_gcm_key_new(zeros.as_ptr());
            let nonce = zeros.as_ptr();
            stratos_aes_gcm_seal(key, nonce, none, 0, zeros.as_ptr(), 16, sealed.as_mut_ptr());
            assert_eq!(sealed[..], expected[..]);
            let open = |sealed: &[u8; 32], opened: &mut [u8; 16]| {
                stratos_aes_gcm_open(key, nonce, none, 0, sealed.as_ptr(), 16, opened.as_mut_ptr())
            };
            assert!(open(&sealed, &mut opened));
            assert_eq!(opened, [0; 16]);
            sealed[31] ^= 1;
            opened = [0xee; 16];
            assert!(!open(&sealed, &mut opened));
            assert_eq!(opened, [0; 16], "nothing of a refused message is left");
            stratos_aes_gcm_key_free(key);
            stratos_aes_gcm_key_free(std::ptr::null_mut());
        }
    }
}
