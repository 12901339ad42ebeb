// A panic that leaves main ends the program with 101, after destructors.
struct Last;

impl Drop for Last {
    fn drop(&mut self) {
        println!("last");
    }
}

fn main() {
    let _last = Last;
    let empty: Vec<u8> = Vec::new();
    println!("begins");
    println!("{}", empty[std::env::args().count()]);
}
