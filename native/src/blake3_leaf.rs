//! The way from one leaf of 1 KiB to the root of its BLAKE3 tree.

use crate::blake3_tree::{left_of, merged};
use crate::ffi;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};

const LEAF_BYTES: usize = 1024;
const LEAVES_PER_GROUP: usize = 16;

/// The sibling that one step joins: how many leaves it covers, from which on, on which side.
struct Step {
    first: usize,
    count: usize,
    is_left: bool,
}

fn leaves_in(length: usize) -> usize {
    length.div_ceil(LEAF_BYTES).max(1)
}

/// From the root down.
fn steps_to(leaf: usize, leaves: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut first, mut count) = (0, leaves);
    while count > 1 {
        let left = left_of(count);
        let is_left = leaf - first >= left;
        let sibling = if is_left {
            (first, left)
        } else {
            (first + left, count - left)
        };
        steps.push(Step {
            first: sibling.0,
            count: sibling.1,
            is_left,
        });
        (first, count) = if is_left {
            (first + left, count - left)
        } else {
            (first, left)
        };
    }
    steps
}

/// The chaining value of a subtree of leaves that begins at leaf `first` of the input.
fn subtree(bytes: &[u8], first: usize) -> ChainingValue {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset((first * LEAF_BYTES) as u64);
    hasher.update(bytes).finalize_non_root()
}

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_blake3_leaf_path(
    group: *const u8,
    group_length: usize,
    groups: *const u8,
    group_count: usize,
    length: usize,
    leaf: usize,
    out: *mut u8,
) -> usize {
    let leaves = leaves_in(length);
    assert!(leaf < leaves, "a leaf of the input");
    let steps = steps_to(leaf, leaves);
    let expected = if leaves > LEAVES_PER_GROUP {
        leaves.div_ceil(LEAVES_PER_GROUP)
    } else {
        0
    };
    assert!(group_count == expected, "the groups of this length");
    // SAFETY: the contract of the header.
    let (group, groups, out) = unsafe {
        (
            ffi::bytes(group, group_length),
            ffi::bytes(groups, group_count * 32),
            ffi::bytes_mut(out, steps.len() * 32),
        )
    };
    let own = leaf / LEAVES_PER_GROUP;
    let group_begin = own * LEAVES_PER_GROUP * LEAF_BYTES;
    let group_end = (group_begin + LEAVES_PER_GROUP * LEAF_BYTES).min(length);
    assert!(
        group.len() == group_end - group_begin,
        "the bytes of the leaf's group"
    );
    let (groups, _) = groups.as_chunks::<32>();
    for (step, value) in steps.iter().rev().zip(out.chunks_exact_mut(32)) {
        let sibling = if step.first / LEAVES_PER_GROUP == own {
            let begin = step.first * LEAF_BYTES - group_begin;
            let end = (begin + step.count * LEAF_BYTES).min(group.len());
            subtree(&group[begin..end], step.first)
        } else {
            let last = (step.first + step.count).div_ceil(LEAVES_PER_GROUP);
            merged(&groups[step.first / LEAVES_PER_GROUP..last])
        };
        value.copy_from_slice(&sibling);
    }
    steps.len()
}

