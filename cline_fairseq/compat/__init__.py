"""Bridges between fairseq and current versions of torch, numpy and hydra, one function each.

Importing this package applies them; cline_fairseq does so when it registers with fairseq. They
change only fairseq's own modules (and one property of hydra): other code sees torch and numpy
unchanged. Each function says why it exists, and when it can go. All were tested with ve-fairseq
0.12.3, hydra 1.3, and torch 2.6 and 2.13.
"""

from . import libraries, loading, precision, runs, saving, validation, workers

libraries.restore_numpy_aliases()
libraries.compose_without_deprecations()
libraries.show_input_errors_plainly_under_hydra()

loading.allow_fairseq_checkpoints()
loading.load_checkpoints_with_weights_only()
loading.accept_checkpoints_without_criterion()
loading.let_fused_adamw_resume_adam()
loading.forget_best_loss_of_learned_weights()

precision.train_in_bf16_without_tpu()
precision.refuse_fp16_without_gpu()
precision.resume_half_precision_exactly()

saving.copy_checkpoints_whole()
saving.save_once_on_full_disks()
saving.name_last_checkpoint_on_full_disks()

# The last replacement of a function runs first: a run is checked before its checkpoint is loaded.
runs.prepare_models_of_new_runs()
runs.time_each_run_alone()
runs.leave_finished_runs_alone()
loading.tell_tasks_of_unrecorded_runs()
runs.check_where_runs_start()

workers.allow_distributed_cpu()
workers.broadcast_checkpoints()
workers.tell_criterions_of_dummy_batches()
workers.end_workers_of_validation()
workers.stop_batches_at_exit()

validation.validate_as_in_training()
