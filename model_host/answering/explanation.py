"""Contributions of the inputs to a prediction: Shapley values in the form's own inputs.

The players are the form's inputs, not the model's columns, and an absent player has the value of a
typical case (baseline Shapley: Sundararajan and Najmi, "The many Shapley values for model
explanation", 2020). The contributions of all inputs and the typical case's number add up to the
number of this case. Runs in the locked child, after the prediction and separate from it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import factorial
from typing import Any

import numpy as np
import pandas as pd

from model_host.answering.one_row import one_row
from model_host.answering.prediction import undisturbed
from model_host.answering.quantity import NotExplainable, Numbers, Quantity, quantity_of, stacked
from model_host.answering.watching import asked_once
from model_host.protocol.explanation import Contribution, Explanation
from model_host.protocol.inputs import InputLayout, Scalar

EXACT_INPUTS = 10
"""Up to this many differing inputs every coalition is computed: at most 1,024 rows."""
BATCH_ROWS = 1024
FIRST_ROWS = 64
"""The number of rows predicted first, to measure the model's speed."""
SAMPLED_ROWS = 4096

ONE_INPUT = "This model has one input."
TOO_SLOW = "The model is too slow to compare this case with a typical one."
FAILED = "The model could not be asked about values between this case and a typical one."

Clock = Callable[[], float]


class _OutOfTime(Exception):
    pass


