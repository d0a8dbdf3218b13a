fn main() -> std::process::ExitCode {
    dqc::cli::main()
}
