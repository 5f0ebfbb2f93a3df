//! What an input may cost, and which inputs cost the most.
//!
//! Memory is counted by the allocator, so that the figure is the same in every run: an input over
//! its limit fails at once. Time is measured only to choose: the slowest inputs of a run are kept,
//! and `make attack-cost` counts their instructions.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    env, fs,
    path::PathBuf,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grew(by: usize) {
    let live = LIVE.fetch_add(by, Relaxed) + by;
    PEAK.fetch_max(live, Relaxed);
}

// SAFETY: everything is the system's allocator's own; the counters touch no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grew(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grew(size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// The most that `work` held at once beyond what was held before it, in bytes, and what came of it.
pub fn heap_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let done = work();
    (PEAK.load(Relaxed).saturating_sub(before), done)
}

/// What the service did for the input so far, the harness left out.
static NANOS: AtomicU64 = AtomicU64::new(0);
static HEAP: AtomicUsize = AtomicUsize::new(0);

/// What comes of the service's `work`, which must not hold more than `limit` bytes at once.
#[track_caller]
pub fn within<T>(limit: usize, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let (peak, done) = heap_of(work);
    let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    NANOS.fetch_add(nanos, Relaxed);
    HEAP.fetch_max(peak, Relaxed);
    assert!(peak <= limit, "held {peak} bytes at once: over {limit}");
    done
}

/// Runs a target's check of an input. If `FUZZ_WORST` names a directory, the inputs that cost the
/// service most are kept in it: `slow-0` to `slow-7`, and `heap`, whose figure is in `heap-bytes`.
/// A later run goes on from them.
pub fn watched(input: &[u8], check: impl Fn(&[u8])) {
    static WORST: OnceLock<Option<Mutex<Worst>>> = OnceLock::new();
    let cost = cost_of(input, &check);
    let worst = WORST.get_or_init(|| Some(Mutex::new(Worst::of_an_earlier_run(&check)?)));
    if let Some(worst) = worst {
        worst.lock().unwrap().consider(input, cost, &check);
    }
}

#[derive(Clone, Copy)]
struct Cost {
    nanos: u64,
    heap: usize,
}

fn cost_of(input: &[u8], check: impl Fn(&[u8])) -> Cost {
    NANOS.store(0, Relaxed);
    HEAP.store(0, Relaxed);
    check(input);
    Cost {
        nanos: NANOS.load(Relaxed),
        heap: HEAP.load(Relaxed),
    }
}

struct Worst {
    directory: PathBuf,
    slowest: [u64; 8],
    heap: usize,
}

impl Worst {
    fn of_an_earlier_run(check: impl Fn(&[u8])) -> Option<Self> {
        let directory = PathBuf::from(env::var_os("FUZZ_WORST")?);
        fs::create_dir_all(&directory).unwrap();
        let again =
            |name: &str| fs::read(directory.join(name)).map(|input| cost_of(&input, &check));
        let slowest =
            std::array::from_fn(|at| again(&format!("slow-{at}")).map_or(0, |cost| cost.nanos));
        let heap = again("heap").map_or(0, |cost| cost.heap);
        Some(Self {
            directory,
            slowest,
            heap,
        })
    }

    fn consider(&mut self, input: &[u8], cost: Cost, check: impl Fn(&[u8])) {
        if cost.heap > self.heap {
            self.heap = cost.heap;
            self.keep("heap", input);
            self.keep("heap-bytes", cost.heap.to_string().as_bytes());
        }
        let (at, least) = (0..)
            .zip(self.slowest)
            .min_by_key(|(_, nanos)| *nanos)
            .unwrap_or_default();
        if cost.nanos > least {
            // Whatever else the machine did meanwhile is not the input's.
            let again = (0..3)
                .map(|_| cost_of(input, &check).nanos)
                .min()
                .unwrap_or_default();
            if again > least {
                self.slowest[at] = again;
                self.keep(&format!("slow-{at}"), input);
            }
        }
    }

    fn keep(&self, name: &str, content: &[u8]) {
        fs::write(self.directory.join(name), content).unwrap();
    }
}
