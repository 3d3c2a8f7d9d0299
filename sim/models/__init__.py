"""What is minimised, as PyTorch has it: a module, a loss and a source of examples."""
