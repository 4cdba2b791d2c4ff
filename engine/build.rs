//! Lists the step templates under `steps/`, the pages about each code and the texts about each key, so that the binary carries them.
#![expect(
    clippy::disallowed_methods,
    reason = "a build script reads and writes files; it is no part of the program"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo:rerun-if-changed=steps");
    println!("cargo:rerun-if-changed=engine/build.rs");
    println!("cargo:rerun-if-changed=engine/diag/pages");
    println!("cargo:rerun-if-changed=engine/load/keys");
    for (table, folder, ending) in [
        ("library", "steps", ".yaml"),
        ("pages", "engine/diag/pages", ".md"),
        ("keys", "engine/load/keys", ".md"),
    ] {
        let mut files = Vec::new();
        collect(&root.join(folder), "", ending, &mut files);
        files.sort();
        let mut code = format!("static {}: &[(&str, &str)] = &[\n", table.to_uppercase());
        for (name, path) in files {
            println!("cargo:rerun-if-changed={}", path.display());
            writeln!(code, "    ({name:?}, include_str!({:?})),", path.display().to_string())
                .expect("writing to a string does not fail");
        }
        code.push_str("];\n");
        fs::write(out.join(format!("{table}.rs")), code).expect("OUT_DIR can be written to");
    }
}

fn collect(folder: &Path, prefix: &str, ending: &str, files: &mut Vec<(String, PathBuf)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), ending, files);
        } else if let Some(stem) = name.strip_suffix(ending) {
            files.push((format!("{prefix}{stem}"), path));
        }
    }
}
