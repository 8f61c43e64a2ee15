//! An ssh process that carries the SFTP protocol on its standard streams; it dies with the value.
//! Every read and write ends after a while of silence.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, OFlags, fcntl_getfl, fcntl_setfl, memfd_create};

use super::SILENCE;
use crate::process;
use crate::project::SshAddress;

/// Bytes of ssh's messages that are shown.
const LONGEST_COMPLAINT: u64 = 2048;

/// The process.
#[derive(Debug)]
pub(super) struct SshProcess {
    process: Child,
    input: ChildStdin,
    output: ChildStdout,
    messages: File,
}

impl SshProcess {
    pub(super) fn start(ssh: &SshAddress, search_path: Option<&str>) -> io::Result<Self> {
        let refused = |error: io::Error| io::Error::new(error.kind(), format!("could not run ssh: {error}"));
        // In memory: ssh never waits for a reader of its messages.
        let messages = File::from(memfd_create("ssh messages", MemfdFlags::CLOEXEC)?);
        let mut command = process::command_in("ssh", search_path).map_err(refused)?;
        // A process group of its own: the repository is unlocked through it after a Ctrl-C.
        command.args(arguments(ssh)).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(messages.try_clone()?);
        let mut process = command.into_std().spawn().map_err(refused)?;
        let taken = || io::Error::other("could not open the standard streams of ssh");
        let (input, output) = process.stdin.take().zip(process.stdout.take()).ok_or_else(taken)?;
        let started = Self { process, input, output, messages };
        unblock(&started.input)?;
        unblock(&started.output)?;
        Ok(started)
    }

    pub(super) fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.input.write(bytes) {
                Ok(0) => return Err(self.ended()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => await_stream(&self.input, PollFlags::OUT)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(self.ended()),
            }
        }
        Ok(())
    }

    pub(super) fn receive(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let (mut bytes, mut filled) = (vec![0; length], 0);
        while filled < length {
            match self.output.read(&mut bytes[filled..]) {
                Ok(0) => return Err(self.ended()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => await_stream(&self.output, PollFlags::IN)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(self.ended()),
            }
        }
        Ok(bytes)
    }

    /// Why the connection ended: what ssh says.
    fn ended(&mut self) -> io::Error {
        // Its messages are complete when it is gone.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let mut text = Vec::new();
        let read =
            self.messages.rewind().and_then(|()| (&self.messages).take(LONGEST_COMPLAINT).read_to_end(&mut text));
        let text = read.map(|_| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let reason = if lines.is_empty() { "the connection was lost".to_owned() } else { lines.join("; ") };
        io::Error::new(io::ErrorKind::ConnectionAborted, format!("ssh: {reason}"))
    }
}

impl Drop for SshProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn arguments(ssh: &SshAddress) -> Vec<String> {
    let mut arguments: Vec<String> = Vec::new();
    // Nobody is there to be asked at night; a dead connection is noticed.
    for option in ["BatchMode=yes", "ConnectTimeout=15", "ServerAliveInterval=15", "ServerAliveCountMax=3"] {
        arguments.extend(["-o".to_owned(), option.to_owned()]);
    }
    for (flag, value) in [("-l", ssh.user.clone()), ("-p", ssh.port.map(|port| port.to_string()))] {
        arguments.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
    }
    arguments.extend(["-s", "--", ssh.host.as_str(), "sftp"].map(str::to_owned));
    arguments
}

fn unblock(stream: &impl AsFd) -> io::Result<()> {
    Ok(fcntl_setfl(stream, fcntl_getfl(stream)? | OFlags::NONBLOCK)?)
}

fn await_stream(stream: &impl AsFd, flags: PollFlags) -> io::Result<()> {
    let seconds = SILENCE.as_secs();
    let limit = Timespec { tv_sec: seconds.try_into().map_err(io::Error::other)?, tv_nsec: 0 };
    match poll(&mut [PollFd::new(stream, flags)], Some(&limit)) {
        Ok(0) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("the SFTP server is silent for {seconds}s"))),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_asked_for_the_subsystem_and_the_host_is_never_an_option() {
        let ssh = SshAddress::parse("ann@host:2222").unwrap();
        assert!(arguments(&ssh).join(" ").ends_with("-l ann -p 2222 -s -- host sftp"));
        assert!(arguments(&SshAddress::parse("host").unwrap()).join(" ").ends_with("=3 -s -- host sftp"));
    }
}
