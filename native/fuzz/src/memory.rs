//! No piece of memory is larger than any input of a fuzzer could need: what a file claims is not to be believed.

use std::alloc::{GlobalAlloc, Layout, System};

/// Bytes of the largest piece.
const MOST: usize = 64 << 20;

struct Limited;

#[global_allocator]
static ALLOCATOR: Limited = Limited;

fn look_at(bytes: usize) {
    if bytes > MOST {
        eprintln!("a piece of {bytes} bytes was asked for; {MOST} are enough for any input");
        std::process::abort();
    }
}

// SAFETY: the system's allocator does all of it.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        look_at(layout.size());
        System.alloc(layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        look_at(layout.size());
        System.alloc_zeroed(layout)
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        System.dealloc(place, layout);
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        look_at(size);
        System.realloc(place, layout, size)
    }
}
