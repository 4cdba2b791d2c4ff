//! The deepest expressions that are taken, on a stack as small as a thread's may be.

use runbook::template::{Engine, Scope};

#[test]
fn the_deepest_that_is_taken_fits_a_small_stack() {
    let taken = [
        format!("{}1{}", "(".repeat(49), ")".repeat(49)),
        format!("1{}", "+1".repeat(95)),
        format!("{}true", "not ".repeat(95)),
        format!("1{}", "|string|int".repeat(45)),
        format!("{}1{}", "[".repeat(49), "]".repeat(49)),
        format!("1{}", " if true else 1".repeat(45)),
    ];
    let run = move || {
        for src in &taken {
            let result = Engine::new().expr(src, &Scope::new());
            assert!(result.is_ok(), "{src}: {result:?}");
        }
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(run);
    thread.expect("a thread can be started").join().expect("the stack is large enough");
}
