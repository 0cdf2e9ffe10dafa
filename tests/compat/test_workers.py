"""Workers of training and of the data loader."""

import multiprocessing
import queue
import time
from unittest.mock import Mock

import pytest
import torch
import torch.distributed as dist
from fairseq.data.iterators import BackgroundConsumer, EpochBatchIterator
from fairseq.dataclass.configs import DistributedTrainingConfig
from fairseq.distributed import utils as distributed_utils
from fairseq.models import distributed_fairseq_model
from fairseq.trainer import Trainer
from torch.nn.parallel import DistributedDataParallel

from cline_fairseq.compat import workers


def test_data_parallel_on_a_cpu_takes_no_device():
    """It stays a class, and torch's own is as it was."""
    ours = distributed_fairseq_model.DistributedDataParallel
    assert issubclass(ours, DistributedDataParallel)
    assert ours is not DistributedDataParallel
    model = torch.nn.Linear(2, 2)
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        with pytest.raises(ValueError, match="device_ids"):
            DistributedDataParallel(model, device_ids=[0], output_device=0)
        parallel = ours(model, device_ids=[0], output_device=0)
        assert isinstance(parallel, DistributedDataParallel)
        assert parallel(torch.ones(1, 2)).shape == (1, 2)
    finally:
        dist.destroy_process_group()


@pytest.mark.parametrize(("gpus", "device"), [(0, 0), (2, 1)])
def test_device_of_a_worker_of_torchrun(monkeypatch, gpus, device):
    count = Mock(return_value=gpus)
    monkeypatch.setattr(torch.cuda, "device_count", count)
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    cfg = DistributedTrainingConfig()
    distributed_utils._infer_torch_distributed_launch_init(cfg)
    assert (cfg.distributed_rank, cfg.distributed_world_size, cfg.device_id) == (3, 4, device)
    assert cfg.distributed_init_method == "env://"
    assert cfg.distributed_no_spawn
    assert torch.cuda.device_count is count


def test_criterions_are_told_of_dummy_batches():
    """A worker that has no batch gets an old one, which is marked; all others are as they were."""
    trainer = Trainer.__new__(Trainer)
    common = Mock(fp16=False, bf16=False, amp=False, on_cpu_convert_precision=False)
    trainer.cfg, trainer.cuda, trainer.tpu = Mock(common=common), False, False
    trainer._dummy_batch = {"id": torch.tensor([1])}
    sample = {"id": torch.tensor([2])}
    assert trainer._prepare_sample(sample) == (sample, False)
    for empty in (None, {}):
        dummy, is_dummy = trainer._prepare_sample(empty)
        assert is_dummy
        assert dummy == {**trainer._dummy_batch, "is_dummy": True}
    assert "is_dummy" not in trainer._dummy_batch


def test_workers_of_validation_end_with_it():
    numbers = torch.utils.data.TensorDataset(torch.arange(6))
    split = [[0, 1], [2, 3], [4, 5]]
    batches = EpochBatchIterator(
        numbers, lambda rows: [int(n) for (n,) in rows], split, num_workers=1, buffer_size=2
    )
    trainer = Mock(spec=Trainer, task=Mock(), cfg=Mock(), model=Mock())
    trainer.data_parallel_world_size, trainer.data_parallel_rank = 1, 0
    trainer.task.get_batch_iterator.return_value = batches
    trainer.task.max_positions.return_value = trainer.model.max_positions.return_value = 1
    before = set(multiprocessing.active_children())
    iterator = Trainer.get_valid_iterator(trainer, "valid").next_epoch_itr(shuffle=False)
    assert list(iterator) == split
    deadline = time.monotonic() + 10
    while (left := set(multiprocessing.active_children()) - before) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left


def test_threads_that_prepare_batches_end_at_exit():
    """A thread that is at work, and one that waits for a place in its queue."""
    consumers = []
    for size, pause in ((2, 0.0), (100, 0.02)):
        source = (time.sleep(pause) for _ in range(1000))
        consumer = BackgroundConsumer(queue.Queue(size), source, 1000, None)
        consumer.daemon = True
        consumer.start()
        consumers.append(consumer)
    time.sleep(0.1)
    assert all(consumer.is_alive() for consumer in consumers)
    workers._stop_batches()
    assert not any(consumer.is_alive() for consumer in consumers)
