"""A scripted stand-in for a vLLM 0.32 server, in a test's event loop or as a process of its own.

    async with FakeVllm(Answer(words(100), gap_s=0.01, faults=(Cut(after=5),))) as server: ...
    python -m tests.fake_vllm --tokens 1000 --rate 100

`script` knows what is said, `server` how it goes over the wire.
"""

from .script import Answer, Refusal, Script, Steps, words
from .server import Aborted, FakeVllm, Request

__all__ = ["Aborted", "Answer", "FakeVllm", "Refusal", "Request", "Script", "Steps", "words"]
