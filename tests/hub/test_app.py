from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from handspan.hub.app import application
from tests.hub.served import served

if TYPE_CHECKING:
    from pathlib import Path

POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def test_the_page_is_at_its_addresses_and_its_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("<title>page</title>")
    (tmp_path / "web" / "page.js").write_text("export {}")
    (tmp_path / "secret").write_text("secret")
    with served(application([], tmp_path / "web")) as http:
        answers = [http.ask("GET", path) for path in ("/", "/s/cao~1", "/s/a/b", "/web/page.js")]
        assert [(one.status, one.headers["content-security-policy"]) for one in answers] == [(200, POLICY)] * 4
        assert [one.data for one in answers] == [b"<title>page</title>"] * 3 + [b"export {}"]
        for path in ("/web/../secret", "/web/%2e%2e/secret", "/web/..%2fsecret", "/web/nothing", "/index.html"):
            assert http.ask("GET", path).status == 404, path


def test_without_a_page_there_is_none(tmp_path: Path) -> None:
    with served(application([], tmp_path)) as http:
        assert [http.ask("GET", path).status for path in ("/", "/s/x", "/web/x")] == [404] * 3


def test_more_routers_are_served_beside_the_doors_and_are_in_openapi(tmp_path: Path) -> None:
    router = APIRouter()

    @router.get("/api/sessions")
    async def sessions() -> dict[str, int]:  # pyright: ignore[reportUnusedFunction]
        return {"position": 12}

    with served(application([router], tmp_path)) as http:
        assert http.ask("GET", "/api/sessions").json() == {"position": 12}
        assert list(http.ask("GET", "/openapi.json").json()["paths"]) == ["/api/sessions"]
        # Their files come from a server on the Internet.
        assert [http.ask("GET", path).status for path in ("/docs", "/redoc")] == [404, 404]
