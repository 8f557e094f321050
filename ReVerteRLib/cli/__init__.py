"""The command line: one small file per subcommand. Nothing heavy is imported before a command runs."""
