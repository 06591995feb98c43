"""Request fields in which proxies, identity-aware front ends and platforms inform a backend of the client, of the user or of
the original request. From a client they are forged, so none of them ever goes upstream.

The list cannot be whole: every platform has its own. So it is not what decides which fields go upstream
(``core.request_fields`` passes only what is known or named), but what nobody can let through by a pattern or by mistake.
"""

from __future__ import annotations

import re

# Each is a name and the beginning of names: "x-user" stands for x-user, x-user-id and all others that go on with a hyphen.
# ``proxy`` is CVE-2016-5385, x-middleware-* CVE-2025-29927, x-react-router-* CVE-2025-43864, x-sendfile-type and
# x-accel-mapping CVE-2025-61780. Method overrides and rewritten URLs would reach another route than the one checked.
_FAMILIES = frozenset(
    b"""
    akamai auth cf client-cert client-ip cloudfront dapr do-connecting fastly fly forwarded iisnode impersonate incap iv l5d
    mellon ms-aspnetcore ngrok-auth ns-client oam oidc osso proxy-client proxy-user remote saml shib sm ssl tailscale teleport
    true-client user-id userid username webauth wl-proxy z-forwarded-for
    x-accel x-admin x-akamai x-anonymous-consumer x-apigateway x-apigee x-appengine x-appservice x-arr x-aspnet x-auth
    x-authelia x-authenticated x-authentik x-authorization x-azure x-claims x-client-addr x-client-cert x-client-dn
    x-client-ip x-client-subject x-client-verify x-cluster-client x-consumer x-credential x-databricks-user x-dotnet x-email
    x-endpoint-api x-envoy x-fission x-forward x-forwarded x-gateway x-goog-authenticated-user x-goog-iap x-grafana-user
    x-group x-groups x-hasura x-http-host-override x-http-method x-identity x-iisnode x-internal x-invoke x-istio
    x-jupyterhub x-jwt x-keycloak x-litespeed x-lsws x-matched-path x-method-override x-middleware x-ms-auth x-ms-client-ip
    x-ms-client-principal x-ms-original x-ms-token x-nf x-nginx x-now x-oidc x-okta x-openid x-original x-originating x-ory
    x-permissions x-pomerium x-prerender-revalidate x-principal x-proxy-user x-proxyuser x-railway x-react-router x-real
    x-remote x-replit-user x-rewrite x-role x-roles x-rstudio x-saml x-scope x-scopes x-sendfile x-serverless-authorization
    x-shib x-spiffe x-ssl x-sub x-subject x-sucuri x-tailscale x-tls x-true-client x-tyk x-user x-userid x-userinfo
    x-username x-vercel x-vouch x-waws x-webauth x-zuul x-amz-cf x-amz-cognito x-amzn-apigateway x-amzn-cognito
    x-amzn-lambda-context x-amzn-mtls x-amzn-oidc x-amzn-request-context x-amzn-tls x-amzn-vpc
    """.split()
)
_LONGEST = max(map(len, _FAMILIES))
_NAMES = frozenset(
    b"disguised-host from proxy sec-provided-token-binding-id sec-referred-token-binding-id smuser was-default-hostname x-host "
    b"x-ip x-uid x-url".split()
)

# Words of such names, between hyphens.
_WORDS = (
    rb"user|userid|username|userinfo|users|uid|login|email|mail|role|roles|group|groups|admin|principal|subject|sub|identity|"
    rb"claim|claims|permission|permissions|scope|scopes|tenant|tenantid|account|org|organization|member|impersonate|sudo|ip|"
    rb"ipv4|ipv6|clientip|realip|addr|address|cert|clientcert|dn|jwt|assertion|forwarded|remote|auth|authenticated|internal|"
    rb"trusted|verified|privilege|privileges|entitlement|entitlements|owner|consumer|credential|method|override|url|host"
)
_seeming = re.compile(rb"(?:\A|-)(?:%b)(?:-|\Z)" % _WORDS).search


def is_identity(name: bytes) -> bool:
    """Whether a lower-case name informs a backend of the client or of the original request: clients may not send it."""
    if name in _FAMILIES or name in _NAMES:
        return True
    end = name.find(b"-")
    while 0 < end <= _LONGEST:
        if name[:end] in _FAMILIES:
            return True
        end = name.find(b"-", end + 1)
    return False


def seems_identity(name: bytes) -> bool:
    """Whether a lower-case name reads like one of those, such as ``x-acme-user-id``: no pattern stands for it."""
    return is_identity(name) or _seeming(name) is not None


def identity_below(prefix: bytes) -> bytes | None:
    """The name of an identity field that begins with ``prefix``, None where none is known."""
    if is_identity(prefix.rstrip(b"-")) or is_identity(prefix):
        return prefix.rstrip(b"-")
    return min((name for name in _FAMILIES | _NAMES if name.startswith(prefix)), default=None)
