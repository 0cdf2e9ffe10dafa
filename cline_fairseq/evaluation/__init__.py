"""Evaluation of models that are trained: it uses them, and nothing else imports it."""
