"""`baybroker serve`: the HTTP API, the live stream and the pages."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allocator.store.database import open_readonly, store_errors
from baybroker.cli.allocate import CITY_DEFAULT
from baybroker.cli.app import app
from baybroker.cli.common import BROKER_DEFAULT, Broker, City, Database, broker_address, city_name, connector, run
from baybroker.cli.token import TOKENS_DEFAULT, File
from baybroker.web.service import WebService
from baybroker.web.settings import PORT_DEFAULT, RATE_PER_S, WebSettings

if TYPE_CHECKING:
    from broker_bridge.transport.base import BrokerAddress


def _city_of(database: Path) -> str | None:
    """Return the city whose database it is, where an allocator has begun one."""
    if not database.is_file():
        return None
    with store_errors(str(database)), closing(open_readonly(database)) as connection:
        row = connection.execute("SELECT value FROM meta WHERE name = 'city'").fetchone()
    return str(row[0]) if row else None


async def _tell(service: WebService, address: BrokerAddress) -> None:
    await service.listening.wait()
    city = service.parts.settings.city
    typer.echo(f"serving {service.url} for {city} at {address.host}:{address.port}", err=True)


@app.command()
def serve(
    broker: Broker = BROKER_DEFAULT,
    database: Database = Path("baybroker.db"),
    city: City = None,
    tokens: File = TOKENS_DEFAULT,
    host: Annotated[str, typer.Option(envvar="BAYBROKER_HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="BAYBROKER_HTTP_PORT", min=0, max=65535, help="The port; 0: any free one.")
    ] = PORT_DEFAULT,
    rate: Annotated[
        float, typer.Option(envvar="BAYBROKER_RATE", min=0, help="Requests a second of each token or address; 0: any.")
    ] = RATE_PER_S,
    style_url: Annotated[
        str | None, typer.Option(envvar="BAYBROKER_STYLE_URL", help="A MapLibre style for the map, of your own server.")
    ] = None,
) -> None:
    """Serve the HTTP API, the live stream and the pages. It reads the database and asks the allocator over MQTT."""
    address = broker_address(broker)
    settings = WebSettings(
        database=database,
        tokens=tokens,
        city=city_name(city, _city_of(database) or CITY_DEFAULT),
        host=host,
        port=port,
        rate_per_s=rate,
        style_url=style_url,
    )
    service = WebService(settings, connector(address, "aiomqtt"))

    async def work(stop: asyncio.Event) -> None:
        telling = asyncio.create_task(_tell(service, address), name="tell-serving")
        try:
            await service.run(stop)
        finally:
            telling.cancel()

    run(work)
