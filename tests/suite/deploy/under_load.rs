//! Deploys under an open-loop load: no request is lost, no stream and no websocket cut, and they come back without aictl.

use std::process::Command;
use std::time::{Duration, Instant};

use super::load::{Load, Mix, Seen};
use super::real::Shop;
use crate::support::project::{docker, eventually, skip};

/// Deploys follow each other at least at this distance.
const APART: Duration = Duration::from_secs(10);
/// Share of what the stack can answer that the load is, in per cent.
const LOAD: u32 = 30;
const CLIENTS: usize = 40;

impl Shop {
    /// Something done again and again under a load; what the load saw, with the steal of the processor in per cent.
    fn under(&self, mix: &Mix, run: impl FnOnce()) -> (Seen, f64) {
        let (load, before) = (Load::of(self.port, mix), Processor::now());
        run();
        let seen = load.end();
        (seen, Processor::now().stolen_since(&before))
    }

    /// Requests a second that the stack answers when nobody waits.
    fn saturation(&self) -> u32 {
        let mix = Mix { posts: CLIENTS / 2, gets: CLIENTS / 2, every: Duration::ZERO, ..Mix::short(0, 0) };
        let (seen, _) = self.under(&mix, || std::thread::sleep(Duration::from_secs(5)));
        u32::try_from(seen.answers.len() / 5).unwrap().max(1)
    }

    fn nginx(&self) -> String {
        format!("{}-nginx-1", self.project.name())
    }

    /// The traffic needs nobody of ours: the proxy comes back to the same side, and Compose finds everything as it wants it.
    fn stands_by_itself(&self, round: &str) {
        docker(&["restart", "-t", "1", &self.nginx()]);
        eventually("the proxy serves again", Duration::from_secs(10), || self.served().as_deref() == Some(round));
        let Some(compose) = std::env::var_os("AICTL_LAB_COMPOSE") else { return };
        let before = self.project.containers();
        let mut up = Command::new(compose);
        up.args(["-p", self.project.name(), "up", "-d"]).env("ROUND", round).current_dir(self.project.path());
        let output = up.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(self.project.containers(), before, "Compose recreated something");
    }
}

/// Ticks of all processors, and those of them that the machine below took.
struct Processor {
    all: u64,
    stolen: u64,
}

impl Processor {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/stat").unwrap();
        let line = text.lines().next().unwrap_or_default();
        let ticks: Vec<u64> = line.split_whitespace().skip(1).map(|word| word.parse().unwrap()).collect();
        Self { all: ticks.iter().take(8).sum(), stolen: ticks.get(7).copied().unwrap_or_default() }
    }

    fn stolen_since(&self, before: &Self) -> f64 {
        (self.stolen - before.stolen) as f64 * 100.0 / (self.all - before.all).max(1) as f64
    }
}

/// Does something so many times, at least so far apart.
fn repeated(count: usize, run: impl Fn(usize)) {
    for number in 1..=count {
        let began = Instant::now();
        run(number);
        std::thread::sleep(APART.saturating_sub(began.elapsed()));
    }
}

fn said(name: &str, (seen, stolen): &(Seen, f64)) -> String {
    let failures = seen.failed.iter().chain(&seen.cut).take(5).map(|failure| format!("\n  {failure}"));
    format!("{name}: {}; processor steal {stolen:.1} %{}", seen.line(), failures.collect::<String>())
}

#[track_caller]
fn nothing_lost(seen: &Seen) {
    assert_eq!((seen.failed.as_slice(), seen.cut.as_slice()), (&[][..], &[][..]));
    // Beside other tests the client may be late, and then so are the answers.
    assert!(!seen.kept_up() || seen.gap() <= Duration::from_secs(1), "{:?}", seen.gap());
}

#[test]
fn five_deploys_under_load_lose_no_request_and_cut_no_stream_and_no_websocket() {
    let Some(shop) = Shop::new("deploy-load") else { return };
    shop.deploy("0", 0);
    let mix = Mix { posts: 10, gets: 10, streams: (6, 2..=5), sockets: (4, 4..=7), ..Mix::short(0, 0) };
    let deploys = || (1..=5).for_each(|round: usize| drop(shop.deploy(&round.to_string(), 0)));
    let seen = shop.under(&mix, deploys);
    println!("{}", said("five deploys", &seen));
    nothing_lost(&seen.0);
    assert!(seen.0.streams > 10 && seen.0.sockets > 5 && seen.0.answers.len() > 1000);
    let rounds: Vec<&str> = seen.0.rounds.iter().map(String::as_str).collect();
    assert_eq!(rounds, ["0", "1", "2", "3", "4", "5"]);
    shop.stands_by_itself("5");
}

/// Prints what tests/bench/deploys shows. The number of deploys is given by that script.
#[test]
#[ignore = "takes an hour and a machine of its own: tests/bench/deploys runs it"]
fn many_deploys_under_load_beside_reloads_of_nginx() {
    let Some(count) = std::env::var("AICTL_BENCH_DEPLOYS").ok().and_then(|count| count.parse().ok()) else {
        return skip("deploys under load", "tests/bench/deploys measures them, alone on the machine");
    };
    let Some(shop) = Shop::new("deploy-bench") else { return };
    shop.deploy("0", 0);
    let (posts, gets) = (CLIENTS / 2, CLIENTS / 2);
    let most = shop.saturation();
    println!("saturation: {most} requests a second; the load is {LOAD} % of it");
    let every = Duration::from_secs(CLIENTS as u64 * 100) / most / LOAD;
    let mix = Mix { posts, gets, every, streams: (20, 10..=30), sockets: (10, 20..=40) };
    let quiet = shop.under(&mix, || repeated(6, |_| ()));
    println!("{}", said("without deploys", &quiet));
    let deploys = shop.under(&mix, || repeated(count, |round| drop(shop.deploy(&round.to_string(), 0))));
    println!("{}", said(&format!("{count} deploys"), &deploys));
    let reload = |_| drop(docker(&["kill", "--signal", "HUP", &shop.nginx()]));
    let reloads = shop.under(&mix, || repeated(count, reload));
    println!("{}", said(&format!("{count} reloads of nginx"), &reloads));
    assert!(quiet.0.kept_up() && deploys.0.kept_up(), "the client fell behind: the run is void");
    nothing_lost(&deploys.0);
    let (base, found) = (quiet.0.percentile(99), deploys.0.percentile(99));
    let most = (base * 2).max(base + Duration::from_millis(100));
    assert!(found <= most, "p99 {found:?}, {base:?} without deploys");
}
