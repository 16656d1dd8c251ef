//! The three CRCs of S3, continued from finished values.

use crate::ffi;
use crc_fast::{CrcAlgorithm, Digest};

const MASK_32: u64 = 0xffff_ffff;

/// `mask` is both the initial state and the final exclusive-or of the CRC.
fn continued(algorithm: CrcAlgorithm, mask: u64, crc: u64, data: &[u8]) -> u64 {
    let mut digest = Digest::new_with_init_state(algorithm, crc ^ mask);
    digest.update(data);
    digest.finalize()
}

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_crc32(crc: u32, data: *const u8, length: usize) -> u32 {
    // SAFETY: the contract of the header.
    let data = unsafe { ffi::bytes(data, length) };
    match crc {
        0 => crc_fast::crc32_iso_hdlc(data),
        _ => continued(CrcAlgorithm::Crc32IsoHdlc, MASK_32, crc.into(), data) as u32,
    }
}

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_crc32c(crc: u32, data: *const u8, length: usize) -> u32 {
    // SAFETY: the contract of the header.
    let data = unsafe { ffi::bytes(data, length) };
    match crc {
        0 => crc_fast::crc32_iscsi(data),
        _ => continued(CrcAlgorithm::Crc32Iscsi, MASK_32, crc.into(), data) as u32,
    }
}

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_crc64nvme(crc: u64, data: *const u8, length: usize) -> u64 {
    // SAFETY: the contract of the header.
    let data = unsafe { ffi::bytes(data, length) };
    match crc {
        0 => crc_fast::crc64_nvme(data),
        _ => continued(CrcAlgorithm::Crc64Nvme, u64::MAX, crc, data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: &[u8] = b"123456789";

    #[test]
    fn check_values_hold_at_every_split() {
        for split in 0..=CHECK.len() {
            let (a, b) = CHECK.split_at(split);
            unsafe {
                let crc = stratos_crc32(0, a.as_ptr(), a.len());
                assert_eq!(stratos_crc32(crc, b.as_ptr(), b.len()), 0xcbf43926);
                let crc = stratos_crc32c(0, a.as_ptr(), a.len());
                assert_eq!(stratos_crc32c(crc, b.as_ptr(), b.len()), 0xe3069283);
                let crc = stratos_crc64nvme(0, a.as_ptr(), a.len());
                assert_eq!(
                    stratos_crc64nvme(crc, b.as_ptr(), b.len()),
                    0xae8b14860a799888
                );
            }
        }
    }
}
