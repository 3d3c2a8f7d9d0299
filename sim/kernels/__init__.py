"""Machine code: a formula's loss and derivatives by sympy, a dense network's; loops over updates by numba. No torch."""
