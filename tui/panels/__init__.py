"""The panels of the screen, one a file. Each draws a frozen scene and keeps nothing but how it looks at it."""
