"""ws_origin for apps, whose pages come from no server, and for clients that invent an Origin."""

import pytest

from harness.origins import EVIL, ask, each, echo  # noqa: F401

APPS = ["file://", "app://.", "app://obsidian.md", "app://-", "capacitor://localhost",
        "ionic://localhost", "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "moz-extension://0f6b0e4c-7a5e-4a68-9d1b-2f0f2b1c9a11",
        "vscode-webview://1q9sn2o7d4t1lnqu0p7h0a5s6vtpkv2mhhhchm3gtrokdjkphv1b",
        "tauri://localhost", "vscode-file://vscode-app"]


@pytest.mark.parametrize("app", APPS)
def test_origins_of_apps_are_listed_as_others(ask, app):
    each(ask, f"ws_origin {app};", {
        app: 101, app.upper(): 101, **{other: 403 for other in APPS if other != app},
        app + "/": 403, app + "x:": 403, "https://" + app.partition("://")[2]: 403, None: 403,
        "null": 403,
    })


def test_app_of_no_host_matches_a_regex(ask):
    each(ask, r"ws_origin ~file:// '~vscode-webview://[a-z0-9]{20,60}';", {
        "file://": 101, "file:///": 403, "file://x": 403, "FILE://": 101, "xfile://": 403,
        APPS[8]: 101, "vscode-webview://x": 403,
    })


def test_exact_value_is_compared_byte_for_byte(ask):
    each(ask, "ws_origin =https:// =http://app.example/ =app.example:80 '=a, b';", {
        "https://": 101,
        "http://app.example/": 101,
        "app.example:80": 101,
        "a, b": 101,
        "HTTPS://": 403,
        "https:///": 403,
        "https://app.example": 403,
        "http://app.example": 403,
        "http://app.example//": 403,
        "app.example:8": 403,
        "": 403, None: 403, "null": 403, EVIL: 403, EVIL + "/": 403,
    })
    assert ask("ws_origin =https://;", "https://", "https://") == 403


def test_exact_value_may_have_variables(ask):
    each(ask, "ws_origin =$http_host =ws://$host/ =$arg_none;", {
        "app.example": 101, "ws://app.example/": 101, "": 403, None: 403, "ws://app.example": 403,
        "evil.example": 403, "ws://evil.example/": 403,
    })


def test_page_from_a_file_can_be_let_in(gateway, echo, browser, tmp_path):  # noqa: F811
    """Chromium says null of such a page, but in an app that gives its files an origin."""
    page = tmp_path / "page.html"
    page.write_text("<!doctype html><title>app</title>")
    front = gateway(f"""
        location / {{ ws_pass {echo.address}; ws_origin null; }}
        location /same {{ ws_pass {echo.address}; ws_origin same; }}
    """, log_format="$http_origin $ws_origin_verdict")
    script = """
        await page.goto(args.page);
        return page.evaluate((url) => new Promise((resolve) => {
            const socket = new WebSocket(url);
            socket.onopen = () => { resolve('open'); socket.close(); };
            socket.onclose = (event) => resolve(event.code);
        }), args.url);
    """
    for path, result in (("/", "open"), ("/same", 1006)):
        assert browser.run(script, page=page.as_uri(), url=front.url(path)) == result
    assert sorted(front.access_log(2)) == ["null null", "null refused"]
