"""The served-model engine against its own floor and against LangChain's, alternating in one run.

    python -m venv --without-pip V                       # in it a .pth file that names the product's site-packages
    V/bin/python -m pip install -r benchmarks/requirements-engine.txt
    V/bin/python -m benchmarks.engine tokens|first|saturation|aborts|splits [--append benchmarks/results/engine.jsonl]

`tests.fake_vllm` is the model server, as a process of its own. What is not installed is said not to have run.
"""
