//! Powers of tau: checks of a ceremony's file, and files for development whose secret everybody knows.

pub mod check;
pub mod insecure;
