"""The sign-in by OpenID Connect: by a real provider (``oidc-provider``, ``make readers``), and with forged tokens."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from portal.clinic import trail
from portal.clinic.access import Provider
from portal.clinic.admission import ROOT
from portal.clinic.oidc import BACK, read_id_token
from resources.teams import AccessError
from tests.builders.clinic import ACCESS, CHILD, Clinic, clinic_of, platform_of
from tests.builders.deployment import Deployment
from tests.builders.readers import READERS
from tests.builders.web import free_port, listening

MODULES = READERS.parent / "node_modules"
PROGRAM = Path(__file__).parent.parent / "builders" / "oidc_provider.mjs"


@pytest.fixture(scope="module")
def served(made_case: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clinic, str]]:
    """The portal, its address, and the provider that it names."""
    if not (shutil.which("node") and (MODULES / "oidc-provider").is_dir()):
        pytest.skip("no provider of identities is installed: make readers (npm)")
    folder = tmp_path_factory.mktemp("provided")
    platform, port, issuer_port = platform_of(made_case, folder), free_port(), free_port()
    (folder / "data" / "secret").write_text("portal-secret\n")
    provider = {
        "issuer": f"http://127.0.0.1:{issuer_port}",
        "client_id": "portal",
        "client_secret_file": "secret",
        "scope": "openid profile groups",
    }
    clinic, url = clinic_of(platform, ACCESS | {"provider": provider}, port=port), f"http://127.0.0.1:{port}"
    command = ["node", str(PROGRAM), str(issuer_port), url + BACK, str(MODULES)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None and "ready" in process.stdout.readline()
        with listening(clinic.door, port):
            yield clinic, url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(autouse=True)
def rested(served: tuple[Clinic, str]) -> None:
    """Each test comes a minute after the one before it: a sign-in is allowed so many tries a minute."""
    served[0].house.tries.clear()


def signed_in(url: str, person: str) -> tuple[httpx.Client, httpx.Response, list[str]]:
    """Walk through the provider's forms; the browser, the last page, and every address on the way."""
    browser, passed = httpx.Client(follow_redirects=True, timeout=30), []
    page = browser.get(f"{url}{ROOT}/oidc/start", params={"to": f"{ROOT}/cases"})
    for _ in range(4):
        passed += [str(one.headers.get("location", one.url)) for one in page.history]
        if str(page.url).startswith(url):
            break
        action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
        fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text))
        fields |= {name: person for name in ("login",) if f'name="{name}"' in page.text}
        fields |= {"password": "x"} if 'name="password"' in page.text else {}
        page = browser.post(urljoin(str(page.url), html.unescape(action[1]) if action else ""), data=fields)
    return browser, page, passed


def test_a_real_provider_signs_somebody_in_with_the_role_and_teams_of_their_groups(served: tuple[Clinic, str]) -> None:
    clinic, url = served
    assert (
        "Sign in" in httpx.get(f"{url}{ROOT}/enter").text
        and "demo's people" not in httpx.get(f"{url}{ROOT}/enter").text
    )
    browser, page, passed = signed_in(url, "curie")
    asked = next(parse_qs(urlsplit(one).query) for one in passed if "code_challenge" in one)
    assert asked["code_challenge_method"] == ["S256"] and asked["response_type"] == ["code"]
    assert page.status_code == 200 and f'href="{ROOT}/cases"' in page.text
    shown = browser.get(f"{url}{ROOT}/cases").text
    assert "Dr curie, geneticist" in shown and f"/cases/{CHILD}" in shown
    entry = clinic.written(trail.ENTERED)[-1].event
    assert entry.who == "Dr curie" and entry.details["provider"].startswith("http://127.0.0.1:")
    cookie = next(one for one in browser.cookies.jar if one.name.startswith("portal_"))
    assert cookie.path == ROOT and cookie.has_nonstandard_attr("HttpOnly")


def test_somebody_of_another_ward_or_of_no_role_sees_nothing_of_it(served: tuple[Clinic, str]) -> None:
    clinic, url = served
    browser, _, _ = signed_in(url, "weber")
    assert browser.get(f"{url}{ROOT}/cases/{CHILD}").status_code == 403
    _, page, _ = signed_in(url, "nobody")
    assert page.status_code == 403 and "Dr nobody has no role here" in html.unescape(page.text)
    assert clinic.written(trail.DENIED)[-1].event.who == "Dr nobody"


def test_a_sign_in_is_finished_once_and_by_the_browser_that_began_it(served: tuple[Clinic, str]) -> None:
    _, url = served
    _, _, passed = signed_in(url, "curie")
    back = next(one for one in passed if BACK in one and "code=" in one)
    back = back if back.startswith("http") else url + back
    assert httpx.get(back).status_code == 403, "another browser"
    state = parse_qs(urlsplit(back).query)["state"][0]
    port = urlsplit(url).port
    again = httpx.get(back, cookies={f"portal_{port}_begun": state})
    assert again.status_code == 403 and "too long ago" in again.text


# What a token must be


KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
PROVIDER = Provider("https://idp.example", "portal")
KEYS = {"keys": [RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "one", "alg": "RS256", "use": "sig"}]}


def claims(**other: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {"iss": "https://idp.example", "aud": "portal", "sub": "7", "nonce": "n", "iat": now, "exp": now + 300}
    return {name: value for name, value in (told | other).items() if value is not None}


def token(key: Any = KEY, algorithm: str = "RS256", kid: str = "one", **other: Any) -> str:
    return jwt.encode(claims(**other), key, algorithm, headers={"kid": kid})


def test_a_token_of_this_sign_in_is_taken() -> None:
    assert read_id_token(token(), KEYS, PROVIDER, "https://idp.example", "n")["sub"] == "7"


@pytest.mark.parametrize(
    "forged",
    [
        token(OTHER_KEY),
        token(kid="two"),
        token("portal" * 8, "HS256"),
        jwt.encode(claims(), None, "none", headers={"kid": "one"}),
        token(iss="https://evil.example"),
        token(aud="another"),
        token(nonce="m"),
        token(nonce=None),
        token(exp=int(time.time()) - 3_600),
        token(aud=["portal", "another"], azp="another"),
        token()[:-4],
        "",
    ],
    ids=[
        *("another key", "unknown key", "by the client's secret", "unsigned", "another issuer", "another client"),
        *("another sign-in", "no nonce", "too old", "another client among several", "cut", "none"),
    ],
)
def test_a_token_that_is_not_of_this_sign_in_is_refused(forged: str) -> None:
    with pytest.raises(AccessError, match="the provider's word cannot be taken"):
        read_id_token(forged, KEYS, PROVIDER, "https://idp.example", "n")
