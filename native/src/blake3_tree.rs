//! BLAKE3 and its tree above 16 KiB groups.

use crate::ffi;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};

const GROUP_BYTES: usize = 16 * 1024;

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_blake3(data: *const u8, length: usize, out: *mut u8) {
    // SAFETY: the contract of the header.
    let (data, out) = unsafe { (ffi::bytes(data, length), ffi::bytes_mut(out, 32)) };
    out.copy_from_slice(blake3::hash(data).as_bytes());
}

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_blake3_xof(
    data: *const u8,
    length: usize,
    out: *mut u8,
    out_length: usize,
) {
    // SAFETY: the contract of the header.
    let (data, out) = unsafe { (ffi::bytes(data, length), ffi::bytes_mut(out, out_length)) };
    blake3::Hasher::new().update(data).finalize_xof().fill(out);
}

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_blake3_groups(
    data: *const u8,
    length: usize,
    offset: u64,
    out: *mut u8,
) {
    let groups = length.div_ceil(GROUP_BYTES);
    // SAFETY: the contract of the header.
    let (data, out) = unsafe { (ffi::bytes(data, length), ffi::bytes_mut(out, groups * 32)) };
    assert!(
        offset.is_multiple_of(GROUP_BYTES as u64),
        "groups begin at multiples of their size"
    );
    let mut at = offset;
    for (group, value) in data.chunks(GROUP_BYTES).zip(out.chunks_exact_mut(32)) {
        let mut hasher = blake3::Hasher::new();
        value.copy_from_slice(
            &hasher
                .set_input_offset(at)
                .update(group)
                .finalize_non_root(),
        );
        at += GROUP_BYTES as u64;
    }
}

/// How many of `count` subtrees of equal size lie to the left of their root.
pub fn left_of(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// Recursion is as deep as the logarithm of the number of groups.
pub fn merged(groups: &[ChainingValue]) -> ChainingValue {
    match groups {
        [only] => *only,
        _ => {
            let (left, right) = groups.split_at(left_of(groups.len()));
            merge_subtrees_non_root(&merged(left), &merged(right), Mode::Hash)
        }
    }
}

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_blake3_root(groups: *const u8, count: usize, out: *mut u8) {
    assert!(count >= 2, "a single group has no parent");
    // SAFETY: the contract of the header.
    let (groups, out) = unsafe { (ffi::bytes(groups, count * 32), ffi::bytes_mut(out, 32)) };
    let (groups, _) = groups.as_chunks::<32>();
    let (left, right) = groups.split_at(left_of(count));
    let root = merge_subtrees_root(&merged(left), &merged(right), Mode::Hash);
    out.copy_from_slice(root.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i % 251) as u8).collect()
    }

    fn groups_of(data: &[u8], offset: u64) -> Vec<u8> {
        let mut out = vec![0; data.len().div_ceil(GROUP_BYTES) * 32];
        unsafe { stratos_blake3_groups(data.as_ptr(), data.len(), offset, out.as_mut_ptr()) };
        out
    }

    #[test]
    fn groups_merge_to_the_hash_of_the_whole() {
        for length in [16385, 32767, 32768, 32769, 49153, 65536, 100_000, 1_048_577] {
            let data = sample(length);
            let groups = groups_of(&data, 0);
            let mut root = [0u8; 32];
            unsafe { stratos_blake3_root(groups.as_ptr(), groups.len() / 32, root.as_mut_ptr()) };
            assert_eq!(root, *blake3::hash(&data).as_bytes(), "{length} bytes");
        }
    }

    #[test]
    fn a_part_has_the_groups_of_the_whole() {
        let data = sample(5 * GROUP_BYTES + 77);
        let (front, back) = data.split_at(2 * GROUP_BYTES);
        let joined = [groups_of(front, 0), groups_of(back, front.len() as u64)].concat();
        assert_eq!(joined, groups_of(&data, 0));
    }

    #[test]
    fn left_subtree_is_the_largest_power_of_two_below() {
        let expected = [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (17, 16)];
        for (count, left) in expected {
            assert_eq!(left_of(count), left);
        }
    }

    #[test]
    fn extended_output_begins_with_the_hash() {
        let data = sample(100);
        let mut out = [0u8; 100];
        unsafe { stratos_blake3_xof(data.as_ptr(), 100, out.as_mut_ptr(), 100) };
        assert_eq!(out[..32], *blake3::hash(&data).as_bytes());
    }
}
