use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int};
use std::sync::{Arc, Mutex};

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(10) };
    static LAZY: Named = Named(CALLS.with(|calls| calls.get()));
}

struct Named(u32);

impl Drop for Named {
    fn drop(&mut self) {
        CALLS.with(|calls| calls.set(0));
    }
}

/// # Safety
/// `v` points to `n` readable numbers.
#[no_mangle]
pub unsafe extern "C" fn rust_sum(v: *const i32, n: usize) -> i64 {
    std::slice::from_raw_parts(v, n).iter().map(|&x| i64::from(x)).sum()
}

#[no_mangle]
pub extern "C" fn rust_panics(n: c_int) -> c_int {
    std::panic::set_hook(Box::new(|info| {
        println!("panic: {}", info.payload().downcast_ref::<&str>().unwrap_or(&"?"))
    }));
    match std::panic::catch_unwind(|| {
        if n < 0 {
            panic!("below zero");
        }
        n + 1
    }) {
        Ok(value) => value,
        Err(_) => -100,
    }
}

#[no_mangle]
pub extern "C" fn rust_threads(n: c_int) {
    let results = Arc::new(Mutex::new(HashMap::new()));
    let threads: Vec<_> = (0..n)
        .map(|i| {
            let results = Arc::clone(&results);
            std::thread::spawn(move || {
                CALLS.with(|calls| calls.set(calls.get() + i as u32));
                let seen = LAZY.with(|named| named.0);
                results.lock().unwrap().insert(i, seen);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let mut pairs: Vec<_> = results.lock().unwrap().iter().map(|(k, v)| (*k, *v)).collect();
    pairs.sort();
    println!("{pairs:?} main {}", CALLS.with(|calls| calls.get()));
}

#[no_mangle]
pub extern "C" fn rust_map(f: extern "C" fn(c_int) -> c_int, n: c_int) -> c_int {
    (0..n).map(|i| f(i)).sum()
}

/// # Safety
/// `name` is a C string.
#[no_mangle]
pub unsafe extern "C" fn rust_text(name: *const c_char) -> *mut c_char {
    let name = CStr::from_ptr(name).to_string_lossy();
    CString::new(format!("{:>8}|{:<8}|{:.3}|{:#x}", name, "Rust", 2.0f64.sqrt(), 255)).unwrap().into_raw()
}

/// # Safety
/// `text` came from `rust_text`.
#[no_mangle]
pub unsafe extern "C" fn rust_free(text: *mut c_char) {
    drop(CString::from_raw(text));
}
