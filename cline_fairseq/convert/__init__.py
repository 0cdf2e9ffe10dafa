"""Models in and out: Hugging Face, plain RoBERTa, and a hub interface.

Uses a loaded model as ``evaluation`` does, and its way of loading one; nothing else imports it.
"""
