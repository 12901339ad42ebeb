// Collections, formatting, sorting, the arguments, files, and a status of the program's own.
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io::{BufRead, BufReader, Write};

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Token {
    Word(String),
    Number(i64),
}

fn tokens(text: &str) -> Vec<Token> {
    text.split_whitespace()
        .map(|part| part.parse().map(Token::Number).unwrap_or_else(|_| Token::Word(part.to_uppercase())))
        .collect()
}

fn main() {
    let mut counts = HashMap::new();
    for token in tokens("one 2 two 2 one 3 one -7") {
        *counts.entry(token).or_insert(0) += 1;
    }
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort();
    println!("{:?}", rows);
    let squares: BTreeMap<u32, u32> = (1..6).map(|n| (n, n * n)).collect();
    println!("{:#?}", squares.range(3..).collect::<Vec<_>>());
    let mut queue: VecDeque<_> = "abcdef".chars().collect();
    queue.rotate_left(2);
    println!("{} {:>8.3} {:#x}", queue.iter().collect::<String>(), std::f64::consts::PI, 48879);
    let set: HashSet<_> = [1, 2, 3].into_iter().collect();
    println!("{}", set.contains(&2));
    let words: Vec<String> = std::env::args().skip(1).collect();
    println!("{:?}", &words[1..]);
    let mut file = std::fs::File::create(&words[0]).unwrap();
    for i in 0..20 {
        writeln!(file, "line {}", i).unwrap();
    }
    drop(file);
    let lines = BufReader::new(std::fs::File::open(&words[0]).unwrap()).lines();
    println!("{}", lines.map(|line| line.unwrap().len()).sum::<usize>());
    println!("{:?}", std::fs::File::open("Z:\\no\\where").unwrap_err().kind());
    eprintln!("to the other stream");
    std::process::exit(rows.len() as i32);
}
