"""Weak secrets, and allowed origins that admit more than they seem to."""

from __future__ import annotations

import re

LEAST_SECRET_BYTES = 32  # RFC 7518 section 3.2: at least as long as the digest of HS256

# Placeholders for secrets in tutorials, templates and documentation, compared without case and punctuation.
_WELL_KNOWN = (
    "atleast256bits",
    "atleast32",
    "changeit",
    "changeme",
    "changethis",
    "defaultsecret",
    "development",
    "devsecret",
    "donotuse",
    "example",
    "insecure",
    "jwtsecret",
    "keepitsecret",
    "mysecret",
    "notasecret",
    "notsosecret",
    "placeholder",
    "replaceme",
    "replacethis",
    "secretkey",
    "shhhh",
    "supersecret",
    "testsecret",
    "thisisasecret",
    "topsecret",
    "verysecret",
    "yoursecret",
    "yoursupersecret",
    "your256bit",
    "0123456789abcdef",
    "1234567890",
    "abcdefghijklmnop",
    "correcthorsebattery",
    "password",
    "qwerty",
)
_LEAST_DIFFERENT = 10  # 32 random hexadecimal digits have fewer in one case of ten million
_LEAST_DIFFERENT_OF_SHORT = 6  # 16 of them have fewer in one case of a million

# Domains below which anybody can register a name, so that a pattern over them admits anybody. These are the entries of
# the public suffix list that look like a company's own domain.
_SHARED_DOMAINS = frozenset(
    (
        "ac.uk",
        "amazonaws.com",
        "appspot.com",
        "azurestaticapps.net",
        "azurewebsites.net",
        "blogspot.com",
        "cloudfront.net",
        "co.in",
        "co.jp",
        "co.nz",
        "co.uk",
        "co.za",
        "com.au",
        "com.br",
        "com.cn",
        "com.mx",
        "com.tr",
        "deno.dev",
        "expo.app",
        "firebaseapp.com",
        "fly.dev",
        "github.io",
        "gitlab.io",
        "herokuapp.com",
        "netlify.app",
        "ngrok.app",
        "ngrok.io",
        "onrender.com",
        "org.uk",
        "pages.dev",
        "r2.dev",
        "railway.app",
        "run.app",
        "rork.app",
        "surge.sh",
        "vercel.app",
        "web.app",
        "workers.dev",
    )
)
# Pages that the shell of an app serves to itself (Tauri, Capacitor): these names are this machine's own (RFC 6761).
_OF_A_SHELL = re.compile(r"http://(?:[a-z0-9-]+\.)?localhost").fullmatch
_PATTERN = re.compile(r"https://\*\.([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::[0-9]+)?")


def secret_weakness(value: str, least: int = LEAST_SECRET_BYTES) -> str | None:
    """Why ``value`` is no good secret of ``least`` bytes or more, in a sentence that does not repeat it; None when no weakness
    is found."""
    octets = len(value.encode("utf-8", "surrogatepass"))
    if octets < least:
        return f"is shorter than {least} bytes"
    bare = re.sub(r"[^a-z0-9]", "", value.lower())
    if any(known in bare for known in _WELL_KNOWN):
        return "is well known: it holds words that stand in every tutorial"
    different = _LEAST_DIFFERENT if octets >= LEAST_SECRET_BYTES else _LEAST_DIFFERENT_OF_SHORT
    if len(set(value)) < different or _is_repeated(value):
        return "repeats itself, so it can be guessed"
    return None


def _is_repeated(value: str) -> bool:
    return value in (value + value)[1:-1]


def origin_weakness(text: str) -> str | None:
    """Why an allowed origin admits pages of others; None when it does not."""
    origin = text.strip().lower()
    if origin == "*":
        return "lets every website in"
    if origin == "null":
        return "is what sandboxed pages of any website send"
    if origin.startswith("http://") and _OF_A_SHELL(origin) is None:
        return "is not https: whoever is on the way can be this website"
    if "*" not in origin:
        return None
    match = _PATTERN.fullmatch(origin)
    if not match:
        return "has a * that a foreign name can satisfy"
    if match[1] in _SHARED_DOMAINS:
        return f"lets anybody in who takes a name under {match[1]}"
    return None
