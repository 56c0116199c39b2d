//! Sizes of functions and files, and what the documentation of a function must have.

use super::{Sources, is_library};

/// The most lines that a function may have.
const FUNCTION: usize = 60;

/// The most lines that a file may have, its tests not counted.
const FILE: usize = 420;

/// Of how many functions in a hundred the `# Errors` may be missing.
const WITHOUT_ERRORS: usize = 5;

pub(crate) fn functions(sources: &Sources) -> Vec<String> {
    let mut broken = Vec::new();
    for module in &sources.modules {
        let long = module.functions.iter().filter(|function| function.lines > FUNCTION);
        broken.extend(long.map(|long| format!("{}: fn {} has {} lines", module.file, long.name, long.lines)));
    }
    broken
}

pub(crate) fn files(sources: &Sources) -> Vec<String> {
    let long = sources.files.iter().filter(|(_, file)| file.lines > FILE);
    long.map(|(path, file)| format!("{path} has {} lines", file.lines)).collect()
}

pub(crate) fn errors_sections(sources: &Sources) -> Vec<String> {
    let mut fallible = 0;
    let mut broken = Vec::new();
    for module in sources.modules_of(is_library) {
        for function in module.functions.iter().filter(|function| function.is_fallible) {
            fallible += 1;
            if !function.has_errors_section {
                broken.push(format!("{}: fn {} doesn't say when it fails", module.file, function.name));
            }
        }
    }
    if broken.len() * 100 > fallible * WITHOUT_ERRORS { broken } else { Vec::new() }
}
