"""Fine-tuning a checkpoint on a task with several seeds: runs that resume, and their results."""
