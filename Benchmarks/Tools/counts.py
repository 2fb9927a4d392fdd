"""dev/counts: compares what the scenarios ask for per operation with Benchmarks/Budgets/counts.tsv."""

import argparse

import building
import counting
import services

COLUMNS = ["scenario", "metric", "budget", "operations"]
# Instructions differ a little between processors; everything else is exact.
TOLERANCE = {"instructions": 0.03}
# The servers that scenarios use, by the first word of their names: the service of dev/services and the variable that names it.
SERVERS = {"redis": ("redis", "WEIR_REDIS_URL"), "postgres": ("postgres", "WEIR_POSTGRES_URL")}


def number(value):
    return f"{value:.3f}".rstrip("0").rstrip(".")


def verdict(metric, value, budget):
    allowed = budget * TOLERANCE.get(metric, 0)
    if value > budget + allowed:
        return "over"
    if value < budget - allowed:
        return "under"
    return "ok"


def update(measured):
    """Puts what was measured in place of the budgets."""
    path = building.BUDGETS / "counts.tsv"
    lines = []
    for line in path.read_text().splitlines():
        fields = line.split("\t")
        value = measured.get(tuple(fields[:2]))
        if value is not None and verdict(fields[1], value, float(fields[2])) != "ok":
            fields[2] = number(round(value, 0 if value >= 100 else 1) if fields[1] == "instructions" else value)
        lines.append("\t".join(fields))
    path.write_text("\n".join(lines) + "\n")


def measure(rows):
    """What each row's scenario asks for per operation, a line printed for each; beside it what is wrong."""
    measured, wrong, skipped = {}, [], set()
    for row in rows:
        scenario, metric, budget = row["scenario"], row["metric"], float(row["budget"])
        try:
            value = counting.closest(metric, scenario, int(row["operations"]), budget)
        except counting.Unavailable as reason:
            if metric not in skipped:
                print(f"SKIPPED all {metric}: {reason}", flush=True)
            skipped.add(metric)
            continue
        measured[scenario, metric] = value
        result = verdict(metric, value, budget)
        print(f"COUNT {scenario} {metric} measured={number(value)} budget={number(budget)} {result}", flush=True)
        if result == "over":
            wrong.append(f"{scenario} takes more {metric} than its budget: {number(value)}, not {number(budget)}")
        elif result == "under":
            wrong.append(f"{scenario} takes fewer {metric}, {number(value)}: lower its budget of {number(budget)} in the same commit")
    return measured, wrong


def main():
    parser = argparse.ArgumentParser(prog="dev/counts", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write what was measured into the file of budgets")
    parser.add_argument("scenario", nargs="*", help="only these")
    options = parser.parse_args()

    rows = building.table("counts.tsv", COLUMNS)
    unknown = set(options.scenario) - {row["scenario"] for row in rows}
    if unknown:
        raise building.Failure(f"no budget for {' '.join(sorted(unknown))}")
    rows = [row for row in rows if not options.scenario or row["scenario"] in options.scenario]

    building.build_swift("counts")
    known = building.run([counting.executable(), "list"]).split()
    unbudgeted = set(known) - {row["scenario"] for row in building.table("counts.tsv", COLUMNS)}
    used = sorted({row["scenario"].split("-")[0] for row in rows} & SERVERS.keys())
    with services.running(dict(SERVERS[word] for word in used)):
        measured, wrong = measure(rows)
    if options.update:
        update(measured)
        return 0
    wrong += [f"{scenario} has no budget" for scenario in sorted(unbudgeted)]
    for line in wrong:
        print(f"dev/counts: {line}")
    if wrong:
        print("dev/counts: where the change is meant, dev/counts --update writes Benchmarks/Budgets/counts.tsv")
    return 1 if wrong else 0


building.main(main)
