"""GLUE: from the published files of its nine tasks to result tables and leaderboard files."""
