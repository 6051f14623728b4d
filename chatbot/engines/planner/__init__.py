"""Does this model fit those GPUs? Reads config.json, counts, and plans how vLLM serves it. Imports no model and no GPU library.

config, hub     a model's config.json, from a folder or the hub, each field checked as it is read
families        what the fields of each architecture mean: a Shape
parameters      Shape -> exact parameter counts
files           counts and bytes that the safetensors files themselves declare
formats         parameters -> bytes of weights in each number format
memory          Shape -> bytes of KV cache, and what a GPU has left for it
plan, advice    the smallest split that serves the users, the command that starts it, and the warnings
"""
