//! What the kernel counts about processes: CPU time, memory, bytes written. Linux only.

use std::fs;

use anyhow::{Context, Result};

/// What the kernel's CPU counters count in: `USER_HZ`, which is 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process, or a family of processes, has used so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// CPU time, user and system.
    pub cpu_seconds: f64,
    /// Bytes in calls of `write`. A server's answers are among them; PostgreSQL's are not, it uses `send`.
    pub written_bytes: u64,
    /// Bytes of the page cache made dirty. Newer kernels count a whole large folio, often 256 KiB, for a few bytes.
    pub dirtied_bytes: u64,
}

impl Usage {
    /// What was used since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            written_bytes: self.written_bytes.saturating_sub(before.written_bytes),
            dirtied_bytes: self.dirtied_bytes.saturating_sub(before.dirtied_bytes),
        }
    }

    /// Of one process.
    pub fn of(pid: u32) -> Result<Self> {
        let stat = Stat::read(pid)?;
        Ok(Self {
            cpu_seconds: stat.own_ticks as f64 / TICKS_PER_SECOND,
            written_bytes: written_bytes(pid)?,
            dirtied_bytes: dirtied_bytes(pid)?,
        })
    }

    /// Of a process and its children. The CPU time of children that have ended is in their parent's account; the bytes they
    /// wrote are lost.
    pub fn of_family(parent: u32) -> Result<Self> {
        let mut ticks = 0;
        let mut usage = Self::default();
        for entry in fs::read_dir("/proc").context("cannot read /proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // A process may end while it is looked at.
            let Ok(stat) = Stat::read(pid) else { continue };
            if pid == parent {
                ticks += stat.children_ticks;
            }
            if pid == parent || stat.parent == parent {
                ticks += stat.own_ticks;
                usage.written_bytes += written_bytes(pid).unwrap_or(0);
                usage.dirtied_bytes += dirtied_bytes(pid).unwrap_or(0);
            }
        }
        usage.cpu_seconds = ticks as f64 / TICKS_PER_SECOND;
        Ok(usage)
    }
}

/// The most memory a process has had resident at once.
pub fn peak_rss_bytes(pid: u32) -> Result<u64> {
    let kilobytes = field(&format!("/proc/{pid}/status"), "VmHWM:")?;
    Ok(kilobytes * 1024)
}

fn written_bytes(pid: u32) -> Result<u64> {
    field(&format!("/proc/{pid}/io"), "wchar:")
}

fn dirtied_bytes(pid: u32) -> Result<u64> {
    field(&format!("/proc/{pid}/io"), "write_bytes:")
}

/// CPU time that all cores together have spent on anything.
pub fn machine_busy_seconds() -> Result<f64> {
    let text = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    let all: Vec<u64> =
        text.lines().next().unwrap_or_default().split_whitespace().skip(1).flat_map(str::parse).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; what guests use is in user already.
    let busy: u64 = [0, 1, 2, 5, 6, 7].iter().filter_map(|place| all.get(*place)).sum();
    Ok(busy as f64 / TICKS_PER_SECOND)
}

/// The average number of processes that wanted a core in the last minute.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

struct Stat {
    parent: u32,
    own_ticks: u64,
    children_ticks: u64,
}

impl Stat {
    fn read(pid: u32) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} is gone"))?;
        // The name, in parentheses, may hold anything; fields are counted from what follows it: state is the first.
        let (_, rest) = text.rsplit_once(')').context("/proc/PID/stat cannot be read")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |place: usize| fields.get(place).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        Ok(Self {
            parent: u32::try_from(number(1)).unwrap_or(0),
            own_ticks: number(11) + number(12),
            children_ticks: number(13) + number(14),
        })
    }
}

fn field(file: &str, name: &str) -> Result<u64> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    value.with_context(|| format!("{file} has no {name}"))
}
