// SPDX-License-Identifier: Apache-2.0

/// The page on which a browser shows the token. It takes it from a field, or from behind a `#` in the address, which no
/// browser sends to any server, and gets a cookie for it that no script can read.
enum Login {
    /// The answers that need no token.
    static func answer(_ path: [String]) -> StatusAnswer? {
        switch path {
        case ["login"]: .bytes(type: "text/html; charset=utf-8", Array(Self.page.utf8))
        case ["login", "page.js"]: .bytes(type: "text/javascript; charset=utf-8", Array(Self.script.utf8))
        case ["login", "page.css"]: .bytes(type: "text/css; charset=utf-8", Array(Self.style.utf8))
        default: nil
        }
    }

    private static let page = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Millrace: token</title>
        <link rel="stylesheet" href="/login/page.css">
        <script src="/login/page.js" defer></script>
        </head>
        <body>
        <main>
        <h1>Millrace</h1>
        <form id="form">
        <label for="token">Token of this server</label>
        <input id="token" type="password" autocomplete="current-password" required autofocus>
        <button type="submit">Show the page</button>
        <p id="answer" role="status"></p>
        </form>
        <noscript><p>This page needs scripts, its own alone.</p></noscript>
        </main>
        </body>
        </html>

        """

    private static let script = """
        "use strict";
        const form = document.getElementById("form");
        const field = document.getElementById("token");
        const answer = document.getElementById("answer");

        async function show(token) {
          const headers = token ? { Authorization: "Bearer " + token } : {};
          const response = await fetch("/login/session", { headers });
          if (response.ok) { location.replace("/"); return true; }
          return false;
        }

        async function enter(token) {
          answer.textContent = "";
          try {
            if (!(await show(token))) { answer.textContent = "This is not the token."; }
          } catch {
            answer.textContent = "The server does not answer, or the token has letters that no token has.";
          }
        }

        form.addEventListener("submit", (event) => { event.preventDefault(); enter(field.value.trim()); });

        const given = new URLSearchParams(location.hash.slice(1)).get("token");
        if (given) {
          history.replaceState(null, "", "/login");
          enter(given);
        } else {
          show("").catch(() => {});
        }

        """

    private static let style = """
        :root { color-scheme: light dark; font-family: system-ui, sans-serif; }
        body { margin: 0; min-height: 100vh; display: grid; place-items: center; }
        main { width: min(24rem, calc(100vw - 2rem)); }
        form { display: grid; gap: 0.75rem; }
        input, button { font: inherit; padding: 0.6rem; border-radius: 0.4rem; border: 1px solid GrayText; }
        button { cursor: pointer; }

        """
}
