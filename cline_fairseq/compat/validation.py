"""fairseq-validate with the metrics of training."""

from types import SimpleNamespace

from fairseq import checkpoint_utils
from fairseq.file_io import PathManager

from .runs import modules_of


def validate_as_in_training() -> None:
    """Make ``fairseq-validate`` log the same metrics as validation during training.

    It builds the criterion without the parameters in the checkpoint, and it ignores ``--bf16``,
    ``--max-valid-steps`` and ``--combine-valid-subsets``.

    Can go when it validates with fairseq's trainer.
    """
    for cli in modules_of("fairseq_cli.validate"):
        # Only its own view of the module changes: other programs load checkpoints as before.
        cli.checkpoint_utils = SimpleNamespace(load_model_ensemble_and_task=_load_to_validate)


def _load_to_validate(filenames, arg_overrides, suffix=""):
    """Load models, options and a task that validates like fairseq's trainer."""
    options = arg_overrides or {}
    path = checkpoint_utils.get_maybe_sharded_checkpoint_filename(filenames[0], suffix, 0, 1)
    state = None  # if the file is missing, fairseq reports it
    if PathManager.exists(path):
        state = checkpoint_utils.load_checkpoint_to_cpu(path, arg_overrides)
    models, cfg, task = checkpoint_utils.load_model_ensemble_and_task(
        filenames, arg_overrides, suffix=suffix, state=state
    )
    if options.get("bf16"):
        models = [model.bfloat16() for model in models]
    build, load, iterate = task.build_criterion, task.load_dataset, task.get_batch_iterator
    reduce, parameters = task.reduce_metrics, state["criterion"]

    def build_criterion(criterion_cfg):
        criterion = build(criterion_cfg)
        if parameters:
            criterion.load_state_dict(parameters)
        return criterion

    def load_dataset(split, combine=False, **kwargs):
        load(split, combine=options.get("combine_valid_subsets", combine), **kwargs)

    def get_batch_iterator(**kwargs):
        epoch = iterate(**kwargs)
        if options.get("max_valid_steps") is not None:
            start = epoch.next_epoch_itr
            # The trainer validates one batch more than the option says.
            count = options["max_valid_steps"] + 1
            epoch.next_epoch_itr = lambda **kwargs: start(**kwargs).take(count)
        return epoch

    def reduce_metrics(logging_outputs, criterion):
        for log in logging_outputs:  # one at a time, because bsz and wpb are means over batches
            reduce([log], criterion)

    task.build_criterion, task.load_dataset = build_criterion, load_dataset
    task.get_batch_iterator, task.reduce_metrics = get_batch_iterator, reduce_metrics
    return models, cfg, task