def explain(
    estimator: Any,
    layout: InputLayout,
    inputs: Mapping[str, Scalar],
    typical: Mapping[str, Scalar],
    *,
    seed: int,
    seconds: float,
    clock: Clock = time.perf_counter,
) -> Explanation:
    """Explain how the model's answer to ``inputs`` differs from that to a typical case.

    ``typical`` may lack inputs: those stay as they are in both cases and are not compared. Whatever
    the model does, the answer is an Explanation: one with a ``problem`` says why there is none.
    ``seed`` fixes the sampled permutations. MemoryError passes through.
    """
    started = clock()
    if layout.container == "texts":
        return Explanation(problem=ONE_INPUT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with undisturbed(estimator, len(layout.columns)):
                return _explain(estimator, layout, inputs, typical, seed, started + seconds, clock)
        except NotExplainable as why:
            return Explanation(problem=str(why))
        except _OutOfTime:
            return Explanation(problem=TOO_SLOW)
        except MemoryError:
            raise
        except Exception:  # The model's code may raise anything; its words may quote inputs.
            return Explanation(problem=FAILED)


def _explain(
    estimator: Any,
    layout: InputLayout,
    inputs: Mapping[str, Scalar],
    typical: Mapping[str, Scalar],
    seed: int,
    deadline: float,
    clock: Clock,
) -> Explanation:
    started = clock()
    compared = [column.name for column in layout.columns if column.name in typical]
    players = [name for name in compared if not _same(inputs.get(name), typical[name])]
    mine = one_row(estimator, layout, inputs)
    base = one_row(estimator, layout, {**inputs, **typical})
    pair = stacked([base, mine])  # before the model is asked, which may work in the row itself
    asked = clock()
    with asked_once(estimator, len(layout.columns)):
        quantity = quantity_of(estimator, mine)
    seconds = clock() - asked
    positions = [index for index, one in enumerate(layout.columns) if one.name in set(players)]
    names = [column.name for column in layout.columns]
    cases = Coalitions(quantity, pair, positions, names, deadline, clock, seconds)
    everybody = (1 << len(players)) - 1
    first = everybody if len(players) <= EXACT_INPUTS else 1
    cases.ask([0, everybody, *range(min(FIRST_ROWS, first))])
    amounts, method = np.zeros(0), "exact"
    if players:
        if len(players) <= EXACT_INPUTS and cases.affords(everybody + 1):
            amounts = exact_values(cases.ask(range(everybody + 1)), len(players))
        else:
            method = "sampled"
            amounts = sampled_values(cases, len(players), np.random.default_rng(seed))
    by_name = dict.fromkeys(compared, 0.0) | dict(zip(players, amounts.tolist(), strict=True))
    return Explanation(
        quantity=quantity.kind,
        label=quantity.label,
        baseline=cases.known[0],
        prediction=cases.known[everybody],
        contributions=tuple(
            Contribution(name, amount)
            for name, amount in sorted(by_name.items(), key=lambda one: -abs(one[1]))
        ),
        not_compared=tuple(one.name for one in layout.columns if one.name not in typical),
        method="exact" if method == "exact" else "sampled",
        rows=cases.rows,
        seconds=clock() - started,
    )


@dataclass
class Coalitions:
    """The explained quantity of each coalition, computed once and within the time limit.

    ``pair`` holds two rows: the typical case and this one. Bit i of a coalition (an int) says that
    the input at ``positions[i]`` is this case's. ``names``: of all inputs. ``seconds_per_row``: at
    most, before the first are asked.
    """

    quantity: Quantity
    pair: Any
    positions: Sequence[int]
    names: Sequence[str]
    deadline: float
    clock: Clock
    seconds_per_row: float
    known: dict[int, float] = field(default_factory=dict)
    rows: int = 0

    def ask(self, coalitions: Sequence[int]) -> Numbers:
        """Return the explained quantity of each coalition. Raises _OutOfTime if the rest would
        exceed the time limit; those computed before are in ``known``."""
        missing = [one for one in dict.fromkeys(coalitions) if one not in self.known]
        while missing:
            size = min(BATCH_ROWS, self._affordable())
            if not self.rows:  # what one row took alone says little of many
                size = max(2, size)
            if size < 1:
                raise _OutOfTime
            batch, missing = missing[:size], missing[size:]
            started = self.clock()
            numbers = self.quantity.of(self._table(batch)).tolist()
            self.seconds_per_row = (self.clock() - started) / len(batch)
            self.rows += len(batch)
            self.known.update(zip(batch, numbers, strict=True))
        return np.array([self.known[one] for one in coalitions])

    def affords(self, count: int) -> bool:
        """Return whether ``count`` coalitions can be asked, judged by the last few."""
        return self._affordable() >= count - len(self.known)

    def _affordable(self) -> int:
        left = self.deadline - self.clock()
        if left <= 0:
            return 0
        return int(min(left / self.seconds_per_row, 1e9)) if self.seconds_per_row else BATCH_ROWS

    def _table(self, coalitions: Sequence[int]) -> Any:
        """The rows, in the types of the two that they are mixed from."""
        chosen = np.zeros((len(coalitions), len(self.names)), dtype=np.intp)
        for bit, position in enumerate(self.positions):
            chosen[:, position] = [one >> bit & 1 for one in coalitions]
        if isinstance(self.pair, pd.DataFrame):
            columns = {
                name: self.pair[name].take(chosen[:, position]).reset_index(drop=True)
                for position, name in enumerate(self.pair.columns)
            }
            return pd.DataFrame(columns)
        if isinstance(self.pair, list):  # of mappings, which lack what is missing
            return [
                {
                    name: self.pair[which][name]
                    for name, which in zip(self.names, row, strict=True)
                    if name in self.pair[which]
                }
                for row in chosen.tolist()
            ]
        return np.take_along_axis(self.pair, chosen, axis=0)


def exact_values(numbers: Numbers, players: int) -> Numbers:
    """Return Shapley values from the numbers of all 2^players coalitions, in the order of their
    masks.

    phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)); Shapley 1953.
    """
    masks = np.arange(1 << players)
    sizes = np.array([int(mask).bit_count() for mask in masks])
    weights = np.array(
        [
            factorial(size) * factorial(players - size - 1) / factorial(players)
            for size in range(players)
        ]
    )
    amounts = np.zeros(players)
    for player in range(players):
        without = masks[masks >> player & 1 == 0]
        gains = numbers[without | 1 << player] - numbers[without]
        amounts[player] = (weights[sizes[without]] * gains).sum()
    return amounts


def sampled_values(cases: Coalitions, players: int, random: np.random.Generator) -> Numbers:
    """Return Shapley values from random orders, each with its reverse (antithetic sampling:
    Mitchell et al., "Sampling permutations for Shapley value estimation", 2022).

    Along every order the gains add up to the whole difference, so their means do. As many orders
    as SAMPLED_ROWS allow and time suffices for, at least one pair; raises _OutOfTime without one.
    """
    pairs = max(1, (SAMPLED_ROWS - cases.rows) // (2 * players))
    at_once = max(1, BATCH_ROWS // (2 * players))
    total, count = np.zeros(players), 0
    while count < 2 * pairs:
        orders = [random.permutation(players) for _ in range(min(at_once, pairs - count // 2))]
        both = [order for one in orders for order in (one, one[::-1])]
        chains = [_chain(order) for order in both]
        try:
            cases.ask([coalition for chain in chains for coalition in chain])
        except _OutOfTime:
            whole = [all(one in cases.known for one in chain) for chain in chains]
            done = whole.index(False) // 2 * 2  # an order counts with its reverse
            if count + done == 0:
                raise
            pairs = (count + done) // 2
            both, chains = both[:done], chains[:done]
        for order, chain in zip(both, chains, strict=True):
            total[order] += np.diff([cases.known[coalition] for coalition in chain])
        count += len(both)
    return total / count


def _chain(order: Any) -> list[int]:
    """The coalitions from the empty to the full one as the players join in this order."""
    chain = [0]
    for player in order.tolist():
        chain.append(chain[-1] | 1 << player)
    return chain


def _same(one: Scalar, other: Scalar) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
