"""Reading documents: the encoder against sentence-transformers, all but the encoder against Chroma alone and LangChain.

    python -m benchmarks.knowledge encode|ingest|memory|resplit|resync|search --work DIR [--texts DIR ...] \\
        [--append benchmarks/results/knowledge.jsonl]

`--texts` names folders of real documents, for one those that `apt-get install python3.11-doc postgresql-doc-15 linux-doc-6.1`
puts below /usr/share/doc; without it texts are made up from a seed. `--work` keeps what was made of them for the next run.
LangChain's row needs the environment that `benchmarks.engine` describes; where it is not installed, it is said not to have run.
"""
