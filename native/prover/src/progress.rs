//! Progress, cancellation and the time that each stage took.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::time::Instant;

use crate::error::{Error, Result};

type Listener = Box<dyn Fn(&str, f64) + Send + Sync>;

/// Handed down into every long computation: tells a listener the stage, and stops when asked to.
#[derive(Default)]
pub struct Progress {
    cancelled: AtomicBool,
    listener: Option<Listener>,
    stages: Mutex<Stages>,
}

#[derive(Default)]
struct Stages {
    running: Option<(&'static str, Instant)>,
    finished: Vec<(&'static str, f64)>,
}

impl Progress {
    /// Nobody listens, nobody cancels.
    pub fn silent() -> Self {
        Progress::default()
    }

    /// `listener` gets each stage's name and the fraction of all work that lies behind, in [0, 1].
    pub fn new(listener: impl Fn(&str, f64) + Send + Sync + 'static) -> Self {
        Progress { listener: Some(Box::new(listener)), ..Progress::default() }
    }

    /// Ask the computation to stop at the next check.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// `Err(Cancelled)` once [`Progress::cancel`] was called; cheap enough for inner loops.
    pub fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    /// Begin a stage; ends the one before it.
    pub fn stage(&self, name: &'static str, fraction: f64) -> Result<()> {
        self.check()?;
        self.end_stage();
        if let Ok(mut stages) = self.stages.lock() {
            stages.running = Some((name, Instant::now()));
        }
        if let Some(listener) = &self.listener {
            listener(name, fraction);
        }
        Ok(())
    }

    fn end_stage(&self) {
        if let Ok(mut stages) = self.stages.lock() {
            if let Some((name, start)) = stages.running.take() {
                stages.finished.push((name, start.elapsed().as_secs_f64()));
            }
        }
    }

    /// Wall-clock seconds of every stage so far, in order; ends the running one.
    pub fn profile(&self) -> Vec<(&'static str, f64)> {
        self.end_stage();
        self.stages.lock().map(|stages| stages.finished.clone()).unwrap_or_default()
    }
}
