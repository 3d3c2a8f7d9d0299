"""What is asked for: the words, the configuration, what it comes to, and what was changed on the way."""
