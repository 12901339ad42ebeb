// Thread-locals of Rust: a copy for each thread, destroyed when the thread ends.
use std::cell::{Cell, RefCell};
use std::thread;

struct Logged(i32);

impl Drop for Logged {
    fn drop(&mut self) {
        println!("gone {}", self.0);
    }
}

thread_local! {
    static COUNT: Cell<i32> = Cell::new(10);
    static LOGGED: RefCell<Option<Logged>> = RefCell::new(None);
    static TEXTS: RefCell<Vec<String>> = RefCell::new(vec!["first".to_string()]);
}

fn work(number: i32) -> i32 {
    COUNT.with(|count| count.set(count.get() + number));
    LOGGED.with(|logged| *logged.borrow_mut() = Some(Logged(number)));
    TEXTS.with(|texts| texts.borrow_mut().push(format!("{}", number)));
    COUNT.with(Cell::get) + TEXTS.with(|texts| texts.borrow().len()) as i32
}

fn main() {
    println!("{}", work(1));
    for number in 2..5 {
        println!("{}", thread::spawn(move || work(number) + work(10 * number)).join().unwrap());
    }
    println!("{}", work(5));
    println!("{}", COUNT.with(Cell::get));
    // wine 8 does not tell the callbacks of a program's own image that the process ends
    LOGGED.with(|logged| logged.borrow_mut().take());
}
