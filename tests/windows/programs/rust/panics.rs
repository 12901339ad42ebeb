// Panics are caught, run destructors, carry values, and go on where they were stopped.
use std::panic::{self, AssertUnwindSafe};

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("dropped {}, panicking {}", self.0, std::thread::panicking());
    }
}

#[inline(never)]
fn deep(n: usize, table: &[usize]) -> usize {
    let _guard = if n == 2 { Some(Noisy("guard")) } else { None };
    if n == 0 { table[table.len() + n] } else { deep(n - 1, table) + 1 }
}

fn main() {
    let result = panic::catch_unwind(|| deep(5, &[1, 2, 3]));
    println!("{}", result.is_err());
    let value = panic::catch_unwind(|| panic::panic_any(1234u64)).unwrap_err();
    println!("{:?}", value.downcast_ref::<u64>());
    let text = panic::catch_unwind(|| { let _noisy = Noisy("local"); panic!("number {}", 5) }).unwrap_err();
    println!("{:?}", text.downcast_ref::<String>());
    let again = panic::catch_unwind(|| {
        let inner = panic::catch_unwind(|| panic::panic_any("first")).unwrap_err();
        let _noisy = Noisy("between");
        panic::resume_unwind(inner)
    });
    println!("{:?}", again.unwrap_err().downcast_ref::<&str>());
    panic::set_hook(Box::new(|info| println!("hook: {}", info.location().is_some())));
    let mut count = 0;
    for i in 0..50 {
        count += panic::catch_unwind(AssertUnwindSafe(|| if i % 3 == 0 { panic!() })).is_err() as i32;
    }
    println!("{}", count);
    let overflow = panic::catch_unwind(|| "x".parse::<u8>().unwrap());
    println!("{}", overflow.is_err());
}
