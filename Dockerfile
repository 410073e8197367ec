# The fitting room on a CPU. `docker build -t fitting-room . && docker run --rm -p 7860:7860 fitting-room`
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
WORKDIR /app

# Kept until the list changes. `--build-arg TORCH_INDEX=...` names an index of builds for CPUs, which are much smaller
# than the usual ones; PyTorch's own site tells where theirs is.
ARG TORCH_INDEX=""
COPY requirements.txt .
RUN if [ -n "$TORCH_INDEX" ]; then pip install --index-url "$TORCH_INDEX" torch torchvision; fi \
    && pip install -r requirements.txt

COPY app.py ./
COPY fitting fitting
COPY weights weights
COPY assets assets

RUN useradd --system --no-create-home room && mkdir /shop && chown room /shop
USER room
VOLUME /shop
ENV FITTING_SHOP=/shop GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/health', timeout=4)"]
CMD ["python", "app.py"]
