use std::collections::BTreeMap;
use std::fmt::Display;

extern "C" {
    fn c_square(x: i32) -> i32;
}

struct Loud(&'static str);

impl Drop for Loud {
    fn drop(&mut self) {
        println!("dropped {}", self.0);
    }
}

fn show<T: Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join("|")
}

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    words.sort();
    println!("{}", show(&words));
    let lengths: BTreeMap<_, _> = words.iter().map(|w| (w.as_str(), w.len())).collect();
    println!("{lengths:?} {}", unsafe { c_square(12) });
    let sums = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4u64).map(|i| scope.spawn(move || (0..=i * 100).sum::<u64>())).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>()
    });
    println!("{}", show(&sums));
    let _loud = Loud("by unwinding");
    std::panic::set_hook(Box::new(|info| eprintln!("line {}", info.location().unwrap().line())));
    let none: Option<i32> = words.get(99).map(|w| w.len() as i32);
    none.unwrap();
}
