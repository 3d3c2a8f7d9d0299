"""Arrays and numbers to cells, colours and words."""