/// # Safety
/// See `stratos_native.h`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stratos_blake3_leaf_root(
    bytes: *const u8,
    bytes_length: usize,
    path: *const u8,
    path_count: usize,
    length: usize,
    leaf: usize,
    out: *mut u8,
) {
    let leaves = leaves_in(length);
    assert!(leaf < leaves, "a leaf of the input");
    let expected = LEAF_BYTES.min(length - leaf * LEAF_BYTES);
    assert!(bytes_length == expected, "the bytes of this leaf");
    let steps = steps_to(leaf, leaves);
    assert!(path_count == steps.len(), "a path of this leaf");
    // SAFETY: the contract of the header.
    let (bytes, path, out) = unsafe {
        (
            ffi::bytes(bytes, bytes_length),
            ffi::bytes(path, path_count * 32),
            ffi::bytes_mut(out, 32),
        )
    };
    let (path, _) = path.as_chunks::<32>();
    let Some((last, inner)) = path.split_last() else {
        out.copy_from_slice(blake3::hash(bytes).as_bytes());
        return;
    };
    let mut value = subtree(bytes, leaf);
    for (step, sibling) in steps.iter().rev().zip(inner) {
        value = if step.is_left {
            merge_subtrees_non_root(sibling, &value, Mode::Hash)
        } else {
            merge_subtrees_non_root(&value, sibling, Mode::Hash)
        };
    }
    let root = if steps[0].is_left {
        merge_subtrees_root(last, &value, Mode::Hash)
    } else {
        merge_subtrees_root(&value, last, Mode::Hash)
    };
    out.copy_from_slice(root.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blake3_tree::stratos_blake3_groups;

    const GROUP_BYTES: usize = LEAVES_PER_GROUP * LEAF_BYTES;
    const LENGTHS: [usize; 17] = [
        0, 1, 1023, 1024, 1025, 2048, 3072, 5000, 16383, 16384, 16385, 17409, 32768, 49153,
        100_000, 262_144, 1_048_577,
    ];

    fn sample(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i % 251) as u8).collect()
    }

    fn leaf_of(data: &[u8], leaf: usize) -> &[u8] {
        &data[leaf * LEAF_BYTES..data.len().min((leaf + 1) * LEAF_BYTES)]
    }

    fn path_of(data: &[u8], leaf: usize) -> Vec<u8> {
        let mut groups = Vec::new();
        if data.len() > GROUP_BYTES {
            groups = vec![0; data.len().div_ceil(GROUP_BYTES) * 32];
            unsafe { stratos_blake3_groups(data.as_ptr(), data.len(), 0, groups.as_mut_ptr()) };
        }
        let begin = leaf / LEAVES_PER_GROUP * GROUP_BYTES;
        let group = &data[begin..data.len().min(begin + GROUP_BYTES)];
        let mut out = vec![0; 64 * 32];
        let steps = unsafe {
            stratos_blake3_leaf_path(
                group.as_ptr(),
                group.len(),
                groups.as_ptr(),
                groups.len() / 32,
                data.len(),
                leaf,
                out.as_mut_ptr(),
            )
        };
        out.truncate(steps * 32);
        out
    }

    fn root_of(bytes: &[u8], path: &[u8], length: usize, leaf: usize) -> [u8; 32] {
        let mut root = [0; 32];
        unsafe {
            stratos_blake3_leaf_root(
                bytes.as_ptr(),
                bytes.len(),
                path.as_ptr(),
                path.len() / 32,
                length,
                leaf,
                root.as_mut_ptr(),
            );
        }
        root
    }

    #[test]
    fn every_leaf_leads_to_the_hash_of_the_whole() {
        for length in LENGTHS {
            let data = sample(length);
            let hash = *blake3::hash(&data).as_bytes();
            let leaves = leaves_in(length);
            let apart = (leaves / 40).max(1);
            for leaf in (0..leaves).step_by(apart).chain([leaves - 1]) {
                let path = path_of(&data, leaf);
                let root = root_of(leaf_of(&data, leaf), &path, length, leaf);
                assert_eq!(root, hash, "leaf {leaf} of {length} bytes");
            }
        }
    }

    #[test]
    fn any_flipped_bit_leads_elsewhere() {
        let data = sample(37_000);
        let hash = *blake3::hash(&data).as_bytes();
        for leaf in [0, 15, 16, 35, 36] {
            let path = path_of(&data, leaf);
            let good = leaf_of(&data, leaf);
            for bit in 0..good.len() * 8 {
                let mut bad = good.to_vec();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert_ne!(root_of(&bad, &path, data.len(), leaf), hash);
            }
            for bit in 0..path.len() * 8 {
                let mut bad = path.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert_ne!(root_of(good, &bad, data.len(), leaf), hash);
            }
        }
    }

    #[test]
    fn equal_leaves_are_told_apart_by_their_place() {
        let data = vec![7; 64 * LEAF_BYTES];
        let hash = *blake3::hash(&data).as_bytes();
        let path = path_of(&data, 20);
        assert_eq!(root_of(leaf_of(&data, 20), &path, data.len(), 20), hash);
        for other in [0, 4, 21, 36, 52] {
            assert_ne!(root_of(leaf_of(&data, 20), &path, data.len(), other), hash);
        }
    }
}
