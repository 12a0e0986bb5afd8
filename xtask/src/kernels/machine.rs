//! A machine that QEMU emulates.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::run::{Result, error};

/// A boot and the tests take a few minutes on two cores.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Boots, shows what is printed, and returns it when the machine turns itself off.
pub(super) fn boot(image: &Path, initramfs: &Path) -> Result<String> {
    let mut machine = Command::new("qemu-system-x86_64");
    machine
        .args(["-accel", "tcg,thread=multi", "-cpu", "max"])
        .args(["-m", "3G", "-smp", "2"])
        .args(["-nographic", "-no-reboot", "-nic", "none"])
        .args(["-append", "console=ttyS0 panic=-1 quiet"])
        .arg("-kernel")
        .arg(image)
        .arg("-initrd")
        .arg(initramfs)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let started = machine.spawn();
    let mut machine = match started {
        Ok(machine) => machine,
        Err(cause) => return error(format!("cannot run `qemu-system-x86_64`: {cause}")),
    };
    let (sender, lines) = mpsc::channel();
    if let Some(console) = machine.stdout.take() {
        thread::spawn(move || {
            let lines = BufReader::new(console)
                .split(b'\n')
                .map_while(|line| line.ok());
            lines.for_each(|line| drop(sender.send(String::from_utf8_lossy(&line).into_owned())));
        });
    }
    let mut printed = String::new();
    let deadline = Instant::now() + PATIENCE;
    while let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        println!("{}", line.trim_end());
        printed.push_str(line.trim_end());
        printed.push('\n');
    }
    // Turned off, or out of patience.
    let _ = machine.kill();
    let _ = machine.wait();
    Ok(printed)
}
