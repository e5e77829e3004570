"""Fits the coefficients of csrc/core/estimate/normal.c again; run as a program, it prints them.

The tail of the normal distribution is exp(-x^2/2) g(x). On [0, 7] a quotient N(x) / D(x) of
polynomials of degree 7 and 8, with N(0) = 1/2 and D(0) = 1, stands for g. Least squares of
N - g D at Chebyshev points, each divided by g times the D of the round before, make the relative
error small. All of that with more digits than the result has.
"""

from __future__ import annotations

from decimal import Decimal, getcontext

getcontext().prec = 60

END = 7
NUMERATOR, DENOMINATOR = 7, 8  # degrees
POINTS = 60
ROUNDS = 8
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
HALF = Decimal("0.5")

Polynomial = list[Decimal]  # coefficients, from the constant term up


def cosine(angle: Decimal) -> Decimal:
    """Sum the series of an angle from 0 to pi."""
    term, total, k = Decimal(1), Decimal(0), 0
    while abs(term) > Decimal(10) ** -getcontext().prec:
        total += term
        k += 2
        term *= -angle * angle / (k * (k - 1))
    return total


def scaled_tail(x: Decimal) -> Decimal:
    """Return g(x) = exp(x^2/2) Pr[Z > x], from the series of Pr[0 < Z < x]."""
    term, total, k = x, Decimal(0), 1
    while term > Decimal(10) ** -getcontext().prec:
        total += term
        k += 2
        term *= x * x / k
    return ((x * x / 2).exp() - (2 / PI).sqrt() * total) / 2


def value(polynomial: Polynomial, x: Decimal) -> Decimal:
    """Evaluate by Horner's rule."""
    total = Decimal(0)
    for coefficient in reversed(polynomial):
        total = total * x + coefficient
    return total


def solve(matrix: list[list[Decimal]], right: list[Decimal]) -> list[Decimal]:
    """Solve a positive definite system by elimination."""
    size = len(right)
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    for i in range(size):
        for j in range(i + 1, size):
            factor = rows[j][i] / rows[i][i]
            for k in range(i, size + 1):
                rows[j][k] -= factor * rows[i][k]
    solution = [Decimal(0)] * size
    for i in reversed(range(size)):
        known = sum(rows[i][k] * solution[k] for k in range(i + 1, size))
        solution[i] = (rows[i][size] - known) / rows[i][i]
    return solution


def fit() -> tuple[Polynomial, Polynomial]:
    """Return N and D."""
    points = [
        Decimal(END) / 2 * (1 - cosine(PI * (2 * i + 1) / (2 * POINTS))) for i in range(POINTS)
    ]
    tails = [scaled_tail(x) for x in points]
    denominator: Polynomial = [Decimal(1)]
    for _ in range(ROUNDS):
        rows, right = [], []
        for x, g in zip(points, tails, strict=True):
            weight = 1 / (g * value(denominator, x))
            row = [weight * x**k for k in range(1, NUMERATOR + 1)]
            row += [-weight * g * x**k for k in range(1, DENOMINATOR + 1)]
            rows.append(row)
            right.append(weight * (g - HALF))
        unknowns = range(NUMERATOR + DENOMINATOR)
        square = [
            [sum((r[i] * r[j] for r in rows), Decimal(0)) for j in unknowns] for i in unknowns
        ]
        target = [
            sum((r[i] * b for r, b in zip(rows, right, strict=True)), Decimal(0)) for i in unknowns
        ]
        found = solve(square, target)
        numerator = [HALF, *found[:NUMERATOR]]
        denominator = [Decimal(1), *found[NUMERATOR:]]
    return numerator, denominator


if __name__ == "__main__":
    for name, polynomial in zip("nd", fit(), strict=True):
        print(name, *(f"{coefficient:.19e}" for coefficient in polynomial), sep="\n    ")
