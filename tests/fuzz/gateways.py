"""The gateway that requests are fuzzed through: a route of every kind that reads what a request carries."""

from __future__ import annotations

import json

from tests.fuzz.near_calls import ALIASES, MUTATIONS, PROCEDURES, QUERIES

ENTRY = f"""\
version: 1
include: [policies/*.yaml]
listen: {{limits: {{header_bytes: 16KiB}}}}
upstreams:
  tutor:
    endpoints: [{{url: "http://127.0.0.1:8787"}}]
    trpc: {{prefix: /api/trpc, max_batch: 4, transformer: superjson, aliases: {ALIASES}}}
    request_headers: {{pass: [trpc-accept, x-trpc-source]}}
    paths: {{case: ignored, slash: ignored}}
defaults: {{schema: inputs}}
routes:
  - {{name: queries, procedures: {list(QUERIES)}, methods: [GET], upstream: tutor, auth: public, body: json}}
  - {{name: mutations, procedures: {list(MUTATIONS)}, methods: [POST], upstream: tutor, auth: public, body: json}}
  - {{name: rest, paths: [/rest/*], methods: [POST], upstream: tutor, auth: public, body: json}}
  - {{name: closed, paths: [/files/secret/*, /files/key], deny: "below what is open"}}
  - {{name: files, paths: [/files/*], methods: [GET, PUT], upstream: tutor, auth: public, cors: app, schema: {{none: "files of any kind"}}}}
  - {{name: speech, paths: [/speech], methods: [POST], upstream: tutor, auth: public, body: form, upload: speech, schema: {{none: "a form"}}}}
  - {{name: open, paths: [/open/*], methods: [GET], upstream: tutor, auth: public, schema: {{none: "files of any kind"}}}}
"""
POLICIES = """\
bodies:
  json: {max: 64KiB, types: [application/json]}
  form: {max: 2MiB, types: [multipart/form-data]}
uploads:
  speech:
    parts:
      audio:
        types: [audio/wav, audio/mp4, audio/webm, audio/ogg, audio/mpeg, audio/flac, image/png, image/jpeg, image/gif, image/webp]
        max: 1MiB
        required: true
        as: {audio/x-m4a: audio/mp4}
      language: {max: 16, pattern: "[a-z]{2,3}(-[A-Z]{2})?"}
schemas: {inputs: {files: inputs/*.json}}
cors: {app: {origins: ["https://linguamate.app"], methods: [GET, PUT]}}
"""

# They judge little, so that much passes and is compared; a Date passes where a schema says so.
_AT = {"at": {"type": ["string", "null"], "format": "date-time"}, "x": {"not": {"const": "never"}}}
_SCHEMA = json.dumps({"type": ["object", "null", "string", "array", "number", "boolean"], "properties": _AT})
FILES = {f"inputs/{name}.json": _SCHEMA for name in (*PROCEDURES, "rest")}
