//! The `airlift` command. Everything is in the library beside it, so that tests can see the documents it
//! prints.

fn main() -> std::process::ExitCode {
    airlift::main()
}
