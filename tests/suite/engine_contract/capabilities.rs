//! A target that lacks a capability says so in one way.

use aictl::engine::memory::MemoryEngine;
use aictl::target::{Capability, Target, TargetError};

#[test]
fn a_target_gives_out_what_it_has_and_names_what_it_lacks() {
    let whole = MemoryEngine::new();
    assert!(whole.need_images().is_ok() && whole.need_dial().is_ok() && whole.need_processes().is_ok());
    for (capability, words) in [
        (Capability::Images, "this target does not support listing and transferring images"),
        (Capability::Dial, "this target does not support connecting to ports of containers"),
        (Capability::Processes, "this target does not support listing the processes of containers"),
    ] {
        let target = MemoryEngine::new().without(capability);
        let refused = [target.need_images().map(drop), target.need_dial().map(drop), target.need_processes().map(drop)];
        let refused: Vec<_> = refused.into_iter().filter_map(Result::err).collect();
        assert_eq!(refused, [TargetError::Lacks { capability }]);
        assert_eq!(refused[0].to_string(), words);
    }
}
