//! `kubectl exec`: arguments, stdin, both outputs and the exit code go through as they are.

use super::shop;
use crate::support::kube::Ran;
use crate::support::tools;

#[test]
fn a_command_gets_its_arguments_and_its_exit_code_comes_back() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.statefulset("shop", "postgres", 2);
    cluster.on_exec(|exec| match exec.command[0].as_str() {
        "psql" => {
            Ran::said(&format!("{}/{}/{}: {:?}\n", exec.namespace, exec.pod, exec.container, exec.command))
        }
        "false" => Ran::failed(3, "it is not so\n"),
        _ => None,
    });
    let said = kubectl.run(&["exec", "postgres-1", "--", "psql", "-At", "-c", "SELECT 'a b', \"c\" & 1;"]);
    assert_eq!(
        said.ok(),
        "shop/postgres-1/postgres: [\"psql\", \"-At\", \"-c\", \"SELECT 'a b', \\\"c\\\" & 1;\"]\n"
    );
    let said = kubectl.run(&["exec", "sts/postgres", "--", "false"]);
    assert_eq!(said.failed(3), "it is not so\ncommand terminated with exit code 3\n");
    let said = kubectl.run(&["exec", "postgres-0", "--", "nope"]);
    assert!(said.failed(1).contains("exec: \"nope\": executable file not found in $PATH"), "{}", said.stderr);
    assert!(
        cluster.requests().iter().any(|request| request.path.ends_with("/exec") && request.status == 101)
    );
}

#[test]
fn stdin_goes_in_whole_and_large_output_comes_out_whole() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.on_exec(|exec| Some(Ran { stdout: exec.stdin, ..Ran::default() }));
    let large: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
    let said = kubectl.run_with(&["exec", "-i", "deploy/api", "--", "cat"], &large);
    assert!(said.ok() == large, "{} bytes of {}", said.stdout.len(), large.len());
    let said = kubectl.run_with(&["exec", "deploy/api", "--", "cat"], "is not read without -i");
    assert_eq!(said.ok(), "");
    let said = kubectl.run_with(&["exec", "-it", "deploy/api", "--", "cat"], "x");
    assert_eq!(said.ok(), "x");
    assert!(said.stderr.contains("Unable to use a TTY"), "{}", said.stderr);
}

#[test]
fn what_is_not_there_or_does_not_run_is_refused() {
    let Some((cluster, kubectl)) = shop() else { return };
    cluster.on_exec(|_| Ran::said("never"));
    let said = kubectl.run(&["exec", "nope-0", "--", "ls"]);
    assert_eq!(said.failed(1), "Error from server (NotFound): pods \"nope-0\" not found\n");
    let said = kubectl.run(&["exec", "sts/postgresql-0", "--", "ls"]);
    assert_eq!(
        said.failed(1),
        "Error from server (NotFound): statefulsets.apps \"postgresql-0\" not found\n"
    );
    let pod = kubectl.run(&["get", "pods", "-o", "jsonpath={.items[0].metadata.name}"]).ok().to_owned();
    cluster.crash("shop", "api", 1, "Error");
    cluster.wait_for("pod", "shop", &pod, |pod| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    });
    let said = kubectl.run(&["exec", &pod, "--", "ls"]);
    assert!(said.failed(1).contains("container not found (\"api\")"), "{}", said.stderr);
    cluster.deny("create", "pods/exec");
    let said = kubectl.run(&["exec", &pod, "--", "ls"]);
    assert!(said.failed(1).contains("cannot create resource \"pods/exec\""), "{}", said.stderr);
}

#[test]
fn a_real_tool_of_the_machine_can_stand_in_for_the_container() {
    let Some((cluster, kubectl)) = shop() else { return };
    let Some(bash) = tools::require("bash") else { return };
    cluster.on_exec(move |exec| {
        let arguments = exec.command.get(1..)?;
        let stdin = String::from_utf8_lossy(&exec.stdin).into_owned();
        Some(tools::run(tools::command(&bash, arguments, &[]), &stdin).into())
    });
    let script = "cat; echo \"$0\" >&2; exit 7";
    let said = kubectl.run_with(&["exec", "-i", "deploy/api", "--", "bash", "-c", script, "it's"], "in\n");
    assert_eq!(said.failed(7), "it's\ncommand terminated with exit code 7\n");
    assert_eq!(said.stdout, "in\n");
}
