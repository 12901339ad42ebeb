// Functions of the system and of the C library, a callback that the library calls, and memory by hand.
use std::alloc::{alloc_zeroed, dealloc, Layout};
use std::ffi::{c_void, CString};
use std::os::raw::{c_char, c_int};

extern "C" {
    fn qsort(base: *mut c_void, count: usize, size: usize, compare: extern "C" fn(*const c_void, *const c_void) -> c_int);
    fn strtol(text: *const c_char, end: *mut *mut c_char, base: c_int) -> c_int;
}

extern "system" {
    fn GetCurrentThreadId() -> u32;
    fn GetEnvironmentVariableA(name: *const c_char, text: *mut u8, size: u32) -> u32;
}

extern "C" fn compare(a: *const c_void, b: *const c_void) -> c_int {
    unsafe { *(a as *const c_int) - *(b as *const c_int) }
}

fn main() {
    let mut numbers: Vec<c_int> = (0..40).map(|i| i * 17 % 41).collect();
    unsafe {
        qsort(numbers.as_mut_ptr() as *mut c_void, numbers.len(), 4, compare);
        println!("{:?}", &numbers[..8]);
        println!("{}", strtol(CString::new("7f").unwrap().as_ptr(), std::ptr::null_mut(), 16));
        println!("{}", GetCurrentThreadId() != 0);
        let layout = Layout::from_size_align(1 << 20, 4096).unwrap();
        let room = alloc_zeroed(layout);
        println!("{} {}", room as usize % 4096, std::slice::from_raw_parts(room, 1 << 20).iter().all(|&byte| byte == 0));
        dealloc(room, layout);
        let mut text = [0u8; 64];
        std::env::set_var("URUK_RUST", "a word");
        let size = GetEnvironmentVariableA(CString::new("URUK_RUST").unwrap().as_ptr(), text.as_mut_ptr(), 64);
        println!("{}", String::from_utf8_lossy(&text[..size as usize]));
    }
    let big: u128 = (1u128 << 100) / 7;
    println!("{} {:e} {}", big, 1.0f64 / 3.0, i64::MAX.checked_mul(2).is_none());
}
