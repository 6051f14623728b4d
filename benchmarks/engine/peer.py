"""LangChain's canonical chain behind FastAPI: retriever | prompt | ChatOpenAI | StrOutputParser, as its documentation has it."""

from __future__ import annotations

import argparse
import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer

from benchmarks.engine.rows import SYSTEM, chat_openai
from chatbot import settings
from chatbot.encoders import weights


class Question(BaseModel):
    question: str


class SentenceTransformerEmbeddings(Embeddings):
    """sentence-transformers with its defaults, as langchain-huggingface wraps it; the weights are the product's."""

    def __init__(self) -> None:
        self._model = SentenceTransformer(str(weights.locate(settings.load().encoder.model)), device="cpu")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._model.encode(texts, show_progress_bar=False).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--upstream", required=True)
    given = parser.parse_args()
    app = FastAPI()
    chain = _chain(given.folder, given.upstream)

    @app.post("/answers")
    async def answers(body: Question) -> StreamingResponse:  # pyright: ignore[reportUnusedFunction]  FastAPI calls it
        return StreamingResponse(chain.astream(body.question), media_type="text/plain")

    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"ready at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    with suppress(KeyboardInterrupt):  # how it is meant to end
        uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])


def _chain(folder: Path, upstream: str) -> Any:
    from langchain_chroma import Chroma  # pyright: ignore[reportMissingImports]  not a dependency of the product
    from langchain_text_splitters import RecursiveCharacterTextSplitter  # pyright: ignore[reportMissingImports]

    store = Chroma("peer", SentenceTransformerEmbeddings(), persist_directory=str(folder / "peer-chroma"))
    if not store.get(limit=1)["ids"]:
        texts: list[str] = json.loads((folder / "documents.json").read_text(encoding="utf-8"))
        splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
        store.add_documents(splitter.split_documents([Document(text) for text in texts]))
    prompt = ChatPromptTemplate.from_messages([("system", SYSTEM), ("user", "{context}\n\nQuestion: {question}")])
    context = store.as_retriever(search_kwargs={"k": 5}) | RunnableLambda(_joined)
    return {"context": context, "question": RunnablePassthrough()} | prompt | chat_openai(upstream) | StrOutputParser()


def _joined(documents: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)


if __name__ == "__main__":
    main()
