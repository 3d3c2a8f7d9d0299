"""A formula as machine code: its loss and derivatives by sympy, loops over examples and updates by numba. No torch."""
