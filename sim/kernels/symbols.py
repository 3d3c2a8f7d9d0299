"""A formula's loss and its two derivatives as Python source, by sympy: nothing is derived by hand."""

from collections.abc import Sequence
from typing import Any

import sympy
from sympy.codegen.cfunctions import log1p
from sympy.printing.pycode import PythonCodePrinter

from sim.problems.formula import Formula


def source_of(formula: Formula) -> str:
    """Two functions as the text of a module that needs the names of `math`.

    `output(a, b, input0, input1, ...)` gives an example's output and its derivatives with respect to a and b;
    `loss(output, target)` the loss and its derivative with respect to the output.

    Raises:
        Exception: whatever the formula's output or sympy raises where it is no expression of sympy's.
    """
    a, b, said, target = sympy.symbols("a b output target", real=True)
    inputs = sympy.symbols(f"input:{1 if formula.inputs.ndim == 1 else formula.inputs.shape[1]}", real=True)
    output = sympy.sympify(formula.output(sympy, a, b, inputs[0] if formula.inputs.ndim == 1 else _Row(inputs)))
    loss = _loss(formula, said, target)
    return _function("output", (a, b, *inputs), (output, sympy.diff(output, a), sympy.diff(output, b))) + _function(
        "loss", (said, target), (loss, sympy.diff(loss, said))
    )


class _Row:
    """One example's inputs where the formula says `inputs[:, column]`."""

    def __init__(self, columns: Sequence[sympy.Symbol]) -> None:
        self._columns = columns

    def __getitem__(self, index: tuple[slice, int]) -> sympy.Symbol:
        _, column = index
        return self._columns[column]


def _loss(formula: Formula, output: sympy.Symbol, target: sympy.Symbol) -> sympy.Expr:
    """The loss of an example."""
    match formula.loss:
        case "mean_squared_error":
            return (output - target) ** 2
        case "binary_cross_entropy":
            size = sympy.Abs(output)
            # (1 - target) output + log(1 + exp(-output)), so written that nothing overflows or cancels
            return (1 - target) * output + (size - output) / 2 + log1p(sympy.exp(-size))
        case "mean":
            return output


class _Printer(PythonCodePrinter):  # type: ignore[misc]
    """Numbers to their last digit; sympy itself prints 15."""

    def _print_Float(self, number: Any) -> str:  # noqa: N802
        return repr(float(number))


def _function(name: str, parameters: Sequence[sympy.Symbol], results: Sequence[sympy.Expr]) -> str:
    """The text of a function that computes what its results have in common once."""
    printer = _Printer({"fully_qualified_modules": False, "strict": True})
    shared, reduced = sympy.cse(results)
    lines = [f"{symbol} = {printer.doprint(value)}" for symbol, value in shared]
    lines.append(f"return {', '.join(printer.doprint(value) for value in reduced)}")
    return f"def {name}({', '.join(map(str, parameters))}):\n" + "".join(f"    {line}\n" for line in lines) + "\n\n"
