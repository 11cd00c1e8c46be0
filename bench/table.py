"""What is said of the measurements: who was best, the tables, the record for JSON."""

import math

CLOSE = 1e-4  # a peer whose error is larger has bought its speed with accuracy


def limit(torch_error):
    """The error that Blok may have in f32: thrice that of PyTorch's own f32, or 1e-5."""
    return max(3 * torch_error, 1e-5)


def too_large(result, torch_error):
    """Whether a program's error is above what is allowed it; true for a NaN too."""
    allowed = limit(torch_error) if result.program == "blok" else CLOSE
    return not result.error <= allowed


def measured(results, threads):
    return [r for r in results if r.threads == threads and r.why is None]


def find(results, program, threads):
    return next((r for r in measured(results, threads) if r.program == program), None)


def best_peer(results, threads):
    """The fastest program but Blok whose error is small; None when there is none."""
    peers = [r for r in measured(results, threads) if r.program != "blok" and r.error <= CLOSE]
    return min(peers, key=lambda r: r.min_ms, default=None)


def speeds(results, threads):
    """Blok's speed as a share of ONNX Runtime's and of the best peer's, by the least times; None
    where one of both is missing.
    """
    blok = find(results, "blok", threads)
    others = (find(results, "onnxruntime", threads), best_peer(results, threads))
    return tuple(r.min_ms / blok.min_ms if blok and r else None for r in others)


def _number(value, width, digits):
    return f"{value:{width}.{digits}f}" if value is not None else f"{'-':>{width}}"


def block(name, batch, torch_error, results):
    """The lines of one model."""
    yield f"{name}, batch {batch} (error of PyTorch's own f32: {torch_error:.1e})"
    yield "  threads program       min ms  median ms     error    load ms  memory MB"
    for r in results:
        start = f"  {r.threads:7} {r.program:11}"
        if r.why is not None:
            yield f"{start}  left out: {r.why}"
            continue
        remark = "  error too large" if too_large(r, torch_error) else ""
        yield (
            f"{start} {r.min_ms:8.2f} {r.median_ms:10.2f}   {r.error:.1e} {r.load_ms:9.1f} "
            f"{r.memory['added'] / 1e6:10.1f}{remark}"
        )
    counts = sorted({r.threads for r in results})
    for threads in counts:
        to_onnxruntime, to_best = speeds(results, threads)
        if to_onnxruntime or to_best:
            best = best_peer(results, threads).program if to_best else "none"
            yield (
                f"  {threads} thread{'s' if threads > 1 else ''}: Blok has "
                f"{_number(to_onnxruntime, 0, 2)} of onnxruntime's speed, "
                f"{_number(to_best, 0, 2)} of the best peer's ({best})"
            )
    slow, fast = find(results, "blok", counts[0]), find(results, "blok", counts[-1])
    if slow and fast and slow is not fast:
        yield (
            f"  Blok with {fast.threads} threads is {slow.min_ms / fast.min_ms:.2f} times as fast "
            f"as with {slow.threads}"
        )


def summary(rows, programs):
    """The last table: least times and ratios, a line per model and number of threads. `rows` are
    (name, batch, torch_error, results).
    """
    yield "least ms; ! marks an error above the limit; ratios are Blok's speed against another's"
    heads = "".join(f"{program:>13}" for program in programs)
    yield f"{'model':20} batch threads{heads}  / onnxruntime  / best peer"
    for name, batch, torch_error, results in rows:
        for threads in sorted({r.threads for r in results}):
            line = f"{name:20} {batch:5} {threads:7}"
            for program in programs:
                r = find(results, program, threads)
                mark = "!" if r and too_large(r, torch_error) else " "
                line += _number(r.min_ms if r else None, 12, 2) + mark
            to_onnxruntime, to_best = speeds(results, threads)
            yield f"{line} {_number(to_onnxruntime, 14, 2)} {_number(to_best, 12, 2)}"


def record(name, batch, torch_error, results):
    """One model as JSON holds it, all samples included."""
    return {
        "model": name,
        "batch": batch,
        "torch_error": torch_error,
        "results": [_record(r) for r in results],
        "ratios": [
            {
                "threads": threads,
                "best_peer": best.program if (best := best_peer(results, threads)) else None,
                "speed_to_onnxruntime": speeds(results, threads)[0],
                "speed_to_best_peer": speeds(results, threads)[1],
            }
            for threads in sorted({r.threads for r in results})
        ],
    }


def _record(r):
    start = {"program": r.program, "threads": r.threads}
    if r.why is not None:
        return {**start, "left_out": r.why}
    return {
        **start,
        "version": r.version,
        "min_ms": r.min_ms,
        "median_ms": r.median_ms,
        "error": r.error if math.isfinite(r.error) else str(r.error),
        "load_ms": r.load_ms,
        "first_ms": r.first_ms,
        "memory_bytes": r.memory,
        "turns_ms": [[round(ms, 4) for ms in turn] for turn in r.turns],
    }
