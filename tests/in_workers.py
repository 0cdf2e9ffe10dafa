"""What worker processes of tests run. They import it by a name that no other package has."""

import os


def start(*args):
    pass


def die_at_five(number):
    if number == 5:
        os._exit(9)
    return number


def update(rank, folder):
    """Forward and backward passes of one of two workers, as fairseq makes them.

    Reads model, criterion and batches, one for each pass, from ``folder/RANK.pt``. Writes to
    ``folder/RANK.out`` for each pass what is logged, and the gradients that the optimizer gets.
    """
    import torch
    from torch import distributed
    from torch.nn.parallel import DistributedDataParallel

    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    model, criterion, batches = torch.load(folder / f"{rank}.pt", weights_only=False)
    modules = [DistributedDataParallel(module) for module in (model, criterion)]
    found = []
    for batch in batches:
        for module in modules:
            module.zero_grad()
        loss, size, log = modules[1](modules[0], batch)
        if batch.get("is_dummy"):
            loss, size, log = loss * 0, 0, {}
        loss.backward()
        texts = torch.tensor(size)
        distributed.all_reduce(texts)
        parameters = [*model.named_parameters(), *criterion.named_parameters()]
        found.append((log, {name: 2 / texts * p.grad for name, p in parameters}))
    torch.save(found, folder / f"{rank}.out")
    distributed.destroy_process_group()


def add_one(folder, times):
    """Add one to a number in a file, if nobody else is at it; how often that came about."""
    from cline_fairseq.errors import InputError
    from cline_fairseq.runtime.locking import alone

    path, done = folder / "number", 0
    for _ in range(times):
        try:
            with alone(path):
                number = int(path.read_text()) if path.exists() else 0
                path.write_text(str(number + 1))
                done += 1
        except InputError:
            pass
    return done


def wait_in_worker(number):
    import time

    time.sleep(60)


def write_late(path_and_item):
    import time

    path, _ = path_and_item
    path.write_text("begun")
    time.sleep(0.5)
    path.write_text("done")
