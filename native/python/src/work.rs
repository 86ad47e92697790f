//! Runs one long computation on behalf of Python.

use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use twopm_zk_prover::arithmetic::vectors;
use twopm_zk_prover::memory::ensure_room;
use twopm_zk_prover::progress::Progress;
use twopm_zk_prover::{Error, Result};

create_exception!(
    twopm_zk._native,
    NativeError,
    PyException,
    "A failure of the native code: args are its kind and a message."
);

/// How often a waiting thread looks for signals.
const PATIENCE: Duration = Duration::from_millis(20);

/// Memory that threads and small pieces may need.
const ROOM: usize = 16 << 20;

/// The Python exception of an error.
pub fn raise(error: Error) -> PyErr {
    NativeError::new_err((error.kind(), error.to_string()))
}

/// Worker threads of this process. Threads do not survive a fork, so a child makes its own.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

fn pool() -> Result<Arc<ThreadPool>> {
    let mut current = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    match &*current {
        Some((process, pool)) if *process == std::process::id() => Ok(Arc::clone(pool)),
        _ => {
            let pool = ThreadPoolBuilder::new().build();
            let pool = Arc::new(pool.map_err(|error| Error::Internal(format!("no threads: {error}")))?);
            if let Some((_, lost)) = current.replace((std::process::id(), Arc::clone(&pool))) {
                std::mem::forget(lost); // its threads are the parent's; waiting for them would never end
            }
            Ok(pool)
        }
    }
}

/// Runs `job` without the interpreter; `listener(stage, fraction)` is called in between, on this thread.
///
/// Ctrl-C, or an exception of the listener, cancels the job and is raised once the job has stopped.
pub fn run<T: Send + 'static>(
    py: Python<'_>,
    listener: Option<Py<PyAny>>,
    job: impl FnOnce(&Progress) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    vectors::path().map_err(raise)?;
    // A thread that cannot get its own memory ends the process: ask before.
    ensure_room(ROOM).map_err(raise)?;
    let pool = pool().map_err(raise)?;
    let (send, stages) = channel();
    let send = Mutex::new(send);
    let progress = Arc::new(Progress::new(move |stage: &str, fraction| {
        let send = send.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = send.send((stage.to_owned(), fraction));
    }));
    let shared = Arc::clone(&progress);
    let (done, mut finished) = channel::<()>();
    let worker = thread::Builder::new()
        .name("twopm-zk".into())
        .spawn(move || {
            let _done = done; // dropped at the end, however that comes: wakes the waiting thread
            pool.install(|| job(&shared))
        })
        .map_err(|error| raise(Error::Internal(format!("no thread: {error}"))))?;
    let interrupted = wait(py, &mut finished, &stages, listener.as_ref()).err();
    if interrupted.is_some() {
        progress.cancel();
    }
    let result = py.detach(|| worker.join());
    match (interrupted, result) {
        (Some(exception), _) => Err(exception),
        (None, Ok(result)) => result.map_err(raise),
        (None, Err(_)) => Err(raise(Error::Internal("the native code failed; please report this".into()))),
    }
}

fn wait(
    py: Python<'_>,
    finished: &mut Receiver<()>,
    stages: &Receiver<(String, f64)>,
    listener: Option<&Py<PyAny>>,
) -> PyResult<()> {
    loop {
        let state = py.detach(|| finished_within(finished, PATIENCE));
        py.check_signals()?;
        while let Ok((stage, fraction)) = stages.try_recv() {
            if let Some(listener) = listener {
                listener.call1(py, (stage, fraction))?;
            }
        }
        if state {
            return Ok(());
        }
    }
}

fn finished_within(finished: &mut Receiver<()>, patience: Duration) -> bool {
    !matches!(finished.recv_timeout(patience), Err(RecvTimeoutError::Timeout))
}
