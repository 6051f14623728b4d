# The application: web chat and HTTP API, on the CPU and without root. docker-compose.yml runs it beside vLLM; alone it runs so:
#
#   docker build --tag chatbot .
#   docker run --publish 127.0.0.1:7860:7860 --volume chatbot:/data \
#     --env CHATBOT_HOST=0.0.0.0 --env CHATBOT_ALLOWED_HOSTS='["localhost", "127.0.0.1"]' chatbot
FROM python:3.11-slim AS build

# torch's CPU build: the one on PyPI brings several gigabytes of CUDA libraries that nothing in this image uses
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

RUN python -m venv /opt/chatbot
ENV PATH=/opt/chatbot/bin:$PATH
WORKDIR /source
COPY requirements.lock .
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" --extra-index-url https://pypi.org/simple -c requirements.lock torch
COPY . .
RUN pip install --no-cache-dir -c requirements.lock '.[offline,postgres]'


FROM python:3.11-slim

# the data directory belongs to the user, and a new volume mounted there takes that over
RUN useradd --no-create-home --uid 10001 chatbot && install -d -o chatbot -g chatbot /data /vectors
COPY --from=build /opt/chatbot /opt/chatbot

# the rest of the file system may be read-only: what libraries want to keep at home goes where it is forgotten
ENV PATH=/opt/chatbot/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    CHATBOT_DATA_DIR=/data

# chatbot.toml, knowledge/ and prompts/ are looked for here
WORKDIR /app
USER chatbot
VOLUME /data
EXPOSE 7860

# the first start compiles the embedding model and reads the documents; the server is alive meanwhile, and /readyz tells how far
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/livez', timeout=4)"]

CMD ["chatbot", "serve"]
