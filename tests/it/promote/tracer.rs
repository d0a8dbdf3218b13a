//! Ends a program at one of its calls that change the file system, counted over all of its threads. (`strace` counts for each
//! thread, so that most numbers would name no call of a program with a pool of them.) Between two such calls the disk stays as it
//! is: whoever ends a program at each of them has seen every state that it can leave behind.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

use libc::{c_int, c_long, pid_t};

/// What became of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was ended before the call took place.
    Killed,
    /// By itself, after so many calls; with this status.
    Itself { calls: usize, code: i32 },
}

/// Calls by their numbers; those that only some machines have are named there.
const CALLS: &[c_long] = &[
    libc::SYS_openat,
    libc::SYS_write,
    libc::SYS_pwrite64,
    libc::SYS_writev,
    libc::SYS_pwritev,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_renameat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
];

/// Runs the program and ends it at its `nth` call, the first being 1.
pub fn run(mut command: Command, nth: usize) -> End {
    // The thread that starts a program is the one that may follow it, and waits for nothing else.
    std::thread::spawn(move || follow(&mut command, nth)).join().expect("the program is followed")
}

fn follow(command: &mut Command, nth: usize) -> End {
    let filter = filter();
    // SAFETY: between fork and exec only these calls are made; `filter` outlives them.
    unsafe {
        command.pre_exec(move || {
            let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
            let asked = [
                libc::ptrace(libc::PTRACE_TRACEME, 0usize, 0usize, 0usize),
                c_long::from(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1usize, 0usize, 0usize, 0usize)),
                c_long::from(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER as usize, &raw const program)),
            ];
            if asked.iter().all(|done| *done == 0) { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        });
    }
    let child = pid_t::try_from(command.spawn().expect("the program starts").id()).expect("a process");
    assert_eq!(wait(child).0, child, "it stops at its first instruction");
    let options = libc::PTRACE_O_TRACESECCOMP | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
    ask(libc::PTRACE_SETOPTIONS, child, options as usize);
    ask(libc::PTRACE_CONT, child, 0);
    let mut calls = 0;
    loop {
        let (thread, status) = wait(-1);
        if libc::WIFSTOPPED(status) {
            let mut signal = libc::WSTOPSIG(status);
            if status >> 16 == libc::PTRACE_EVENT_SECCOMP && changes(child, thread) {
                calls += 1;
                if calls == nth {
                    // SAFETY: a signal to a process that is ours and not yet waited for.
                    unsafe { libc::kill(child, libc::SIGKILL) };
                }
            }
            // Stops that only the follower sees; threads begin with one.
            if status >> 16 != 0 || signal == libc::SIGSTOP {
                signal = 0;
            }
            ask(libc::PTRACE_CONT, thread, signal as usize);
        } else if thread == child {
            let itself = libc::WIFEXITED(status);
            return if itself { End::Itself { calls, code: libc::WEXITSTATUS(status) } } else { End::Killed };
        }
    }
}

/// The next change of a process or thread which this thread has started or follows.
fn wait(which: pid_t) -> (pid_t, c_int) {
    let mut status = 0;
    // SAFETY: `status` is written before it is read.
    let found = unsafe { libc::waitpid(which, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
    assert!(found > 0, "{}", std::io::Error::last_os_error());
    (found, status)
}

/// A thread that is gone in the meantime hears nothing.
fn ask(request: libc::c_uint, thread: pid_t, data: usize) {
    // SAFETY: these requests write nothing here.
    unsafe { libc::ptrace(request, thread, 0usize, data) };
}

/// Whether the call that a thread stands before changes a file or a folder.
fn changes(process: pid_t, thread: pid_t) -> bool {
    // SAFETY: plain numbers, of which zero is one; the request fills at most its size.
    let (told, info) = unsafe {
        let mut info: libc::ptrace_syscall_info = std::mem::zeroed();
        let size = size_of::<libc::ptrace_syscall_info>();
        (libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, thread, size, &raw mut info), info)
    };
    if told <= 0 || info.op != libc::PTRACE_SYSCALL_INFO_SECCOMP {
        return false;
    }
    // SAFETY: this is the part that `op` names.
    let (number, args) = unsafe { (info.u.seccomp.nr as c_long, info.u.seccomp.args) };
    let makes = |flags: u64| flags & (libc::O_CREAT | libc::O_TRUNC) as u64 != 0;
    match number {
        libc::SYS_openat => makes(args[2]),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => makes(args[1]),
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_writev | libc::SYS_pwritev => {
            let file = std::fs::read_link(format!("/proc/{process}/fd/{}", args[0])).unwrap_or_default();
            file.is_absolute() && !file.starts_with("/dev")
        }
        _ => true,
    }
}

/// Stops at the calls, and lets all others pass.
fn filter() -> Vec<libc::sock_filter> {
    let step = |code: u32, jt: usize, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt: jt as u8, jf, k };
    // The call's number is the first word of what is looked at.
    let mut steps = vec![step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0)];
    for (at, call) in CALLS.iter().enumerate() {
        steps.push(step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, CALLS.len() - at, 0, *call as u32));
    }
    steps.push(step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW));
    steps.push(step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_TRACE));
    steps
}
