"""The door's own pages: where one who has not shown the token is asked for it, and what a refusal says."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

SIGN_IN = "/door"
"""Path to which the form sends the token."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>{head}
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:12vh auto;padding:0 1em}}
label{{display:block;margin:1em 0}}input{{display:block;width:100%;font:inherit;padding:.4em}}
button{{font:inherit;padding:.4em 1.2em}}</style></head>
<body><h1>{title}</h1>{body}</body></html>
"""
_FORM = """<p>{reason}</p>
<p>Open the address that <code>make serve</code> printed, or enter the token from the file <code>web/token</code> in the
platform's data folder.</p>
<form method="post" action="{action}">
<input type="hidden" name="to" value="{to}">
<label>Token <input type="password" name="token" autocomplete="off" required autofocus></label>
<label>Your name, for the audit log <input name="person" maxlength="100" autocomplete="name"></label>
<button>Enter</button></form>"""


def sign_in_page(reason: str, to: str) -> HTMLResponse:
    """The form that asks for the token.

    Args:
        reason: why one stands here, a sentence.
        to: path to go on to.
    """
    form = _FORM.format(reason=escape(reason), to=escape(to, quote=True), action=SIGN_IN)
    return HTMLResponse(_PAGE.format(title="Sign in", head="", body=form), 401, _HEADERS)


def on_to(path: str) -> HTMLResponse:
    """A page that goes on to a path of ours by itself: a browser sends a strict cookie only where our page asks."""
    address = escape(path, quote=True)
    head = f'<meta http-equiv="refresh" content="0;url={address}"><meta name="referrer" content="no-referrer">'
    body = f'<p><a href="{address}">Go on</a></p>'
    return HTMLResponse(_PAGE.format(title="One moment", head=head, body=body), 200, _HEADERS)
