//! The limits that a process on Linux lives within: of its address space, of its control groups, and of a system that
//! hands out no more memory than it has.

use std::fs;

/// Bytes that the tightest limit leaves; `None` where there is no limit, or the system is another.
pub(super) fn left() -> Option<u64> {
    left_by(&|path| fs::read_to_string(path).ok())
}

/// [`left`], with the files of the system as `read` gives them.
fn left_by(read: &dyn Fn(&str) -> Option<String>) -> Option<u64> {
    let limits = address_space(read).into_iter().chain(control_groups(read)).chain(promises(read));
    limits.min()
}

/// What `ulimit -v` and `ulimit -d` leave.
fn address_space(read: &dyn Fn(&str) -> Option<String>) -> Vec<u64> {
    let (Some(limits), Some(status)) = (read("/proc/self/limits"), read("/proc/self/status")) else {
        return Vec::new();
    };
    let left = |(limit, used): (&str, &str)| {
        // "Max address space  7000000000  7000000000  bytes": the first is the one that counts.
        let limit = number(after(&limits, limit)?)?;
        Some(limit.saturating_sub(kibibytes(&status, used)?))
    };
    [("Max address space", "VmSize:"), ("Max data size", "VmData:")].into_iter().filter_map(left).collect()
}

/// What each of the process's control groups leaves, and each group around it. Files that the system keeps in memory to
/// read them faster count as free: it drops them for whoever needs the memory.
fn control_groups(read: &dyn Fn(&str) -> Option<String>) -> Vec<u64> {
    let mut left = Vec::new();
    for line in read("/proc/self/cgroup").unwrap_or_default().lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let files = match controllers {
            // Version 2.
            "" => Files {
                mount: "/sys/fs/cgroup",
                limits: &["memory.max", "memory.high"],
                used: "memory.current",
                cached: ["inactive_file ", "active_file "],
            },
            _ if controllers.split(',').any(|name| name == "memory") => Files {
                mount: "/sys/fs/cgroup/memory",
                limits: &["memory.limit_in_bytes"],
                used: "memory.usage_in_bytes",
                cached: ["total_inactive_file ", "total_active_file "],
            },
            _ => continue,
        };
        // A container may not see where its own group lies; then the outermost one that it sees is its own.
        let mut group = path.trim_end_matches('/');
        loop {
            left.extend(files.left(group, read));
            match group.rfind('/') {
                Some(end) => group = &group[..end],
                None => break,
            }
        }
    }
    left
}

/// The files in which control groups tell their memory.
struct Files {
    mount: &'static str,
    limits: &'static [&'static str],
    used: &'static str,
    cached: [&'static str; 2],
}

impl Files {
    fn left(&self, group: &str, read: &dyn Fn(&str) -> Option<String>) -> Option<u64> {
        let file = |name: &str| read(&format!("{}{group}/{name}", self.mount));
        let limit = self.limits.iter().filter_map(|name| number(&file(name)?)).min()?;
        let statistics = file("memory.stat").unwrap_or_default();
        let cached: u64 = self.cached.iter().filter_map(|name| number(after(&statistics, name)?)).sum();
        Some(limit.saturating_sub(number(&file(self.used)?)?.saturating_sub(cached)))
    }
}

/// What is left to promise on a system that promises no more memory than it has.
fn promises(read: &dyn Fn(&str) -> Option<String>) -> Option<u64> {
    let strict = read("/proc/sys/vm/overcommit_memory")?.trim() == "2";
    let memory = read("/proc/meminfo").filter(|_| strict)?;
    Some(kibibytes(&memory, "CommitLimit:")?.saturating_sub(kibibytes(&memory, "Committed_AS:")?))
}

/// What follows `name` at the start of a line.
fn after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))
}

/// The number that a text begins with; `None` for "unlimited" and "max".
fn number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    number(after(text, name)?).map(|count| count << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(files: &[(&str, &str)]) -> Option<u64> {
        let file = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
        left_by(&file)
    }

    const STATUS: (&str, &str) = ("/proc/self/status", "Name:\tjava\nVmSize:\t 2048 kB\nVmData:\t 1024 kB\n");

    #[test]
    fn the_address_space_may_be_limited() {
        let limits = |space: &str, data: &str| {
            let text = format!(
                "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max data size             {data}            unlimited            bytes     \n\
                 Max address space         {space}            9999999            bytes     \n"
            );
            left(&[("/proc/self/limits", &text), STATUS])
        };
        assert_eq!(limits("unlimited", "unlimited"), None);
        assert_eq!(limits("7000000", "unlimited"), Some(7_000_000 - (2048 << 10)));
        assert_eq!(limits("7000000", "2000000"), Some(2_000_000 - (1024 << 10)));
        assert_eq!(limits("1000", "unlimited"), Some(0));
    }

    #[test]
    fn every_control_group_around_the_process_counts() {
        let (group, job) = (("/proc/self/cgroup", "0::/batch/job_7\n"), "/sys/fs/cgroup/batch/job_7/");
        let file = |name: &str| format!("{job}{name}");
        let (max, current, stat) = (file("memory.max"), file("memory.current"), file("memory.stat"));
        let own = [
            group,
            (&max, "5000\n"),
            (&current, "3000\n"),
            (&stat, "anon 1500\nfile 1500\ninactive_file 400\nactive_file 600\n"),
        ];
        assert_eq!(left(&own), Some(3000));
        let around = [
            ("/sys/fs/cgroup/batch/memory.max", "max\n"),
            ("/sys/fs/cgroup/batch/memory.high", "4000\n"),
            ("/sys/fs/cgroup/batch/memory.current", "2500\n"),
        ];
        assert_eq!(left(&[&own[..], &around].concat()), Some(1500));
        // A container that sees its own group at the root.
        let root = [("/sys/fs/cgroup/memory.max", "900"), ("/sys/fs/cgroup/memory.current", "100"), group];
        assert_eq!(left(&root), Some(800));
        assert_eq!(left(&[group]), None);
    }

    #[test]
    fn control_groups_of_the_first_version_count_too() {
        let files = [
            ("/proc/self/cgroup", "5:devices:/\n4:cpu,memory:/docker/abc\n0::/\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "7000\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "6000\n"),
            ("/sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 2000\ntotal_active_file 0\n"),
        ];
        assert_eq!(left(&files), Some(3000));
    }

    #[test]
    fn a_system_that_promises_no_more_than_it_has_counts() {
        let memory = ("/proc/meminfo", "CommitLimit:    1000 kB\nCommitted_AS:    600 kB\n");
        assert_eq!(left(&[("/proc/sys/vm/overcommit_memory", "2\n"), memory]), Some(400 << 10));
        assert_eq!(left(&[("/proc/sys/vm/overcommit_memory", "0\n"), memory]), None);
    }
}
