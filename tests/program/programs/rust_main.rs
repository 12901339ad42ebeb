// A whole Rust program whose `main` lives in an archive: the entry point is pulled from there.
//#link: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
//#stdin: 5 6\n7\n
//#exit: 18
#![no_main]
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::sync::mpsc;

trait Speaks {
    fn speak(&self) -> String;
}

struct Dog;
struct Number(i64);

impl Speaks for Dog {
    fn speak(&self) -> String {
        "woof".into()
    }
}

impl Speaks for Number {
    fn speak(&self) -> String {
        format!("{:+}", self.0)
    }
}

#[no_mangle]
pub extern "C" fn main(_argc: i32, _argv: *const *const u8) -> i32 {
    let mut total = 0;
    let mut words = BTreeMap::new();
    for line in io::stdin().lock().lines() {
        for word in line.unwrap().split_whitespace() {
            total += word.parse::<i32>().unwrap();
            *words.entry(word.len()).or_insert(0) += 1;
        }
    }
    let (send, receive) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        for i in 0..3 {
            send.send(i * total).unwrap();
        }
    });
    println!("{total} {words:?} {:?}", receive.iter().collect::<Vec<_>>());
    worker.join().unwrap();
    let speakers: [Box<dyn Speaks>; 2] = [Box::new(Dog), Box::new(Number(7))];
    for speaker in &speakers {
        println!("{}", speaker.speak());
    }
    let result: Result<i32, _> = "x".parse::<i32>();
    eprintln!("{}", result.unwrap_err());
    print!("no newline");
    io::stdout().flush().unwrap();
    total
}
