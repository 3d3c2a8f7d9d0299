"""What was asked for, on the command line, in the environment or in a file; and back."""
