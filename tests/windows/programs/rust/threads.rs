// Threads: channels, locks that panics poison, scoped threads, barriers, parking, results.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, Once, RwLock};
use std::thread;
use std::time::Duration;

static ONCE: Once = Once::new();
static MADE: AtomicUsize = AtomicUsize::new(0);

fn main() {
    let (sender, receiver) = mpsc::channel();
    let workers: Vec<_> = (0..4)
        .map(|k| {
            let sender = sender.clone();
            thread::Builder::new().name(format!("worker {}", k)).spawn(move || {
                ONCE.call_once(|| { MADE.fetch_add(1, Ordering::SeqCst); });
                for i in 0..100 { sender.send(k * 100 + i).unwrap(); }
                thread::current().name().unwrap().len()
            }).unwrap()
        })
        .collect();
    drop(sender);
    println!("{}", receiver.iter().sum::<i32>());
    println!("{}", workers.into_iter().map(|worker| worker.join().unwrap()).sum::<usize>());
    println!("{}", MADE.load(Ordering::SeqCst));

    let lock = Arc::new(Mutex::new(5));
    let other = lock.clone();
    let failed = thread::spawn(move || {
        let mut value = other.lock().unwrap();
        *value = 6;
        std::panic::resume_unwind(Box::new("gone"));
    }).join();
    println!("{:?} {}", failed.unwrap_err().downcast_ref::<&str>(), lock.is_poisoned());
    println!("{}", lock.lock().unwrap_or_else(|error| error.into_inner()));

    let shared = RwLock::new(vec![1, 2, 3]);
    let barrier = Barrier::new(3);
    let leaders = AtomicUsize::new(0);
    thread::scope(|scope| {
        for n in 0..3 {
            let (shared, barrier, leaders) = (&shared, &barrier, &leaders);
            scope.spawn(move || {
                shared.write().unwrap().push(n);
                leaders.fetch_add(barrier.wait().is_leader() as usize, Ordering::SeqCst);
            });
        }
    });
    println!("{} {}", shared.read().unwrap().iter().sum::<i32>(), leaders.load(Ordering::SeqCst));

    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let theirs = pair.clone();
    let waiter = thread::spawn(move || {
        let mut ready = theirs.0.lock().unwrap();
        while !*ready { ready = theirs.1.wait(ready).unwrap(); }
    });
    *pair.0.lock().unwrap() = true;
    pair.1.notify_all();
    waiter.join().unwrap();
    let parked = thread::spawn(|| thread::park_timeout(Duration::from_millis(5)));
    parked.thread().unpark();
    parked.join().unwrap();
}
