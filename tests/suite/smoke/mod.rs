//! `health` and `smoke-test` on a real stack: databases, exporters, Prometheus, a web server and services of one's own.
//! Intent: whatever breaks is red, by name, with what depends on it and nothing else; mended it is green again.
//! Retries hide nothing, reports fit their schemas, no password is in any of them.
mod breaks;
mod limits;
mod reports;
mod shop;
mod small;

use shop::Shop;

/// Every check of the stack is broken at least once, most of them alone.
#[test]
fn what_is_broken_is_red_with_its_dependants_and_nothing_else() {
    let Some(shop) = Shop::open("probe-truth") else { return };
    for case in breaks::CASES {
        (case.harm)(&shop);
        // Exactly these: what was mended before is green again.
        shop.shows(case.what, case.red);
        (case.mend)(&shop);
    }
    shop.shows("everything is mended", &[]);
    let broken: std::collections::BTreeSet<&str> = breaks::CASES.iter().flat_map(|case| case.red).copied().collect();
    let all = shop.check_names();
    let never: Vec<&String> = all.iter().filter(|name| !broken.contains(name.as_str())).collect();
    assert!(never.is_empty(), "never broken: {never:?}");
    assert!(breaks::CASES.len() >= 18 && all.len() >= 18, "{} breaks, {} checks", breaks::CASES.len(), all.len());
    reports::of_a_broken_stack(&shop);
}
