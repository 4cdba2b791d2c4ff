use super::*;

#[test]
fn headings() {
    for text in [
        "Rollback",
        "3. Rollback plan",
        "Roll back",
        "How to roll back",
        "Emergency rollback",
        "Undo the migration",
        "Reverting",
        "Back-out procedure",
        "Backout",
        "If it fails",
        "If something goes wrong",
        "Rollback: the database",
        "Undo all changes",
        "Revert to the previous version",
        "If it looks bad",
        "To undo everything",
        "To revert:",
        "Steps to undo",
        "Steps for rolling back",
        "The rollback",
        "Rollback with Helm",
        "Undo the change and restart",
        "Option B: Revert",
        "Phase 3 - Rollback",
        "(Rollback)",
        "⏪ Rollback",
        "If the change must be reverted",
        "Backing out",
    ] {
        assert_eq!(names(text), Way::Back, "{text}");
    }
    for text in [
        "Deploy",
        "Deploy with automatic rollback",
        "Test the rollback",
        "Deploy and roll back",
        "Restore",
        "Undocumented flags",
        "Scroll back",
        "Rolling restart",
        "If the pods are pending",
        "Troubleshooting",
        "Deploy (rollback: see below)",
        "Verify that a rollback is possible",
        "If the last one was rolled back",
    ] {
        assert_eq!(names(text), Way::Forwards, "{text}");
    }
    for text in [
        "Reverting traffic to the new cluster",
        "Undo the maintenance page",
        "To undo the maintenance page",
        "### To revert the config, and restart",
        "How to undo the hold",
        "Steps to undo the hold",
        "Step 5: Undo the hold",
        "If needed, revert the config",
        "Manual undo of the hold",
        "Rollback test",
        "Emergency rollback of the schema",
        "Rollback-safe migration",
        "Prerequisites for rollback",
        "Preparation for the rollback",
        "Rollback prerequisites",
        "Revert to maintenance mode off",
        "Undo/redo log cleanup",
    ] {
        assert_eq!(names(text), Way::Unsure, "{text}");
    }
}

#[test]
fn texts_that_lead_to_going_back() {
    for text in [
        "If it fails:",
        "The new pods come up. If the deployment fails, run:",
        "To roll back, run the following.",
        "**Rollback:**",
        "**Rollback**",
        "Undo it with:",
        "If anything goes wrong:",
        "Steps to undo:",
        "How to undo:",
        "Run the following to undo:",
        "You can undo this with:",
        "If you need to roll back, run:",
        "If the change has to be rolled back:",
        "Emergency rollback:",
        "Use these commands to revert the change:",
    ] {
        assert_eq!(leads(text), Way::Back, "{text}");
    }
    for text in [
        "Rollback is automatic.",
        "If the pods fail to start:",
        "If it fails, call the database on-call.",
        "If the error rate is high:",
        "1. If it fails with 500, retry:",
        "If it fails, wait and run this again:",
        "If it is bad weather, check capacity:",
        "Deploy. To roll back see below. Then look:",
        "Take a snapshot to be able to roll back:",
        "Do not undo this:",
    ] {
        assert_eq!(leads(text), Way::Forwards, "{text}");
    }
    for text in ["To undo the maintenance page:", "Steps to revert the config:", "Run this to undo the hold:"]
    {
        assert_eq!(leads(text), Way::Unsure, "{text}");
    }
    for text in [
        "rollback",
        "Rollback (only if needed)",
        "4. Roll back if needed",
        "to undo:",
        "If this fails",
        "revert to 3",
    ] {
        assert_eq!(says(text), Way::Back, "{text}");
    }
    for text in [
        "You can undo this later",
        "do not revert",
        "rollback: helm rollback api 3",
        "roll out",
        "rolled back by hand?",
        "undocumented",
        "if found",
    ] {
        assert_eq!(says(text), Way::Forwards, "{text}");
    }
    for text in ["Revert the config to production values", "2. Undo the hold", "To undo the hold"] {
        assert_eq!(says(text), Way::Unsure, "{text}");
    }
}
/// To switch a command off for what is said of how to undo it would lose it.
#[test]
fn comments_behind_a_command() {
    let behind = |text: &str| {
        let mut back = Back::default();
        back.behind(&[text.to_owned()]);
        back.way().0
    };
    for text in [
        "rollback with helm rollback api",
        "rollback: helm rollback api",
        "revert with ./undo",
        "undo: kubectl delete -f x.yaml",
        "to undo this, run ./undo",
        "if it fails, helm rollback g",
        "rollback is helm rollback g",
        "restart",
    ] {
        assert_eq!(behind(text), Way::Forwards, "{text}");
    }
    for text in [
        "rollback",
        "rollback: only if needed",
        "if it fails",
        "to undo this",
        "roll back, run only if needed",
    ] {
        assert_eq!(behind(text), Way::Unsure, "{text}");
    }
}
