# The platform as one image; the command decides which process it is.
FROM python:3.12-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/modelops
COPY requirements.lock .
RUN /opt/modelops/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN /opt/modelops/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim-bookworm
# Pango makes the PDF reports.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 modelops \
    && install -d -o modelops -g modelops -m 0700 /var/lib/modelops
COPY --from=build /opt/modelops /opt/modelops
ENV PATH=/opt/modelops/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MODELOPS_HOME=/var/lib/modelops
USER modelops
VOLUME /var/lib/modelops
EXPOSE 8000
CMD ["modelops", "serve", "--host", "0.0.0.0", "--port", "8000"]
