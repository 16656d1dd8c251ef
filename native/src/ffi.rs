//! Pointers and lengths from C as slices.

/// # Safety
/// `data` points to `length` readable bytes for as long as `'a`, or `length` is 0.
pub unsafe fn bytes<'a>(data: *const u8, length: usize) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    assert!(!data.is_null(), "null with a length");
    // SAFETY: the caller's promise, and not null.
    unsafe { std::slice::from_raw_parts(data, length) }
}

/// # Safety
/// `data` points to `length` initialised bytes that nobody else touches during `'a`, or `length`
/// is 0.
pub unsafe fn bytes_mut<'a>(data: *mut u8, length: usize) -> &'a mut [u8] {
    if length == 0 {
        return &mut [];
    }
    assert!(!data.is_null(), "null with a length");
    // SAFETY: the caller's promise, and not null.
    unsafe { std::slice::from_raw_parts_mut(data, length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_an_empty_slice_only_without_a_length() {
        assert!(unsafe { bytes(std::ptr::null(), 0) }.is_empty());
        assert!(unsafe { bytes_mut(std::ptr::null_mut(), 0) }.is_empty());
        let refused = std::panic::catch_unwind(|| unsafe { bytes(std::ptr::null(), 1).len() });
        assert!(refused.is_err());
    }
}
