"""What a benchmark measured, and the line that a row of its table becomes."""

import collections
import statistics
import sys

NONE = "-"
# Of what has this unit more is better: the ratio is ours by theirs, and a budget is the least there must be.
MORE_IS_BETTER = {"/s"}


def number(value):
    if value is None:
        return NONE
    digits = 0 if value >= 1000 else 1 if value >= 100 else 2 if value >= 1 else 3
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def note(text):
    print(f"# {text}", file=sys.stderr, flush=True)


class Samples:
    def __init__(self):
        self.values = collections.defaultdict(list)  # by (row, peer); peer is None for ours

    def add(self, row, peer, value):
        self.values[row, peer].append(value)

    def median(self, row, peer=None):
        values = self.values.get((row, peer))
        return statistics.median(values) if values else None

    def line(self, row):
        title, peer, more = row["row"], row["peer"], row["unit"] in MORE_IS_BETTER
        ours, theirs = self.median(title), None if peer == NONE else self.median(title, peer)
        better, worse = (ours, theirs) if more else (theirs, ours)
        ratio = better / worse if worse and better is not None else None
        good = ours is not None
        if row["budget"] != NONE:
            budget = float(row["budget"])
            good = good and (ours >= budget if more else ours <= budget)
        if row["need"] != NONE:
            good = good and ratio is not None and ratio >= float(row["need"])
        unit = row["unit"] if ours is not None and row["unit"] != NONE else ""
        return (
            f"BENCH {title} ours={number(ours)}{unit} budget={row['budget']} peer={peer} theirs={number(theirs)} "
            f"ratio={NONE if ratio is None else f'{ratio:.2f}'} need={row['need']} {'ok' if good else 'short'}"
        )

    def spread(self):
        for (row, peer), values in self.values.items():
            title = row if peer is None else f"{row}:{peer}"
            low, middle, high = min(values), statistics.median(values), max(values)
            note(f"{title}: {len(values)} samples from {number(low)} to {number(high)}, median {number(middle)}")
