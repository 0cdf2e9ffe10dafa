"""GLUE: from the raw files of its nine tasks to tables of results and files for its leaderboard."""
