"""``make serve``: the web UI, with the demo's reference written first where that is the one in use.

Any other reference is the laboratory's to provide; then this only serves.
"""

import argparse
import os
import sys

from engine.interruption import hear_who_ends_it, quiet_interruption


def main() -> int:
    """Write, start and wait; the exit code is the server's."""
    hear_who_ends_it()
    with quiet_interruption():
        from demo.reference import write_reference
        from engine.errors import GenomicsError
        from genomics_assets.serve import serve
        from resources.environment import Settings
    parser = argparse.ArgumentParser(prog="make serve", description=__doc__)
    parser.add_argument("--port", type=_port, default=os.environ.get("PORT") or "3000", help="default: 3000")
    port = parser.parse_args().port
    try:
        settings = Settings.from_environment()
        if settings.reference == "demo":
            write_reference(settings.data / "sources")
        return serve(settings, port)
    except GenomicsError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before anything was started
        return 0


def _port(text: str) -> int:
    """A TCP port."""
    port = int(text)
    if not 0 < port < 65_536:
        raise ValueError(text)
    return port


if __name__ == "__main__":
    sys.exit(main())
