"""What there is to see at the cursor, and the sentence about it: frozen, built anew for each frame."""
