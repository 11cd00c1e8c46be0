"""Exports of a family of models by both exporters, made once and kept.

A family is a module with create(name), which gives a model in eval mode and an input. Each export
goes to FOLDER/NAME.WRITER/model.onnx; a file `done` beside it says that it is whole, `failed.txt`
why the exporter could not write it (it is not tried again).
"""

import concurrent.futures
import importlib
import logging
import multiprocessing
import os
import shutil
import sys

WRITERS = ("torchscript", "dynamo")

# An opset for each: TorchScript's is one below which much is spelled out, the other is the default.
OPSETS = {"torchscript": 17, "dynamo": None}


def path(folder, name, writer):
    return folder / f"{name}.{writer}" / "model.onnx"


def whole(folder, name, writer):
    return (folder / f"{name}.{writer}" / "done").exists()


def failure(folder, name, writer):
    """Why an export was not written, or None."""
    reason = folder / f"{name}.{writer}" / "failed.txt"
    return reason.read_text().strip() if reason.exists() else None


def _missing(folder, name):
    return [
        w for w in WRITERS if not whole(folder, name, w) and failure(folder, name, w) is None
    ]


def _quiet(threads):
    """What a worker is before its first export: few threads, no words."""
    import torch

    torch.set_num_threads(threads)
    logging.disable(logging.WARNING)
    sys.stdout = sys.stderr = open(os.devnull, "w")


def pool(jobs):
    """Workers for exporters, which are slow, use one core, and talk."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    spawn = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(jobs, spawn, _quiet, (threads,))


def _export(family, folder, name):
    import models

    model, x = importlib.import_module(family).create(name)
    for writer in _missing(folder, name):
        file = path(folder, name, writer)
        shutil.rmtree(file.parent, ignore_errors=True)
        file.parent.mkdir(parents=True)
        try:
            models.write(model, x, file, writer == "dynamo", OPSETS[writer])
        except Exception as error:  # an exporter raises whatever its depths raise
            why = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            (file.parent / "failed.txt").write_text(why + "\n")
            continue
        (file.parent / "done").touch()


def ensure(family, folder, names, jobs):
    """Makes every export of these models that is not there yet."""
    missing = [name for name in names if _missing(folder, name)]
    if not missing:
        return
    with pool(jobs) as workers:
        for future in [workers.submit(_export, family, folder, name) for name in missing]:
            future.result()
